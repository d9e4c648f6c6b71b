"""Rows by hand over HTTP: who may, what a body may be, and what stands there afterwards."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble, channel, operator, queue
from tests.store_double import StoreDouble
from vss_router.api import STATUS_PREFIX, HttpServer, build_app
from vss_router.api.bodies import LONGEST_BODY
from vss_router.status import MemoryReader

TOKEN = "secret"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
TABLES = ["operators", "channels", "queues"]
ODD_IDS = ["PJSIP/1001", "SIP/a//b", "/leading", "trailing/", "100% sure", "two words", "Анна/1", "a@b", "x" * 10_000]


def boards_of() -> dict[str, BoardDouble]:
    rows = {"operators": [operator("PJSIP/1")], "channels": [channel("17.1")], "queues": [queue("support")]}
    return {"main": BoardDouble("main", **rows)}  # type: ignore[arg-type]


@pytest.fixture
def boards() -> dict[str, BoardDouble]:
    return boards_of()


def application(boards: dict[str, BoardDouble], token: str | None = TOKEN) -> Litestar:
    return build_app(MemoryReader(boards), boards=boards, store=StoreDouble(boards), token=token)


@pytest.fixture
def client(boards: dict[str, BoardDouble]) -> Iterator[TestClient[Litestar]]:
    with TestClient(application(boards)) as client:
        client.headers.update(AUTHORIZED)
        yield client


@pytest.fixture(scope="module")
def refusing() -> Iterator[TestClient[Litestar]]:
    """For requests that change nothing."""
    with TestClient(application(boards_of())) as client:
        client.headers.update(AUTHORIZED)
        yield client


WRITES = [
    *(("POST", f"{table}/x") for table in TABLES),
    *(("DELETE", f"{table}/{key}") for table, key in zip(TABLES, ["PJSIP/1", "17.1", "support"], strict=True)),
    ("DELETE", ""),
]


class TestWhoMayWrite:
    @pytest.mark.parametrize(("method", "path"), WRITES)
    def test_without_a_token_in_the_settings_nobody_may(
        self, boards: dict[str, BoardDouble], method: str, path: str
    ) -> None:
        with TestClient(application(boards, token=None)) as client:
            for headers in ({}, AUTHORIZED):
                answer = client.request(method, f"{STATUS_PREFIX}/{path}", json={}, headers=headers)
                assert answer.status_code == 403
                assert answer.json()["type"] == "/schema#forbidden"
                assert "set http_token" in answer.json()["detail"]
            assert client.get(f"{STATUS_PREFIX}/operators").status_code == 200
        assert boards["main"].seq == 1

    @pytest.mark.parametrize(("method", "path"), WRITES)
    @pytest.mark.parametrize("sent", ["", "Bearer other", f"Basic {TOKEN}"])
    def test_with_another_token_nobody_may(
        self, refusing: TestClient[Litestar], method: str, path: str, sent: str
    ) -> None:
        answer = refusing.request(method, f"{STATUS_PREFIX}/{path}", json={}, headers={"Authorization": sent})
        assert answer.status_code == 401
        assert len(refusing.get(f"{STATUS_PREFIX}/operators").json()["items"]) == 1

    def test_a_router_without_a_store_has_no_such_operation(self, boards: dict[str, BoardDouble]) -> None:
        with TestClient(build_app(MemoryReader(boards), boards=boards, token=TOKEN)) as client:
            answer = client.post(f"{STATUS_PREFIX}/operators/x", json={}, headers=AUTHORIZED)
        assert answer.status_code == 405


@pytest.mark.parametrize("table", TABLES)
class TestBodies:
    @pytest.mark.parametrize(
        "kind",
        [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"],
    )
    def test_only_json_is_taken(self, refusing: TestClient[Litestar], table: str, kind: str | None) -> None:
        headers = {} if kind is None else {"Content-Type": kind}
        answer = refusing.post(f"{STATUS_PREFIX}/{table}/x", content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (415, "/schema#unsupported-media-type")

    @pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"{} {}", b'{"a":1,}', b"\xff\xfe", b"[" * 60_000])
    def test_what_is_no_json_is_told(self, refusing: TestClient[Litestar], table: str, body: bytes) -> None:
        answer = refusing.post(f"{STATUS_PREFIX}/{table}/x", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize("body", [[], "text", 1, None, True])
    def test_json_that_is_no_object_is_told(self, refusing: TestClient[Litestar], table: str, body: Any) -> None:
        answer = refusing.post(
            f"{STATUS_PREFIX}/{table}/x", content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")

    def test_an_unknown_field_is_named(self, refusing: TestClient[Litestar], table: str) -> None:
        answer = refusing.post(f"{STATUS_PREFIX}/{table}/x", json={"colour": "red"})
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["colour"]
        assert "colour" in answer.json()["detail"]

    def test_a_body_over_the_bound_is_refused(self, refusing: TestClient[Litestar], table: str) -> None:
        answer = refusing.post(f"{STATUS_PREFIX}/{table}/x", json={"name": "x" * LONGEST_BODY})
        assert (answer.status_code, answer.json()["type"]) == (413, "/schema#body-too-large")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("operators/x", {"state": "asleep"}, "state"),
        ("operators/x", {"reachable": "yes"}, "reachable"),
        ("operators/x", {"reachable": 1}, "reachable"),
        ("operators/x", {"since": "yesterday"}, "since"),
        ("operators/x", {"since": "2026-11-21T00:00:00"}, "since"),
        ("operators/x", {"memberships": [{"queue": "a"}, {"penalty": 1}]}, "memberships[1].queue"),
        ("operators/x", {"memberships": [{"queue": "a", "sort": 1}]}, "memberships[0].sort"),
        ("operators/x", {"seq": 5}, "seq"),
        ("channels/x", {"state": 11}, "state"),
        ("channels/x", {"state": "6"}, "state"),
        ("channels/x", {"caller": {"number": 7, "name": None}}, "caller.number"),
        ("queues/x", {"max": -1}, "max"),
        ("queues/x", {"counts": {}}, "counts.logged_in"),
    ],
)
def test_a_field_with_a_wrong_value_is_named(
    refusing: TestClient[Litestar], path: str, body: dict[str, Any], field: str
) -> None:
    answer = refusing.post(f"{STATUS_PREFIX}/{path}", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/schema#bad-input")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_time_that_no_calendar_has_in_utc_is_refused(refusing: TestClient[Litestar]) -> None:
    answer = refusing.post(f"{STATUS_PREFIX}/operators/x", json={"since": "0001-01-01T00:00:00+14:00"})
    assert answer.status_code == 422


@pytest.mark.parametrize("key", ODD_IDS, ids=lambda key: key[:20])
@pytest.mark.parametrize("table", TABLES)
def test_a_row_of_any_id_is_set_read_and_removed(client: TestClient[Litestar], table: str, key: str) -> None:
    path = f"{STATUS_PREFIX}/{table}/{quote(key, safe='')}"
    written = client.post(path, json={})
    assert written.status_code == 200, written.text
    row = written.json()
    assert (row.get("id", row.get("name")), row["manual"], row["source"]) == (key, True, "main")
    assert client.get(path).content == written.content
    assert {"x-source-of-truth", "x-as-of", "x-seq", "x-stale"} <= set(written.headers)
    gone = client.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404


def test_what_a_change_leaves_out_stays_as_it_is(client: TestClient[Litestar]) -> None:
    row = client.post(f"{STATUS_PREFIX}/operators/PJSIP/1", json={"state": "paused", "reason": "lunch"}).json()
    assert (row["state"], row["reason"], row["intent"], row["name"]) == ("paused", "lunch", "paused", "Anna")


def test_everything_is_removed_at_once(client: TestClient[Litestar]) -> None:
    assert client.delete(STATUS_PREFIX).json() == {"removed": 3}
    assert client.delete(f"{STATUS_PREFIX}/").json() == {"removed": 0}
    assert client.get(f"{STATUS_PREFIX}/operators").json()["items"] == []


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_an_unknown_source_is_told(refusing: TestClient[Litestar], method: str, path: str) -> None:
    answer = refusing.request(method, f"{STATUS_PREFIX}/{path}?source=west", json={})
    assert (answer.status_code, answer.json()["type"]) == (404, "/schema#unknown-source")


@pytest.mark.parametrize("path", ["operators/queue/support", "queues/support/callers", "queues/support/operators"])
def test_what_is_made_of_rows_cannot_be_written(refusing: TestClient[Litestar], path: str) -> None:
    answer = refusing.post(f"{STATUS_PREFIX}/{path}", json={})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ["operators/x", "queues/x", "sync/resync", ""])
def test_options_tells_the_methods_of_a_path(refusing: TestClient[Litestar], path: str) -> None:
    answer = refusing.options(f"{STATUS_PREFIX}/{path}")
    allowed = set(answer.headers["allow"].split(", "))
    assert answer.status_code == 204
    assert ("HEAD" in allowed) == ("GET" in allowed)
    assert ("POST" in allowed) == (path != "")


async def test_a_body_that_never_ends_is_cut_off(
    boards: dict[str, BoardDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vss_router.api.bodies._BODY_SECONDS", 0.1)
    server = HttpServer(application(boards), port=0, token=TOKEN)
    await server.start()

    async def endless() -> Any:
        yield b'{"name":'
        while True:
            yield b" " * 16_384

    try:
        async with httpx.AsyncClient() as client:
            headers = AUTHORIZED | {"Content-Type": "application/json"}
            answer = await client.post(f"{server.url}{STATUS_PREFIX}/operators/x", content=endless(), headers=headers)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # the server may close what it will not read
    finally:
        await server.stop()
    assert boards["main"].seq == 1
