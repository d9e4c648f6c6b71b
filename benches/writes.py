"""P4: the rows of a call centre into Redis, ours beside redis-py and redis-benchmark, the same server, in turn."""

import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from statistics import fmean

import msgspec
import redis

from benches.beside import in_turn
from benches.call_centre import filled_board
from benches.schema import Side
from benches.servers import HOST, redis_server
from benches.traffic import START, Size
from tests.services.redis_server import RedisServer
from vss_router import StatusBoard
from vss_router._core import StatusWriter
from vss_router.status.redis.keys import SourceKeys

SIZE = Size(operators=10_000, queues=300, memberships=1)  # rows of 700 bytes
BATCH = 512  # rows of one flush, everywhere
TTL_SECONDS = 3600
BENCHMARK_REQUESTS = 200_000
LONGEST_WRITE = 60.0


class Ours:
    """The writer and a board whose rows a test changes as Asterisk does."""

    def __init__(self, board: StatusBoard, writer: StatusWriter, server: RedisServer) -> None:
        self.board = board
        self.writer = writer
        self.server = server
        ids = [row_id for row_id, _ in board.rows("operators")]
        self.rows = len(ids) + len(board.rows("queues"))
        self.facts = [
            b"".join(
                f"Event: DeviceStateChange\r\nDevice: {row_id}\r\nState: {state}\r\n\r\n".encode() for row_id in ids
            )
            for state in ("NOT_INUSE", "RINGING")
        ]

    def change(self) -> float:
        """Every operator's and queue's row changes; seconds until they are written.

        Redis stands still while the board is fed, which is not to be measured here.
        """
        self.facts.reverse()
        before = self.writer.status().rows_written
        self.server.pause()
        try:
            self.board.feed(self.facts[0], START, "events")
            assert self.writer.status().rows_written == before
            begun = time.perf_counter()
        finally:
            self.server.resume()
        self.wait(lambda: self.writer.status().behind == 0)
        seconds = time.perf_counter() - begun
        written = self.writer.status()
        assert written.rows_written - before == self.rows, f"not each row was written once: {written}"
        return seconds

    def rewrite(self) -> None:
        """The whole board is written anew, as after an outage: sets too, and rows that are gone are looked for."""
        wanted = self.writer.rewrite()
        self.wait(lambda: self.writer.status().rewrites_done >= wanted)

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait for the writer.

        Raises
        ------
        TimeoutError
            A minute has gone.
        """
        deadline = time.monotonic() + LONGEST_WRITE
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the writer does not get on: {self.writer.status()}")
            time.sleep(0.0005)


class PythonWriter:
    """redis-py doing what one flush does: rows, index, entry of changes and meta, in one transaction a batch."""

    def __init__(self, client: redis.Redis, board: StatusBoard) -> None:
        self.client = client
        self.keys = SourceKeys("peer", board.source)
        self.board = board
        self.rows = [
            (self.keys.row("operators", row_id.encode()), row_id, row) for row_id, row in board.rows("operators")
        ]

    def write(self) -> None:
        """In MULTI, behind a look at the lease, which a flush of ours compares as well."""
        keys, milliseconds = self.keys, TTL_SECONDS * 1000
        for start in range(0, len(self.rows), BATCH):
            batch = self.rows[start : start + BATCH]
            pipe = self.client.pipeline(transaction=True)
            pipe.get(keys.writer)
            for key, _, row in batch:
                pipe.set(key, row, px=milliseconds)
            pipe.sadd(keys.indexes["operators"], *(row_id for _, row_id, _ in batch))
            pipe.pexpire(keys.indexes["operators"], milliseconds)
            changed = msgspec.json.encode({"operators": [row_id for _, row_id, _ in batch]})
            pipe.xadd(keys.changes, {"seq_from": 1, "seq_to": 2, "rows": changed}, maxlen=100_000)
            pipe.hset(keys.meta, mapping={"seq": 2, "as_of": self.board.as_of, "state": "live"})
            pipe.pexpire(keys.meta, milliseconds)
            pipe.execute()

    def call(self) -> None:
        """The same by our own function, one call a batch, whose packing is then Python's only work."""
        keys, lease = self.keys, "1:peer"
        self.client.set(keys.writer, lease)
        for start in range(0, len(self.rows), BATCH):
            batch = self.rows[start : start + BATCH]
            ids = [row_id for _, row_id, _ in batch]
            named = [keys.writer, keys.meta, keys.changes, *(key for key, _, _ in batch), keys.indexes["operators"]]
            counts = [0, len(batch), 0, 0, 1]
            entry = msgspec.json.encode({"operators": ids})
            head = [lease, TTL_SECONDS * 1000, *counts, 1, 2, entry, "live", self.board.as_of, "22"]
            values = [*(row for _, _, row in batch), len(ids), 0, *ids]
            self.client.fcall("vss_flush", len(named), *named, *head, *values)


def redis_benchmark(program: str, server: RedisServer, row_bytes: int) -> float:
    """Seconds that redis-benchmark takes for its requests, values of that size."""
    command = [program, "-h", HOST, "-p", str(server.port), "-P", "64", "-r", "10000", "-n", str(BENCHMARK_REQUESTS)]
    command += ["--csv", "SET", "key:__rand_int__", "x" * row_bytes, "EX", str(TTL_SECONDS)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    # "the command",requests a second,latencies: it holds the value too.
    return BENCHMARK_REQUESTS / float(said.strip().splitlines()[-1].rsplit('",')[1].strip('"'))


def sides() -> list[Side]:
    """Measure, when there is a Redis."""
    board, _ = filled_board(SIZE)
    written = sum(len(board.rows(table)) for table in ("operators", "channels", "queues", "calls"))
    row_bytes = round(fmean(len(row) for _, row in board.rows("operators")))
    with redis_server() as server:
        if server is None:
            return []
        client = redis.Redis(host=HOST, port=server.port)
        writer = StatusWriter(
            board, mode="standalone", addresses=[(HOST, server.port)], writer_id="bench", flush_rows=BATCH
        )
        writer.start()
        try:
            ours = Ours(board, writer, server)
            ours.rewrite()
            peer = PythonWriter(client, board)
            works: dict[str, tuple[Callable[[], float | None], int]] = {
                "StatusWriter": (ours.change, ours.rows),
                "StatusWriter, everything anew": (ours.rewrite, written),
                "redis-py pipeline, the same": (peer.write, len(peer.rows)),
                "redis-py, our function": (peer.call, len(peer.rows)),
            }
            if (program := shutil.which("redis-benchmark")) is not None:
                run = partial(redis_benchmark, program, server, row_bytes)
                works["redis-benchmark SET EX"] = (run, BENCHMARK_REQUESTS)
            return in_turn(works, "s/row")
        finally:
            writer.stop()
            client.close()
