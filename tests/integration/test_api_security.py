"""Who may read: the token, and the addresses that need one."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble
from vss_router.api import STATUS_PREFIX, HttpServer, build_app, check_bind
from vss_router.errors import SettingsError
from vss_router.status import MemoryReader

TOKEN = "cG9zc2libGU+secret=="
PROTECTED = [f"{STATUS_PREFIX}/operators", f"{STATUS_PREFIX}/snapshot", "/ready", "/metrics", "/schema", "/nowhere"]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    boards = {"main": BoardDouble()}
    with TestClient(build_app(MemoryReader(boards), boards=boards, token=TOKEN)) as client:
        yield client


@pytest.mark.parametrize("path", PROTECTED)
def test_without_the_token_nothing_is_told(client: TestClient[Litestar], path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/schema#unauthorized"
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN} {TOKEN}",
    ],
)
def test_anything_else_than_the_token_is_refused(client: TestClient[Litestar], sent: str) -> None:
    answer = client.get(f"{STATUS_PREFIX}/operators", headers={"Authorization": sent})
    assert answer.status_code == 401


def test_two_tokens_at_once_are_refused(client: TestClient[Litestar]) -> None:
    headers = [("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {TOKEN}")]
    assert client.get(f"{STATUS_PREFIX}/operators", headers=headers).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_opens(client: TestClient[Litestar], scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert client.get(f"{STATUS_PREFIX}/operators", headers=headers).status_code == 200
    assert client.get("/metrics", headers=headers).status_code == 200
    assert client.get("/nowhere", headers=headers).status_code == 404


def test_other_methods_need_it_too(client: TestClient[Litestar]) -> None:
    for method in ("HEAD", "OPTIONS", "POST", "DELETE"):
        assert client.request(method, f"{STATUS_PREFIX}/operators").status_code == 401
    assert client.head(f"{STATUS_PREFIX}/operators").content == b""


@pytest.mark.parametrize("path", ["/health/../metrics", "//health", "/health%2F", "/Health", "/health;x"])
def test_only_the_very_path_of_health_is_open(client: TestClient[Litestar], path: str) -> None:
    assert client.get("/health").status_code == 200
    assert client.get(f"http://testserver.local{path}").status_code == 401


def test_the_document_says_that_a_token_is_needed(client: TestClient[Litestar]) -> None:
    document = client.get("/schema/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}
    assert document["paths"]["/health"]["get"]["security"] == [{}]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST", "::ffff:127.0.0.1"]
)
def test_a_loopback_address_needs_no_token(host: str) -> None:
    check_bind(host, None)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "[::]", "", "192.168.1.5", "10.0.0.1", "pbx.example", "localhost.example", "127.1", "::2"]
)
def test_any_other_address_is_refused_without_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match="without a token.*set http_token, or use 127.0.0.1."):
        check_bind(host, None)
    check_bind(host, TOKEN)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "пароль", 'quo"te'])
def test_a_token_that_no_client_could_send_is_refused(token: str) -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(SettingsError, match="http_token cannot be sent in a header"):
            check_bind(host, token)


def test_the_server_itself_refuses_an_open_address_without_a_token() -> None:
    with pytest.raises(SettingsError, match="0.0.0.0"):
        HttpServer(build_app(MemoryReader({}), boards={}), host="0.0.0.0", port=0)
