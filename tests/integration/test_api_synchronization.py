"""`/sync`: what stands where, and the resync on request."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble, operator
from tests.link_status_double import link_status
from tests.redis_writer_double import WriterDouble, WriterStatusDouble
from vss_router.api import STATUS_PREFIX, build_app
from vss_router.errors import AmiConnectionError, RedisUnavailableError
from vss_router.status import MemoryReader

TOKEN = "secret"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
STATUS, RESYNC = f"{STATUS_PREFIX}/sync/status", f"{STATUS_PREFIX}/sync/resync"


class Link:
    """A link that compares when `go` is set; `down` has no connection."""

    def __init__(self, *, down: bool = False) -> None:
        self.down = down
        self.compared = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def resync(self, reason: str = "asked") -> dict[str, int]:
        if self.down:
            raise AmiConnectionError("pbx:5038 is not connected: nobody listens there")
        self.begun.set()
        await self.go.wait()
        self.compared += 1
        return {"member.paused": self.compared}


class Counter:
    def __init__(self, found: Mapping[str, int] | Exception) -> None:
        self.found = found

    async def counts(self, source: str) -> Mapping[str, int]:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Hanging:
    async def counts(self, source: str) -> Mapping[str, int]:
        await asyncio.Event().wait()
        raise AssertionError


class Parts:
    """What the application is made of, changed by the tests."""

    def __init__(self) -> None:
        self.boards = {"main": BoardDouble(operators=[operator("PJSIP/1")], seq=41), "south": BoardDouble("south")}
        self.links = {"main": Link(), "south": Link()}
        self.writers = {"main": WriterDouble()}
        self.counters: dict[str, Any] = {}

    def app(self, **options: Any) -> Litestar:
        return build_app(
            MemoryReader(self.boards),
            boards=self.boards,
            links=lambda: {source: link_status(source) for source in self.boards},
            comparing=self.links,
            writers=lambda: self.writers,
            counters=self.counters,  # type: ignore[arg-type]
            **{"token": TOKEN, **options},
        )


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def client(parts: Parts) -> Iterator[TestClient[Litestar]]:
    with TestClient(parts.app()) as client:
        client.headers.update(AUTHORIZED)
        yield client


class TestStatus:
    def test_rows_are_counted_in_every_store(self, parts: Parts, client: TestClient[Litestar]) -> None:
        parts.counters["redis"] = Counter({"operators": 1, "channels": 0, "calls": 0, "queues": 2})
        parts.counters["database"] = Counter({"operators": 5, "queues": 2, "calls": 900})
        rows = client.get(STATUS).json()["sources"]["main"]["rows"]
        assert rows["memory"]["operators"] == 1
        assert rows["redis"] == {"operators": 1, "channels": 0, "calls": 0, "queues": 2}
        assert rows["database"] == {"operators": 5, "channels": None, "calls": 900, "queues": 2}

    def test_a_board_that_follows_another_router_counts_what_it_can(self) -> None:
        class Followed(BoardDouble):
            def stats(self) -> dict[str, int]:
                return {"operators": 1, "channels": 0, "calls": 0, "queues": 0}

        boards = {"main": Followed(operators=[operator("PJSIP/1")])}
        with TestClient(build_app(MemoryReader(boards), boards=boards)) as client:
            shown = client.get(STATUS).json()["sources"]["main"]
            assert client.get(f"{STATUS_PREFIX}/stream", params={"source": "west"}).status_code == 404
        assert (shown["rows"]["memory"]["operators"], shown["rows"]["memory"]["callers"]) == (1, 0)
        assert (shown["resyncs"], shown["connected"]) == (0, False)

    @pytest.mark.parametrize("counter", [Counter(RedisUnavailableError("Redis is away: wait")), Hanging()])
    def test_a_store_that_does_not_answer_holds_nothing_up(
        self, parts: Parts, client: TestClient[Litestar], counter: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vss_router.api.synchronization._COUNT_SECONDS", 0.05)
        parts.counters["redis"] = counter
        shown = client.get(STATUS)
        assert shown.status_code == 200
        assert shown.json()["sources"]["main"]["rows"]["redis"] is None

    def test_the_writer_to_redis_is_shown_where_there_is_one(self, parts: Parts, client: TestClient[Litestar]) -> None:
        parts.writers["main"].told = WriterStatusDouble(state="standby", trouble="another router writes", holder="b")
        shown = client.get(STATUS).json()["sources"]
        assert shown["south"]["redis"] is None
        assert shown["main"]["redis"] == {
            "state": "standby",
            "trouble": "another router writes",
            "epoch": 3,
            "holder": "b",
            "seq": 41,
            "behind": 0,
            "rows_written": 7,
            "flushes": 2,
            "connects": 1,
            "failures": 0,
            "fenced": 0,
        }


class TestResync:
    def test_without_a_token_in_the_settings_nobody_may_ask(self, parts: Parts) -> None:
        with TestClient(parts.app(token=None)) as client:
            answer = client.post(RESYNC)
        assert (answer.status_code, answer.json()["type"]) == (403, "/schema#forbidden")
        assert "set http_token" in answer.json()["detail"]
        assert parts.links["main"].compared == 0

    def test_with_another_token_nobody_may_ask(self, client: TestClient[Litestar], parts: Parts) -> None:
        assert client.post(RESYNC, headers={"Authorization": "Bearer other"}).status_code == 401
        assert parts.links["main"].compared == 0

    def test_an_unknown_source_is_told(self, client: TestClient[Litestar]) -> None:
        answer = client.post(RESYNC, params={"source": "west"})
        assert (answer.status_code, answer.json()["type"]) == (404, "/schema#unknown-source")

    def test_a_pbx_that_is_not_connected_is_named_and_redis_written_anew_all_the_same(
        self, client: TestClient[Litestar], parts: Parts
    ) -> None:
        parts.links["main"].down = True
        answer = client.post(RESYNC)
        assert (answer.status_code, answer.json()["type"]) == (503, "/schema#not-connected")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["sources"] == ["main"]
        assert answer.json()["detail"] == (
            "pbx:5038 is not connected: nobody listens there. Its rows in Redis were written anew."
        )
        assert (parts.writers["main"].asked, parts.links["south"].compared) == (1, 1)

    def test_a_pbx_whose_link_another_process_holds_is_named(self, client: TestClient[Litestar], parts: Parts) -> None:
        del parts.links["south"]
        answer = client.post(RESYNC, params={"source": "south"})
        assert answer.status_code == 503
        assert "south has no link in this process" in answer.json()["detail"]

    def test_lists_that_never_come_end_in_time(
        self, client: TestClient[Litestar], parts: Parts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vss_router.api.resynchronization.COMPARE_SECONDS", 0.05)
        parts.links["main"].go.clear()
        answer = client.post(RESYNC, params={"source": "main"})
        assert answer.status_code == 503
        assert "did not send its lists" in answer.json()["detail"]

    def test_the_differences_are_the_answer(self, client: TestClient[Litestar], parts: Parts) -> None:
        found = client.post(RESYNC).json()["sources"]
        assert {source: each["differences"] for source, each in found.items()} == {
            "main": {"member.paused": 1},
            "south": {"member.paused": 1},
        }
        assert (found["main"]["redis"]["done"], found["south"]["redis"]) == (True, None)

    def test_one_pbx_is_picked_by_source(self, client: TestClient[Litestar], parts: Parts) -> None:
        assert list(client.post(RESYNC, params={"source": "south"}).json()["sources"]) == ["south"]
        assert (parts.links["main"].compared, parts.writers["main"].asked) == (0, 0)

    def test_a_redis_that_is_not_written_anew_in_time_is_told_with_its_trouble(
        self, client: TestClient[Litestar], parts: Parts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vss_router.api.resynchronization.REWRITE_SECONDS", 0.05)
        parts.writers["main"].stuck = True
        parts.writers["main"].told.trouble = "Redis is away"
        redis = client.post(RESYNC, params={"source": "main"}).json()["sources"]["main"]["redis"]
        assert (redis["done"], redis["trouble"]) == (False, "Redis is away")

    async def test_who_asks_while_one_runs_gets_its_answer(self, parts: Parts) -> None:
        link = parts.links["main"]
        link.go.clear()
        transport = httpx.ASGITransport(parts.app())  # type: ignore[arg-type]  # Litestar names its messages' types
        async with httpx.AsyncClient(transport=transport, base_url="http://router", headers=AUTHORIZED) as client:
            asked = [asyncio.create_task(client.post(RESYNC, params={"source": "main"})) for _ in range(3)]
            await link.begun.wait()
            for _ in range(500):  # turns of the loop in which the other two arrive
                await asyncio.sleep(0)
            link.go.set()
            answers = [(await each).json()["sources"]["main"]["differences"] for each in asked]
        assert answers == [{"member.paused": 1}] * 3
        assert link.compared == 1

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
    def test_only_post_resyncs(self, client: TestClient[Litestar], parts: Parts, method: str) -> None:
        answer = client.request(method, RESYNC)
        assert answer.status_code == 405
        assert "POST" in answer.headers["allow"]
        assert parts.links["main"].compared == 0
