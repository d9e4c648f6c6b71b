"""The stream of changes: how it begins, goes on, takes up again, and what a slow client may cost."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble, call, channel, operator, queue
from tests.integration.sse_client import PATIENCE, streaming
from vss_router import StatusBoard
from vss_router.api import STATUS_PREFIX, HttpServer, build_app
from vss_router.api.feeds import BoardFeed
from vss_router.api.stream_messages import event_id, positions_in
from vss_router.api.streams import ROWS_PER_MESSAGE, Streams
from vss_router.status import MemoryReader

RECORDING = Path(__file__).parents[1] / "data" / "asterisk-22.ami.gz"
NOW = 1_800_000_000.0
SEQ = 1_795_290_561_000_000
PATH = f"{STATUS_PREFIX}/stream"
TABLES = ("operators", "channels", "queues", "calls")


@pytest.fixture
def board() -> BoardDouble:
    return BoardDouble(
        operators=[operator("PJSIP/1"), operator("PJSIP/Анна")],
        channels=[channel("17.1")],
        queues=[queue("support")],
        calls=[call("17.1")],
        seq=SEQ,
    )


@pytest.fixture
async def server(board: BoardDouble) -> AsyncIterator[HttpServer]:
    server = HttpServer(application(board), port=0)
    await server.start()
    yield server
    await server.stop()


def application(*boards: BoardDouble, **options: object) -> Litestar:
    held = {board.source: board for board in boards}
    return build_app(MemoryReader(held), boards=held, **options)  # type: ignore[arg-type]


async def metrics_of(server: HttpServer) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"{server.url}/metrics")).text.splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith("vss_router_streams_"))
    return {name.removeprefix("vss_router_streams_").removesuffix("_total"): float(value) for name, _, value in found}


async def until_metric(server: HttpServer, name: str, value: float) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await metrics_of(server))[name] != value:  # noqa: ASYNC110 - the other side is a server
            await asyncio.sleep(0.02)


class TestRefusals:
    @pytest.mark.parametrize("source", ["west", "%00", ""])
    def test_an_unknown_source_is_told_before_the_stream_begins(self, board: BoardDouble, source: str) -> None:
        with TestClient(application(board)) as client:
            answer = client.get(f"{PATH}?source={source}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "/schema#unknown-source"

    def test_a_router_that_knows_nothing_yet_says_when_to_come_again(self) -> None:
        boards = {"main": BoardDouble(resyncs=0)}
        feed = BoardFeed(boards, is_stale=lambda _source: True)
        with TestClient(build_app(MemoryReader(boards), boards=boards, feed=feed)) as client:
            answer = client.get(PATH)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "main" in answer.json()["detail"]

    def test_a_router_without_a_pbx_says_so(self) -> None:
        with TestClient(application()) as client:
            assert client.get(PATH).status_code == 503

    def test_without_the_token_no_stream_begins(self, board: BoardDouble) -> None:
        with TestClient(application(board, token="secret")) as client:
            assert client.get(PATH).status_code == 401

    async def test_one_stream_more_than_are_served_is_refused_with_the_time_to_come_again(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Streams, "full", property(lambda streams: streams.stats.open >= 1))
        async with streaming(server.url + PATH) as first:
            await first.next()
            async with httpx.AsyncClient() as client:
                answer = await client.get(server.url + PATH)
        assert answer.status_code == 503
        assert answer.json()["type"] == "/schema#too-many-streams"
        assert int(answer.headers["retry-after"]) > 0
        assert (await metrics_of(server))["refused"] == 1


async def test_it_begins_with_a_snapshot_and_goes_on_with_changes(server: HttpServer, board: BoardDouble) -> None:
    async with streaming(server.url + PATH) as stream:
        first = await stream.next()
        assert (first.event, first.id) == ("snapshot", f"main:{SEQ}")
        assert {table: len(first.data[table]) for table in TABLES} == {
            "operators": 2,
            "channels": 1,
            "queues": 1,
            "calls": 1,
        }
        board.change("operators", operator("PJSIP/1", state="paused"))
        board.remove("channels", "17.1")
        changes = (await stream.until("changes", seq=SEQ + 2))[-1]
    assert changes.id == f"main:{SEQ + 2}"
    assert list(changes.data) == ["source", "seq_from", "seq_to", *TABLES, "removed"]
    assert changes.data["source"] == "main"
    assert changes.data["removed"] == {"operators": [], "channels": ["17.1"], "queues": [], "calls": []}
    assert stream.retry == 2000


async def test_its_headers_keep_proxies_and_caches_out_of_the_way(server: HttpServer) -> None:
    async with streaming(server.url + PATH, accept_encoding="gzip") as stream:
        told = stream.answer.headers
    assert told["content-type"].startswith("text/event-stream")
    assert (told["cache-control"], told["x-accel-buffering"]) == ("no-store", "no")
    assert "content-encoding" not in told
    assert "content-length" not in told


async def test_rows_that_change_often_are_told_once_with_their_last_value(
    server: HttpServer, board: BoardDouble
) -> None:
    async with streaming(server.url + PATH) as stream:
        await stream.next()
        for state in ("paused", "available", "talking"):
            board.change("operators", operator("PJSIP/1", state=state))
        (changes,) = await stream.until("changes", seq=SEQ + 3)
    assert [row["state"] for row in changes.data["operators"]] == ["talking"]


async def test_many_changes_come_in_messages_of_bounded_size_that_follow_one_another(
    server: HttpServer, board: BoardDouble
) -> None:
    async with streaming(server.url + PATH) as stream:
        await stream.next()
        for number in range(ROWS_PER_MESSAGE * 2 + 10):
            board.change("operators", operator(f"PJSIP/{number + 100}"))
        told = await stream.until("changes", seq=board.seq)
    rows = [row["id"] for message in told for row in message.data["operators"]]
    assert rows == [f"PJSIP/{number + 100}" for number in range(ROWS_PER_MESSAGE * 2 + 10)]
    assert all(len(message.data["operators"]) <= ROWS_PER_MESSAGE for message in told)
    assert [message.data["seq_from"] for message in told[1:]] == [message.data["seq_to"] + 1 for message in told[:-1]]


async def test_a_real_board_streams_what_a_recording_brings_until_both_agree() -> None:
    board = StatusBoard("main", 1)
    stream_of_bytes = gzip.decompress(RECORDING.read_bytes())
    half = len(stream_of_bytes) // 2
    board.feed(stream_of_bytes[:half], NOW)
    server = HttpServer(build_app(MemoryReader({"main": board}), boards={"main": board}), port=0)
    await server.start()
    try:
        async with streaming(server.url + PATH) as stream:
            snapshot = (await stream.next()).data
            rows: dict[str, dict[str, Any]] = {
                table: {row.get("id", row.get("name")): row for row in snapshot[table]} for table in TABLES
            }
            board.feed(stream_of_bytes[half:], NOW)
            for message in await stream.until("changes", seq=board.seq):
                for table in TABLES:
                    for key in message.data["removed"][table]:
                        rows[table].pop(key, None)
                    rows[table] |= {row.get("id", row.get("name")): row for row in message.data[table]}
    finally:
        await server.stop()
    now = json.loads(board.snapshot())
    assert rows == {table: {row.get("id", row.get("name")): row for row in now[table]} for table in TABLES}


class TestTakingUpAgain:
    @pytest.mark.parametrize("by", ["header", "query"])
    async def test_a_client_gets_what_it_missed_and_no_snapshot(
        self, server: HttpServer, board: BoardDouble, by: str
    ) -> None:
        seen = board.change("operators", operator("PJSIP/1", state="paused"))
        board.change("queues", queue("sales"))
        board.remove("calls", "17.1")
        known = f"main:{seen}"
        url = server.url + PATH + (f"?last_event_id={quote(known)}" if by == "query" else "")
        async with streaming(url, **({"last_event_id": known} if by == "header" else {})) as stream:
            message = await stream.next()
        assert (message.event, message.id) == ("changes", f"main:{board.seq}")
        assert message.data["seq_from"] == seen + 1
        assert [row["name"] for row in message.data["queues"]] == ["sales"]
        assert message.data["operators"] == []
        assert message.data["removed"]["calls"] == ["17.1"]

    async def test_who_missed_nothing_is_told_nothing_until_something_changes(
        self, server: HttpServer, board: BoardDouble
    ) -> None:
        async with streaming(server.url + PATH, last_event_id=f"main:{SEQ}") as stream:
            await until_metric(server, "resumed", 1)
            board.change("queues", queue("sales"))
            message = await stream.next()
        assert (message.event, message.data["seq_to"]) == ("changes", SEQ + 1)

    @pytest.mark.parametrize(
        "known",
        ["main:5", f"main:{SEQ + 10**9}", "main:9999999999999999999", "main:0", "main:-1", "north:7", ":", "x" * 5000],
    )
    async def test_an_id_that_is_too_old_or_not_ours_costs_a_snapshot(self, server: HttpServer, known: str) -> None:
        async with streaming(server.url + PATH, last_event_id=known) as stream:
            first = await stream.next()
        assert (first.event, first.data["seq"]) == ("snapshot", SEQ)

    async def test_a_client_that_fell_out_of_the_journal_gets_a_new_snapshot(
        self, server: HttpServer, board: BoardDouble
    ) -> None:
        async with streaming(server.url + PATH) as stream:
            await stream.next()
            board.change("queues", queue("sales"))
            board.change("queues", queue("billing"))
            board.forgotten = board.seq
            message = await stream.next()
        assert (message.event, message.data["seq"]) == ("snapshot", SEQ + 2)
        assert {row["name"] for row in message.data["queues"]} == {"support", "sales", "billing"}


class TestSeveralPbxs:
    @pytest.fixture
    def south(self) -> BoardDouble:
        return BoardDouble("юг", operators=[operator("PJSIP/7")], seq=700)

    @pytest.fixture
    async def both(self, board: BoardDouble, south: BoardDouble) -> AsyncIterator[HttpServer]:
        server = HttpServer(application(board, south), port=0)
        await server.start()
        yield server
        await server.stop()

    async def test_each_has_a_snapshot_and_the_id_holds_all_positions(
        self, both: HttpServer, south: BoardDouble
    ) -> None:
        async with streaming(both.url + PATH) as stream:
            first, second = await stream.next(), await stream.next()
            assert [first.data["source"], second.data["source"]] == ["main", "юг"]
            assert second.id == f"main:{SEQ},{quote('юг')}:700"
            south.change("operators", operator("PJSIP/8"))
            changes = await stream.next()
        assert (changes.data["source"], changes.id) == ("юг", f"main:{SEQ},{quote('юг')}:701")

    async def test_source_picks_one(self, both: HttpServer, board: BoardDouble, south: BoardDouble) -> None:
        async with streaming(f"{both.url}{PATH}?source={quote('юг')}") as stream:
            assert (await stream.next()).data["source"] == "юг"
            board.change("queues", queue("sales"))
            south.change("queues", queue("sales"))
            assert (await stream.next()).data["source"] == "юг"

    async def test_a_client_that_knew_one_of_them_gets_a_snapshot_of_the_other_alone(self, both: HttpServer) -> None:
        async with streaming(both.url + PATH, last_event_id=f"main:{SEQ}") as stream:
            message = await stream.next()
        assert (message.event, message.data["source"]) == ("snapshot", "юг")


class TestEnds:
    async def test_a_stopping_server_ends_its_streams_in_good_order(self, board: BoardDouble) -> None:
        server = HttpServer(application(board), port=0)
        await server.start()
        async with streaming(server.url + PATH) as stream:
            await stream.next()
            async with asyncio.timeout(4):  # under the grace that requests have
                await asyncio.gather(server.stop(), stream.ended())

    async def test_a_client_that_goes_leaves_nothing_behind(self, server: HttpServer) -> None:
        async with streaming(server.url + PATH) as stream:
            await stream.next()
            assert (await metrics_of(server))["open"] == 1
        await until_metric(server, "open", 0)

    async def test_a_client_that_takes_nothing_holds_up_nobody_and_gets_it_all_in_the_end(
        self, server: HttpServer, board: BoardDouble
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**14)
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: router\r\n\r\n".encode())
        async with streaming(server.url + PATH) as quick:
            await quick.next()
            for round_ in range(40):
                for number in range(200):
                    board.change(
                        "operators", operator(f"PJSIP/{number + 100}", state=("paused", "talking")[round_ % 2])
                    )
                await quick.until("changes", seq=board.seq)
        last = f"id: main:{board.seq}\n".encode()
        received = b""
        async with asyncio.timeout(PATIENCE):
            while last not in received[-400_000:]:
                received += await reader.read(65_536)
        # The quick one took 40 rounds; of those that the slow one slept through only the last value is left.
        assert received.count(b'"id":"PJSIP/100"') < 40
        writer.close()

    async def test_a_client_that_never_takes_anything_is_let_go(
        self, server: HttpServer, board: BoardDouble, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vss_router.api.event_stream.STALLED_SECONDS", 0.3)
        for number in range(20_000):
            board.tables["channels"][f"18.{number}"] = channel(f"18.{number}")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**14)
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: router\r\n\r\n".encode())
        await reader.readexactly(12)
        await until_metric(server, "stalled", 1)
        await until_metric(server, "open", 0)
        writer.close()

    async def test_silence_is_broken_by_comments(self, server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vss_router.api.event_stream.HEARTBEAT_SECONDS", 0.1)
        monkeypatch.setattr("vss_router.api.streams.HEARTBEAT_SECONDS", 0.1)
        async with streaming(server.url + PATH) as stream:
            await stream.next()
            async with asyncio.timeout(PATIENCE):
                async for line in stream.lines:
                    if line == ": alive":
                        break

    async def test_head_tells_the_headers_and_ends(self, server: HttpServer) -> None:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.head(server.url + PATH)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")


def test_ids_are_read_as_they_were_given_out() -> None:
    positions = {"main": 1, "b:c,d": 2, "юг": 3, "a b": 4}
    assert positions_in(event_id(positions)) == positions
    assert event_id(positions).isascii()
