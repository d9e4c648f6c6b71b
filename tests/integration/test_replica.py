"""A process that follows a router through Redis: what it shows, and what it does when it misses something."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest

from tests.board_double import channel, operator, queue
from tests.redis_rows import RedisRows, ids_of
from tests.services.fixtures import StartRedis
from tests.services.redis_cluster import RedisCluster
from tests.services.redis_server import RedisServer
from vss_router.api.feeds import BoardFeed
from vss_router.errors import StatusUnavailableError
from vss_router.status.reader_protocols import Table
from vss_router.status.redis import parse_redis_url
from vss_router.status.redis.replica import ReplicaReader
from vss_router.status.redis.source_rows import SourceRows


@pytest.fixture
async def follow() -> AsyncIterator[Callable[..., ReplicaReader]]:
    made: list[ReplicaReader] = []

    def start(url: str, **more: Any) -> ReplicaReader:
        replica = ReplicaReader(parse_redis_url(url), **({"block_seconds": 0.2, "sources_seconds": 0.1} | more))
        replica.start()
        made.append(replica)
        return replica

    yield start
    for replica in made:
        await replica.aclose()


Follow = Callable[..., ReplicaReader]


def writer(server: RedisServer, source: str = "main") -> RedisRows:
    rows = RedisRows(server, source)
    rows.begin()
    return rows


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - it may come from anywhere
            await asyncio.sleep(0.01)


def shows(replica: ReplicaReader, rows: RedisRows) -> bool:
    """Whether every row and nothing else is shown, byte for byte."""
    board = replica.boards.get(rows.source)
    if board is None:
        return False
    held: dict[Any, bytes] = {
        (table, row_id): row
        for table in ("operators", "channels", "queues", "calls")
        for row_id, row in board.rows(table)
    }
    return held == {key: msgspec.json.encode(row) for key, row in rows.rows.items()}


async def test_before_anything_is_known_it_is_not_said_to_be_nothing(follow: Follow, redis_server: RedisServer) -> None:
    replica = follow(redis_server.url)
    with pytest.raises(StatusUnavailableError):
        replica.operators()


async def test_what_stands_there_is_loaded_and_changes_follow(follow: Follow, redis_server: RedisServer) -> None:
    rows = writer(redis_server)
    rows.put("operators", operator("PJSIP/1"), operator("PJSIP/2"))
    rows.put("queues", queue("a"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows))
    answer = replica.operator("1")
    assert answer is not None
    assert (answer.source_of_truth, answer.stale, answer.seq, answer.as_of) == ("memory", False, rows.seq, rows.as_of)

    rows.put("operators", operator("PJSIP/1", state="paused"))
    rows.put("channels", channel("1.1"))
    rows.remove("operators", "PJSIP/2")
    await until(lambda: shows(replica, rows))
    assert ids_of(replica.operators(state="paused").body) == ["PJSIP/1"]
    assert replica.snapshot().seq == rows.seq
    assert (replica.stats.loads, replica.stats.gaps, replica.stats.entries, replica.stats.rows) == (1, 0, 3, 3)
    rows.close()


async def test_changes_of_a_replica_can_be_streamed(follow: Follow, redis_server: RedisServer) -> None:
    rows = writer(redis_server)
    rows.put("queues", queue("a"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows))
    feed = BoardFeed(replica.boards, replica.is_stale)
    cursor, _ = feed.snapshot("main")
    rows.put("queues", queue("b"))
    await until(lambda: feed.seq("main") > cursor)
    changes = feed.changes("main", cursor, 100)
    assert [(table, row_id) for table, row_id, _ in changes.rows] == [("queues", "b")]
    assert changes.seq_to == rows.seq
    rows.close()


async def test_a_gap_in_the_numbers_is_seen_and_everything_read_anew(follow: Follow, redis_server: RedisServer) -> None:
    rows = writer(redis_server)
    rows.put("queues", queue("a"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows))
    rows.put("queues", queue("missed"), announce=False)
    rows.put("queues", queue("b"))
    await until(lambda: shows(replica, rows))
    assert (replica.stats.gaps, replica.stats.loads) == (1, 2)
    rows.close()


async def test_entries_that_never_came_are_missed_by_the_seq_of_meta(follow: Follow, redis_server: RedisServer) -> None:
    rows = writer(redis_server)
    rows.put("queues", queue("a"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows))
    rows.put("queues", queue("b"), announce=False)
    await until(lambda: shows(replica, rows))
    assert replica.stats.gaps == 1
    rows.close()


async def test_everything_written_anew_is_read_anew(follow: Follow, redis_server: RedisServer) -> None:
    rows = writer(redis_server)
    rows.put("queues", queue("a"), queue("b"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows))
    rows.rows.pop(("queues", "a"))
    rows.client.srem(rows.keys.indexes["queues"], "a")
    rows.announce(rows.seq + 1, rows.seq + 1, None)
    await until(lambda: shows(replica, rows))
    assert replica.stats.rewrites == 1
    rows.close()


async def test_rows_written_while_everything_is_read_are_not_missed(follow: Follow, redis_server: RedisServer) -> None:
    rows = writer(redis_server)
    rows.put("channels", *(channel(f"1.{n}") for n in range(1500)))
    replica = follow(redis_server.url)
    for n in range(100):
        rows.put("channels", channel(f"2.{n}"))
        rows.remove("channels", f"1.{n}")
        await asyncio.sleep(0)
    await until(lambda: shows(replica, rows))
    rows.close()


async def test_a_flushed_redis_leaves_the_rows_stale_until_they_stand_again(
    follow: Follow, redis_server: RedisServer
) -> None:
    rows = writer(redis_server)
    rows.put("queues", queue("a"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows))
    redis_server.command("FLUSHALL")
    await until(lambda: replica.is_stale("main"))
    assert ids_of(replica.queues().body) == ["a"]
    rows.begin()
    rows.put("queues", queue("a"), queue("b"))
    await until(lambda: shows(replica, rows) and not replica.is_stale("main"))
    rows.close()


@pytest.mark.parametrize("why", ["down", "lease"])
async def test_rows_are_stale_when_nobody_keeps_them_live(follow: Follow, redis_server: RedisServer, why: str) -> None:
    rows = writer(redis_server)
    rows.put("queues", queue("a"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows) and not replica.is_stale("main"))
    if why == "down":
        rows.describe("down")
    else:
        rows.lose_lease()
    await until(lambda: replica.queues().stale)
    rows.begin()
    rows.describe("live")
    await until(lambda: not replica.queues().stale)
    rows.close()


async def test_rows_are_fresh_only_when_they_have_come_to_where_the_writer_is(
    follow: Follow, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = writer(redis_server)
    rows.put("queues", queue("a"))
    rows.describe("resync")
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows))
    while_read: list[bool] = []
    read = SourceRows.some_rows

    async def looked_at(self: SourceRows, table: Table, ids: Sequence[bytes]) -> list[bytes | None]:
        while_read.append(replica.is_stale("main"))
        return await read(self, table, ids)

    monkeypatch.setattr(SourceRows, "some_rows", looked_at)
    rows.state = "live"
    rows.put("queues", queue("b"))
    await until(lambda: not replica.is_stale("main"))
    assert shows(replica, rows)
    assert while_read == [True]
    rows.close()


async def test_a_redis_killed_and_started_again_is_followed_again(follow: Follow, start_redis: StartRedis) -> None:
    server = start_redis()
    rows = writer(server)
    rows.put("queues", queue("a"))
    replica = follow(server.url)
    await until(lambda: shows(replica, rows))
    server.kill()
    await until(lambda: replica.is_stale("main"))
    assert ids_of(replica.queues().body) == ["a"]
    server.start()
    again = writer(server)
    again.put("queues", queue("b"))
    await until(lambda: shows(replica, again) and not replica.is_stale("main"))
    assert replica.stats.failures > 0
    rows.close()
    again.close()


async def test_a_redis_that_hangs_makes_the_rows_stale_and_is_followed_when_it_goes_on(
    follow: Follow, start_redis: StartRedis
) -> None:
    server = start_redis()
    rows = writer(server)
    rows.put("queues", queue("a"))
    replica = follow(server.url)
    await until(lambda: shows(replica, rows))
    server.pause()
    await until(lambda: replica.is_stale("main"))
    server.resume()
    await until(lambda: not replica.is_stale("main"))
    rows.put("queues", queue("b"))
    await until(lambda: shows(replica, rows))
    rows.close()


async def test_several_pbxs_are_followed_also_one_that_comes_later(follow: Follow, redis_server: RedisServer) -> None:
    north = writer(redis_server, "north")
    north.put("queues", queue("a"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, north))
    south = writer(redis_server, "south")
    south.put("queues", queue("b"))
    await until(lambda: shows(replica, south))
    assert replica.sources == ("north", "south")
    assert ids_of(replica.queues().body) == ["a", "b"]
    north.close()
    south.close()


async def test_a_cluster_is_followed(follow: Follow, redis_cluster: RedisCluster) -> None:
    rows = RedisRows(redis_cluster.node_of("queue:{main}:meta"))
    rows.client.set(rows.keys.writer, "1:double")
    redis_cluster.node_of("queue:sources").command("SADD", "queue:sources", "main")
    rows.put("queues", queue("a"))
    replica = follow(redis_cluster.url)
    await until(lambda: shows(replica, rows))
    rows.put("queues", queue("b"))
    await until(lambda: shows(replica, rows))
    assert replica.stats.gaps == 0
    rows.close()


async def test_after_its_end_the_rows_are_still_read_and_stale(follow: Follow, redis_server: RedisServer) -> None:
    rows = writer(redis_server)
    rows.put("queues", queue("a"))
    replica = follow(redis_server.url)
    await until(lambda: shows(replica, rows))
    await replica.aclose()
    answer = replica.queues()
    assert (ids_of(answer.body), answer.stale) == (["a"], True)
    rows.close()
