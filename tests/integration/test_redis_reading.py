"""What the router's own writer puts into Redis, as the readers and a user with few rights see it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import pytest

from tests.integration.written_board import NOW, WrittenBoard, recorded, set_operator
from tests.services.fixtures import StartRedis
from tests.services.redis_server import RedisServer
from vss_router import StatusBoard
from vss_router.status import MemoryReader
from vss_router.status.embedded_store import EmbeddedStore
from vss_router.status.manual_rows import ChannelChange, MembershipChange, OperatorChange, QueueChange
from vss_router.status.redis import (
    RedisConnection,
    RedisReader,
    ReplicaReader,
    open_reader,
    open_store,
    parse_redis_url,
)
from vss_router.status.rows import OperatorState

PAGE = Path(__file__).parents[2] / "docs" / "redis.md"
ODD = ["PJSIP/1@a b", "PJSIP/100%", "Анна/1001", "a/b/c", "a:operators", "{main}"]


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[RedisReader]:
    connection = RedisConnection(parse_redis_url(url))
    try:
        yield RedisReader(connection, sources_seconds=0.0, meta_seconds=0.0)
    finally:
        await connection.aclose()


async def full_board() -> StatusBoard:
    """A recording, and rows with ids that a recording does not have."""
    board = recorded()
    store = EmbeddedStore({"main": board}, now=lambda: NOW)
    for odd in ODD:
        places = [MembershipChange(queue=odd), MembershipChange(queue="support")]
        await store.set_operator(odd, OperatorChange(state="paused", extension=odd, memberships=places))
        await store.set_channel(odd, ChannelChange(name=f"PJSIP/{odd}-01"))
        await store.set_queue(odd, QueueChange(offered=1))
    return board


async def compared(reader: RedisReader, board: StatusBoard) -> None:
    memory = MemoryReader({"main": board})
    queues = [row_id for row_id, _ in board.rows("queues")]
    questions: list[dict[str, Any]] = [{}, *({"state": state} for state in get_args(OperatorState))]
    questions += [{"queue": name} for name in queues]
    for question in questions:
        assert (await reader.operators(**question)).body == memory.operators(**question).body
    assert (await reader.channels()).body == memory.channels().body
    assert (await reader.calls()).body == memory.calls().body
    assert (await reader.queues(limit=2)).body == memory.queues(limit=2).body
    for name in queues:
        ours, theirs = await reader.callers(name), memory.callers(name)
        assert ours is not None
        assert theirs is not None
        assert ours.body == theirs.body
    for row_id, row in board.rows("operators"):
        answer = await reader.operator(row_id)
        assert answer is not None
        assert answer.body == row
        extension = msgspec.json.decode(row)["extension"]
        found, expected = await reader.operator(extension), memory.operator(extension)
        assert found is not None
        assert expected is not None
        assert found.body == expected.body
    for row_id, row in board.rows("channels"):
        answer = await reader.channel(msgspec.json.decode(row)["name"])
        assert answer is not None, row_id
    snapshot, expected_snapshot = await reader.snapshot(), memory.snapshot()
    assert snapshot.body == expected_snapshot.body
    assert (snapshot.seq, snapshot.as_of, snapshot.position) == (
        expected_snapshot.seq,
        expected_snapshot.as_of,
        expected_snapshot.position,
    )


@pytest.mark.parametrize("compress", ["none", "zstd"])
async def test_every_answer_out_of_redis_is_that_of_the_board(
    redis_server: RedisServer, compress: Literal["none", "zstd"]
) -> None:
    board = await full_board()
    with WrittenBoard(board, redis_server, compress=compress) as written:
        written.writer.describe(state="live", asterisk_version="22.0")
        written.wait()
        async with reading(redis_server.url) as reader:
            await compared(reader, board)
            assert not (await reader.operators()).stale
    assert compress == "none" or redis_server.command("STRLEN", "queue:{main}:queue:support") > 0


@pytest.mark.parametrize("compress", ["none", "zstd"])
async def test_a_replica_shows_what_the_board_shows_while_it_changes(
    redis_server: RedisServer, compress: Literal["none", "zstd"]
) -> None:
    board = await full_board()
    replica = ReplicaReader(parse_redis_url(redis_server.url), block_seconds=0.2, sources_seconds=0.1)
    replica.start()

    def same() -> bool:
        held = replica.boards.get("main")
        return held is not None and (held.seq, held.snapshot()) == (board.seq, board.snapshot())

    try:
        with WrittenBoard(board, redis_server, compress=compress) as written:
            written.writer.describe(state="live", asterisk_version="22.0")
            await until(same)
            for number in range(200):
                set_operator(board, f"PJSIP/{number % 20}", "support", state="paused", extension="1", name=str(number))
                if number % 10 == 0:
                    board.remove_row("operators", f"PJSIP/{number % 20}", NOW)
                    await asyncio.sleep(0)
            await until(same)
            written.rewritten()
            await until(lambda: replica.stats.rewrites > 0 and same() and not replica.is_stale("main"))
        await until(lambda: replica.is_stale("main"))
    finally:
        await replica.aclose()


async def until(true: Any, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - it may come from anywhere
            await asyncio.sleep(0.01)


async def test_the_users_of_the_page_may_do_what_it_says(start_redis: StartRedis) -> None:
    lines = re.findall(r"^user \w+ +on .+$", PAGE.read_text(), re.MULTILINE)
    assert [line.split()[1] for line in lines] == ["router", "wall", "service"]
    acl = "user default on nopass ~* &* +@all\n" + "".join(f"{re.sub(r' +', ' ', line)}\n" for line in lines)
    server = start_redis(acl=acl)
    url = f"redis://{{}}:secret@127.0.0.1:{server.port}"
    async with open_store(url.format("service")) as store:
        await store.set_queue("first", QueueChange())
        change = OperatorChange(memberships=[MembershipChange(queue="first")])
        assert (await store.set_operator("PJSIP/1", change)).source == "main"
        assert await store.remove_operator("PJSIP/1")
        assert await store.clear() == 1
    board = recorded()
    with WrittenBoard(board, server, username="router", password="secret") as written:
        written.wait()
        async with reading(url.format("wall")) as reader:
            await compared(reader, board)
        replica = ReplicaReader(parse_redis_url(url.format("wall")), sources_seconds=0.1)
        replica.start()
        await until(lambda: "main" in replica.boards)
        await replica.aclose()
        async with open_reader(url.format("service")) as reader:
            server.command("SADD", "queue:{main}:operators", "nobody")
            await reader.operators()
            assert reader.stats.ids_dropped == 1
