"""Health, readiness, metrics and synchronization: what orchestrators and people on call look at."""

import re
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tests.board_double import BoardDouble, operator, queue
from tests.link_status_double import link_status
from vss_router.api import STATUS_PREFIX, build_app
from vss_router.status import MemoryReader

LABELS = ("source", "table", "field")


class Router:
    """Two boards and their links, changed by the tests."""

    def __init__(self) -> None:
        self.boards = {
            "main": BoardDouble(operators=[operator("PJSIP/1")], queues=[queue("support")], seq=41),
            "south": BoardDouble("south"),
        }
        self.links = {"main": link_status(), "south": link_status("south")}


@pytest.fixture
def router() -> Router:
    return Router()


@pytest.fixture
def client(router: Router) -> Iterator[TestClient[Litestar]]:
    app = build_app(
        MemoryReader(router.boards), boards=router.boards, links=lambda: router.links, clock=lambda: 1_795_290_561.584
    )
    with TestClient(app) as client:
        yield client


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(sample.labels[label] for label in LABELS if label in sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_process_is_alive_whatever_the_links_do(client: TestClient[Litestar], router: Router) -> None:
    router.links.clear()
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


def test_it_is_ready_when_every_pbx_is_synchronized(client: TestClient[Litestar]) -> None:
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "sources": ["main", "south"]})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"state": "resync"}, "south is not synchronized: its link is resync."),
        ({"trouble": "Nobody listens on pbx:5038."}, "south is not synchronized: Nobody listens on pbx:5038."),
        ({"login_refused": "The PBX refused the login."}, "south is not synchronized: The PBX refused the login."),
    ],
)
def test_it_is_not_ready_while_one_pbx_is_missing(
    client: TestClient[Litestar], router: Router, changed: dict[str, str], said: str
) -> None:
    router.links["south"] = link_status("south", synchronized=False, **changed)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert (answer.json()["detail"], answer.json()["sources"]) == (said, ["south"])


def test_without_a_pbx_it_is_not_ready(client: TestClient[Litestar], router: Router) -> None:
    router.links.clear()
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert "--ami" in answer.json()["detail"]


class TestSyncStatus:
    def test_it_shows_each_pbx_with_rows_and_drift(self, client: TestClient[Litestar]) -> None:
        shown = client.get(f"{STATUS_PREFIX}/sync/status").json()["sources"]
        assert set(shown) == {"main", "south"}
        assert shown["main"] == {
            "source": "main",
            "state": "live",
            "connected": True,
            "synchronized": True,
            "seq": 41,
            "as_of": "2026-11-21T19:49:21.084Z",
            "age_seconds": 0.5,
            "asterisk_version": "22.5.2",
            "trouble": None,
            "fence": "setvar",
            "filtered": True,
            "lists_refused": {},
            "resyncs": 1,
            "resync_last_reason": "connect",
            "reconnects": 1,
            "rows": {
                "memory": {"operators": 1, "channels": 0, "calls": 0, "queues": 1, "callers": 1},
                "redis": None,
                "database": None,
            },
            "redis": None,
            "drift": {"member.paused": 2},
        }

    def test_a_link_in_trouble_says_why(self, client: TestClient[Litestar], router: Router) -> None:
        router.links["south"] = link_status(
            "south", state="down", connected=False, synchronized=False, trouble="It hung up.", last_event_at=None
        )
        shown = client.get(f"{STATUS_PREFIX}/sync/status").json()["sources"]["south"]
        assert (shown["state"], shown["connected"], shown["trouble"]) == ("down", False, "It hung up.")
        assert shown["age_seconds"] is None

    def test_a_board_that_is_fed_without_a_link_is_shown_too(
        self, client: TestClient[Litestar], router: Router
    ) -> None:
        del router.links["south"]
        shown = client.get(f"{STATUS_PREFIX}/sync/status").json()["sources"]["south"]
        assert (shown["state"], shown["connected"], shown["rows"]["memory"]["operators"]) == (None, False, 0)


class TestMetrics:
    def test_boards_and_links_are_told_apart_by_source(self, client: TestClient[Litestar]) -> None:
        found = samples(client.get("/metrics").text)
        assert found["vss_router_messages_total", "main"] == 70
        assert found["vss_router_rows", "main", "operators"] == 1
        assert found["vss_router_rows", "south", "operators"] == 0
        assert found["vss_router_seq", "main"] == 41
        assert found["vss_router_drift", "main", "member.paused"] == 2
        assert found["vss_router_link_synchronized", "south"] == 1
        assert found["vss_router_link_reconnects_total", "main"] == 1
        assert found["vss_router_link_drift_total", "main", "member.paused"] == 3
        assert found["vss_router_link_clock_offset", "main"] == -0.5

    def test_what_was_never_measured_has_no_sample(self, client: TestClient[Litestar]) -> None:
        assert not [key for key in samples(client.get("/metrics").text) if key[0] == "vss_router_link_ping_seconds"]

    def test_each_scrape_looks_anew(self, client: TestClient[Litestar], router: Router) -> None:
        client.get("/metrics")
        router.links["main"] = link_status(synchronized=False, reconnects=5)
        router.boards["main"].seq = 50
        found = samples(client.get("/metrics").text)
        assert found["vss_router_link_synchronized", "main"] == 0
        assert found["vss_router_link_reconnects_total", "main"] == 5
        assert found["vss_router_seq", "main"] == 50

    def test_the_process_itself_is_measured(self, client: TestClient[Litestar]) -> None:
        assert samples(client.get("/metrics").text)["process_resident_memory_bytes",] > 1_000_000

    def test_openmetrics_is_spoken_to_who_prefers_it(self, client: TestClient[Litestar]) -> None:
        answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert answer.text.endswith("# EOF\n")

    def test_plain_text_is_the_rule(self, client: TestClient[Litestar]) -> None:
        assert re.match(r"text/plain; version=", client.get("/metrics").headers["content-type"])

    def test_two_applications_do_not_disturb_each_other(self, router: Router) -> None:
        for _ in range(2):
            with TestClient(build_app(MemoryReader(router.boards), boards=router.boards)) as client:
                assert client.get("/metrics").status_code == 200
