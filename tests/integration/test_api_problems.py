"""Errors: each one is a problem of RFC 9457, says what to do, and tells nothing of the inside."""

from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble, operator
from vss_router.api import STATUS_PREFIX, build_app
from vss_router.api.problems import KINDS, Problem
from vss_router.status import MemoryReader


class Failing(MemoryReader):
    """A reader with a defect."""

    def calls(self, **_asked: Any) -> NoReturn:
        raise ZeroDivisionError("the secret of the inside")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    boards = {"main": BoardDouble(operators=[operator("PJSIP/1001")])}
    with TestClient(build_app(Failing(boards), boards=boards), raise_server_exceptions=False) as client:
        yield client


def problem_of(answer: Any, status: int, kind: str) -> Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(answer.content, type=Problem)
    assert (problem.status, problem.type) == (status, f"/schema#{kind}")
    assert (problem.status, problem.title) == (KINDS[kind].status, KINDS[kind].title)
    return problem


@pytest.mark.parametrize("table", ["operators", "channels", "calls", "queues"])
def test_an_unknown_row_names_what_was_asked_for(client: TestClient[Litestar], table: str) -> None:
    problem = problem_of(client.get(f"{STATUS_PREFIX}/{table}/nobody%2F1"), 404, "unknown-row")
    assert problem.detail == f"No {table[:-1]} 'nobody/1' is known."
    assert problem.instance == f"{STATUS_PREFIX}/{table}/nobody%2F1"


@pytest.mark.parametrize("path", ["queues/x/callers", "queues/x/operators", "operators/queue/x"])
def test_an_unknown_queue_is_not_an_empty_one(client: TestClient[Litestar], path: str) -> None:
    problem_of(client.get(f"{STATUS_PREFIX}/{path}"), 404, "unknown-row")


@pytest.mark.parametrize(
    "path", ["/", "/api", f"{STATUS_PREFIX}/agents", "/schema/redoc", "/queues/x/y/z", "/health/x"]
)
def test_an_unknown_path_leads_to_those_that_exist(client: TestClient[Litestar], path: str) -> None:
    assert "/schema" in problem_of(client.get(path), 404, "unknown-path").detail


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_answered_with_those_allowed(client: TestClient[Litestar], method: str) -> None:
    answer = client.request(method, f"{STATUS_PREFIX}/operators")
    problem_of(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("limit=0", "limit", ">= 1"),
        ("limit=10001", "limit", "<= 10000"),
        ("limit=ten", "limit", "Expected `int`"),
        ("limit=null", "limit", "leave it out"),
        ("state=null", "state", "leave it out"),
        ("limit=1&limit=2", "limit", "given twice"),
        ("source=main&source=main", "source", "given twice"),
        ("limit=", "limit", "Expected `int`"),
        ("limit=1e999", "limit", "out of range"),
        ("state=busy", "state", "use one of logged_out, unreachable"),
        ("state=", "state", "use one of logged_out, unreachable"),
        ("cursor=zzz", "cursor", "pass `next_cursor` on unchanged"),
        ("cursor=" + "A" * 5000, "cursor", "length <= 4096"),
    ],
)
def test_bad_input_names_its_field(client: TestClient[Litestar], query: str, field: str, said: str) -> None:
    problem = problem_of(client.get(f"{STATUS_PREFIX}/operators?{query}"), 422, "bad-input")
    assert [error.field for error in problem.errors] == [field]
    assert said in problem.errors[0].detail
    assert said in problem.detail


@pytest.mark.parametrize("path", ["operators", "operators/PJSIP/1001", "queues/x/callers", "snapshot", "calls"])
def test_an_unknown_source_is_told_with_those_that_exist(path: str) -> None:
    boards = {"main": BoardDouble()}
    with TestClient(build_app(MemoryReader(boards), boards=boards)) as client:
        answer = client.get(f"{STATUS_PREFIX}/{path}", params={"source": "west"})
    problem = problem_of(answer, 404, "unknown-source")
    assert problem.detail == "No PBX is called 'west': the sources are main."
    assert [error.field for error in problem.errors] == ["source"]


def test_all_fields_at_fault_are_named_at_once(client: TestClient[Litestar]) -> None:
    problem = problem_of(client.get(f"{STATUS_PREFIX}/operators?limit=0&state=busy"), 422, "bad-input")
    assert {error.field for error in problem.errors} == {"limit", "state"}


def test_a_longer_path_than_any_id_needs_is_refused(client: TestClient[Litestar]) -> None:
    problem = problem_of(client.get(f"{STATUS_PREFIX}/operators/{'x' * 40_000}"), 414, "uri-too-long")
    assert len(problem.instance) < 600


def test_a_long_id_is_not_echoed_in_full(client: TestClient[Litestar]) -> None:
    answer = client.get(f"{STATUS_PREFIX}/operators/{'x' * 10_000}")
    problem_of(answer, 404, "unknown-row")
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("path", ["%ff%fe", "%00", "%", "%zz", "a%0d%0aX-Injected:1"])
def test_bytes_that_are_no_text_find_nothing(client: TestClient[Litestar], path: str) -> None:
    answer = client.get(f"{STATUS_PREFIX}/operators/{path}")
    problem_of(answer, 404, "unknown-row")
    assert "x-injected" not in answer.headers


def test_a_defect_is_logged_and_tells_nothing_to_the_client(
    client: TestClient[Litestar], caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get(f"{STATUS_PREFIX}/calls")
    problem = problem_of(answer, 500, "internal-error")
    assert problem.detail == "The router failed to answer; its log says why."
    assert "secret" not in answer.text
    assert "the secret of the inside" in caplog.text


def test_before_the_first_synchronization_the_answer_is_to_come_again() -> None:
    boards = {"main": BoardDouble(resyncs=0)}
    reader = MemoryReader(boards, is_stale=lambda _source: True)
    with TestClient(build_app(reader, boards=boards)) as client:
        for path in ("operators", "operators/PJSIP/1", "snapshot", "queues/x/callers"):
            answer = client.get(f"{STATUS_PREFIX}/{path}")
            assert "main" in problem_of(answer, 503, "not-ready").detail
            assert answer.headers["retry-after"] == "1"
