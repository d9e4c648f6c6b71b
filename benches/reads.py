"""P5 without HTTP: one operator's row out of the board, out of Redis and out of the database, beside bare GETs."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis
import redis.asyncio

from benches.beside import in_turn
from benches.call_centre import filled_board
from benches.schema import Side
from benches.servers import HOST, redis_server
from benches.traffic import Size
from tests.services.redis_server import RedisServer
from vss_router import Batch, StatusBoard
from vss_router.database.engine import Database
from vss_router.database.reader import DatabaseReader
from vss_router.database.recorder import StatusRecorder
from vss_router.status.reader import MemoryReader
from vss_router.status.redis.connection import RedisConnection
from vss_router.status.redis.endpoint import parse_redis_url
from vss_router.status.redis.keys import SourceKeys, sources_key
from vss_router.status.redis.reader import RedisReader

SIZE = Size(operators=1_000, queues=100)
PASSES_EMBEDDED = 20  # over all ids, so that a round takes long enough to be timed
READ_FROM_DATABASE = 200  # in a round
PREFIX = "queue"

Work = tuple[Callable[[], None], int]


def stored(server: RedisServer, board: StatusBoard) -> None:
    """Put the board's operators into Redis as a router would, with nobody writing beside."""
    keys = SourceKeys(PREFIX, board.source)
    with server.client() as client:
        pipe = client.pipeline(transaction=False)
        pipe.sadd(sources_key(PREFIX), board.source)
        pipe.hset(keys.meta, mapping={"seq": board.seq, "as_of": board.as_of, "state": "live", "epoch": 1})
        pipe.set(keys.writer, "1:bench")
        for row_id, row in board.rows("operators"):
            pipe.set(keys.row("operators", row_id.encode()), row, ex=3600)
            pipe.sadd(keys.indexes["operators"], row_id)
        pipe.execute()


@contextmanager
def through_redis(server: RedisServer, ids: list[str], loop: asyncio.AbstractEventLoop) -> Iterator[dict[str, Work]]:
    """Our reader and bare GETs of the same keys."""
    keys = [SourceKeys(PREFIX, "main").row("operators", row_id.encode()) for row_id in ids]
    connection = RedisConnection(parse_redis_url(server.url))
    reader = RedisReader(connection, PREFIX)
    bare = redis.Redis(host=HOST, port=server.port)
    bare_asyncio = redis.asyncio.Redis(host=HOST, port=server.port)

    async def get() -> None:
        for key in keys:
            assert await bare_asyncio.get(key)

    def get_blocking() -> None:
        for key in keys:
            assert bare.get(key)

    try:
        yield {
            "redis-py GET": (get_blocking, len(ids)),
            "RedisReader": (lambda: loop.run_until_complete(read(reader, ids)), len(ids)),
            "redis-py GET (asyncio)": (lambda: loop.run_until_complete(get()), len(ids)),
        }
    finally:
        bare.close()
        loop.run_until_complete(bare_asyncio.aclose())
        loop.run_until_complete(connection.aclose())


@contextmanager
def out_of_database(
    board: StatusBoard, told: Batch, ids: list[str], loop: asyncio.AbstractEventLoop
) -> Iterator[dict[str, Work]]:
    """The fallback: SQLite, filled by the recorder with what the board told."""
    some = ids[:READ_FROM_DATABASE]
    with tempfile.TemporaryDirectory(prefix="vss-bench-") as folder:
        database = Database(f"sqlite:///{folder}/status.sqlite3")
        reader = DatabaseReader(database)

        async def fill() -> None:
            await database.open()
            recorder = StatusRecorder(database, {board.source: board})
            recorder.handle(board.source, told.events)
            await recorder.flush()

        try:
            loop.run_until_complete(fill())
            yield {"DatabaseReader": (lambda: loop.run_until_complete(read(reader, some)), len(some))}
        finally:
            loop.run_until_complete(database.close())


async def read(reader: RedisReader | DatabaseReader, ids: list[str]) -> None:
    for row_id in ids:
        assert await reader.operator(row_id) is not None


def sides() -> list[Side]:
    """Measure what is to be had."""
    board, told = filled_board(SIZE)
    memory = MemoryReader({board.source: board})
    ids = [row_id for row_id, _ in board.rows("operators")]
    loop = asyncio.new_event_loop()

    def embedded() -> None:
        for _ in range(PASSES_EMBEDDED):
            for row_id in ids:
                memory.operator(row_id)

    works: dict[str, Work] = {"embedded": (embedded, len(ids) * PASSES_EMBEDDED)}
    with contextlib.ExitStack() as stack:
        stack.callback(loop.close)
        works |= stack.enter_context(out_of_database(board, told, ids, loop))
        server = stack.enter_context(redis_server())
        if server is not None:
            stored(server, board)
            works |= stack.enter_context(through_redis(server, ids, loop))
        return in_turn(works, "s/read")
