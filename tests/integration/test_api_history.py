"""History and analytics over HTTP: spans, pages, and databases that are not there. The figures are tested elsewhere."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble, operator, queue
from tests.history_double import Past
from vss_router.api import STATUS_PREFIX, build_app
from vss_router.errors import DatabaseUnavailableError, StatusQueryError
from vss_router.status import MemoryReader

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
PATHS = [
    "history/operators/PJSIP/1",
    "history/queues/support",
    "analytics/operators",
    "analytics/operators/PJSIP/1",
    "analytics/queues",
    "analytics/queues/support",
]


@pytest.fixture(scope="module")
def shared() -> Past:
    return Past()


@pytest.fixture
def past(shared: Past) -> Past:
    shared.__init__()  # type: ignore[misc]  # as new for each test: an application costs more than that
    return shared


def application(past: Past | None) -> Litestar:
    boards = {"main": BoardDouble(operators=[operator("PJSIP/1"), operator("PJSIP/2")], queues=[queue("support")])}
    return build_app(MemoryReader(boards), boards=boards, history=past, analytics=past, clock=NOW.timestamp)


@pytest.fixture(scope="module")
def serving(shared: Past) -> Iterator[TestClient[Litestar]]:
    with TestClient(application(shared)) as client:
        yield client


@pytest.fixture
def client(serving: TestClient[Litestar], past: Past) -> TestClient[Litestar]:
    return serving


@pytest.fixture(scope="module")
def bare() -> Iterator[TestClient[Litestar]]:
    with TestClient(application(None)) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("from=yesterday", "from"),
            ("from=", "from"),
            ("from=1795290561", "from"),
            ("from=2026-11-21", "from"),
            ("from=2026-11-21T00:00:00", "from"),
            ("to=2026-W47-6T00:00:00Z", "to"),
            ("to=2026-02-30T00:00:00Z", "to"),
            ("to=2026-11-21T24:60:00Z", "to"),
            ("to=0001-01-01T00:00:00%2B14:00", "to"),
            ("to=0001-01-01T00:00:00Z", "to"),
            ("from=2026-11-21T20:00:00Z", "from"),
            ("from=2026-11-21T10:00:00Z&to=2026-11-21T12:00:00%2B03:00", "from"),
        ],
    )
    def test_a_span_that_is_none_names_the_end_at_fault(
        self, client: TestClient[Litestar], past: Past, path: str, query: str, field: str
    ) -> None:
        answer = client.get(f"{STATUS_PREFIX}/{path}?{query}")
        assert (answer.status_code, answer.json()["type"]) == (422, "/schema#bad-input")
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert past.asked == []

    def test_without_a_database_it_says_how_to_have_one(self, bare: TestClient[Litestar], path: str) -> None:
        answer = bare.get(f"{STATUS_PREFIX}/{path}")
        assert (answer.status_code, answer.json()["type"]) == (503, "/schema#no-database")
        assert "--database" in answer.json()["detail"]

    def test_a_database_that_does_not_answer_is_told_with_the_time_to_come_again(
        self, client: TestClient[Litestar], past: Past, path: str
    ) -> None:
        past.trouble = DatabaseUnavailableError("the database does not answer: no route")
        answer = client.get(f"{STATUS_PREFIX}/{path}")
        assert (answer.status_code, answer.json()["type"]) == (503, "/schema#no-database")
        assert answer.json()["detail"] == "The database does not answer: no route."
        assert int(answer.headers["retry-after"]) > 0

    def test_a_database_that_hangs_ends_in_time(
        self, client: TestClient[Litestar], past: Past, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def hang(*_given: Any, **_named: Any) -> None:
            await asyncio.Event().wait()

        for method in ("operator", "queue", "operator_states", "queue_states", "service_level"):
            monkeypatch.setattr(past, method, hang)
        monkeypatch.setattr("vss_router.api.spans._LONGEST_ANSWER", 0.05)
        answer = client.get(f"{STATUS_PREFIX}/{path}")
        assert (answer.status_code, answer.json()["type"]) == (503, "/schema#no-database")

    def test_what_the_database_cannot_understand_names_the_field(
        self, client: TestClient[Litestar], past: Past, path: str
    ) -> None:
        past.trouble = StatusQueryError("cursor", "The cursor is not one that this API gave out.")
        answer = client.get(f"{STATUS_PREFIX}/{path}")
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["cursor"])


@pytest.mark.parametrize(
    "path",
    ["history/operators/nobody", "history/queues/nobody", "analytics/operators/nobody", "analytics/queues/nobody"],
)
def test_an_unknown_id_is_told(client: TestClient[Litestar], path: str) -> None:
    answer = client.get(f"{STATUS_PREFIX}/{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/schema#unknown-row")


@pytest.mark.parametrize("path", PATHS)
def test_the_span_is_the_day_before_now_unless_told(client: TestClient[Litestar], past: Past, path: str) -> None:
    answer = client.get(f"{STATUS_PREFIX}/{path}")
    assert answer.status_code == 200
    assert answer.headers["x-source-of-truth"] == "database"
    ends = [time for time in past.asked[0] if isinstance(time, datetime)]
    assert ends == [datetime(2026, 11, 20, 20, tzinfo=UTC), NOW]


@pytest.mark.parametrize("path", PATHS)
def test_times_are_read_in_their_zone(client: TestClient[Litestar], past: Past, path: str) -> None:
    client.get(f"{STATUS_PREFIX}/{path}?from=2026-11-01T03:00:00.5%2B03:00&to=2026-11-02t00:00:00z")
    ends = [time for time in past.asked[0] if isinstance(time, datetime)]
    assert ends == [datetime(2026, 11, 1, 0, 0, 0, 500_000, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)]


def test_pages_and_source_are_handed_on(client: TestClient[Litestar], past: Past) -> None:
    client.get(f"{STATUS_PREFIX}/history/operators/PJSIP%2F1?limit=7&cursor=abc&source=main")
    assert past.asked[0][0] == "PJSIP/1"
    assert past.named[0] == {"source": "main", "limit": 7, "cursor": "abc"}


@pytest.mark.parametrize("path", PATHS)
def test_times_have_milliseconds(client: TestClient[Litestar], path: str) -> None:
    times = re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', client.get(f"{STATUS_PREFIX}/{path}").text)
    assert times
    assert [time for time in times if not re.fullmatch(r".*:\d\d\.\d{3}Z", time)] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x"])
def test_a_page_of_reports_is_bounded(client: TestClient[Litestar], query: str) -> None:
    assert client.get(f"{STATUS_PREFIX}/analytics/operators?{query}").status_code == 422


def test_reports_of_all_operators_come_page_by_page(client: TestClient[Litestar]) -> None:
    first = client.get(f"{STATUS_PREFIX}/analytics/operators?limit=1").json()
    second = client.get(f"{STATUS_PREFIX}/analytics/operators?limit=1&cursor={first['next_cursor']}").json()
    assert [item["id"] for item in first["items"] + second["items"]] == ["PJSIP/1", "PJSIP/2"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("query", ["interval=year", "interval=", "time_zone=" + "x" * 65])
def test_an_interval_that_is_none_is_refused(client: TestClient[Litestar], query: str) -> None:
    answer = client.get(f"{STATUS_PREFIX}/analytics/queues/support?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_too_many_intervals_are_blamed_on_the_parameter_that_has_them(client: TestClient[Litestar], past: Past) -> None:
    past.trouble = StatusQueryError("step", "The span has more than 1000 intervals of one quarter: take another.")
    answer = client.get(f"{STATUS_PREFIX}/analytics/queues/support?interval=quarter")
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == ["interval"]


def test_a_queue_has_its_service_level_per_interval(client: TestClient[Litestar], past: Past) -> None:
    report = client.get(f"{STATUS_PREFIX}/analytics/queues/support?interval=day&time_zone=Europe/Moscow").json()
    assert (past.named[0]["step"], past.named[0]["time_zone"]) == ("day", "Europe/Moscow")
    assert report["service_level"]["intervals"][0]["offered"] == 31
    assert {"states", "handling"} <= set(report)
