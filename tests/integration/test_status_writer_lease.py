"""Two writers of one PBX: one writes, the other stands by, and no write of a former one lands."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.integration.written_board import TABLES, WrittenBoard, bytes_client, difference, recorded, set_operator
from tests.services.fixtures import StartRedis
from tests.services.redis_server import RedisServer
from tests.services.server_process import wait_until

BASE = "queue:{main}:"
ROOT = Path(__file__).parents[2]


def test_one_writes_and_the_other_takes_over(start_redis: StartRedis) -> None:
    server = start_redis()
    first_board, second_board = recorded(), recorded()
    set_operator(first_board, "SIP/first", "sales")
    set_operator(second_board, "SIP/second", "sales")
    with bytes_client(server) as client, WrittenBoard(second_board, server, writer_id="second") as second:
        second.wait()
        with WrittenBoard(first_board, server, writer_id="first") as first:
            first.wait_for(lambda: first.writer.status().state == "standby", "standing by")
            assert first.writer.status().holder == "1:second"
            assert first.writer.status().rows_written == 0
            for number in range(50):
                set_operator(second_board, f"SIP/{number}", "sales")
            second.wait()
            assert difference(client, second_board) == []
            second.writer.stop(2.0)
            first.wait()
            assert first.writer.status().epoch == 2
            assert difference(client, first_board) == []
            assert first_board.seq >= second_board.seq, "numbers go on above what the other wrote"


SCRIPT = """
import sys, time
from tests.integration.written_board import recorded, set_operator, WrittenBoard
board = recorded()
with WrittenBoard(board, None, addresses=[("127.0.0.1", int(sys.argv[1]))], writer_id="stopped") as written:
    written.wait()
    print("writes", flush=True)
    number = 0
    while True:
        number += 1
        set_operator(board, f"SIP/stale-{number % 10}", "stale", number=number)
        time.sleep(0.0005)
"""


@contextmanager
def writing_process(server: RedisServer) -> Iterator[subprocess.Popen[str]]:
    """Another process whose writer has the lease and never stops writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(server.port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "writes\n"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_a_stand_by_whose_numbers_are_lower_takes_over_a_board_of_many_flushes(start_redis: StartRedis) -> None:
    server = start_redis()
    with bytes_client(server) as client:
        client.hset("queue:{main}:meta", "seq", "5000000")
        board = recorded()
        assert board.seq < 5_000_000
        rows = sum(len(board.rows(table)) for table in TABLES)
        flush_rows = 16
        with WrittenBoard(board, server, flush_rows=flush_rows) as written:
            written.wait()
            assert difference(client, board) == []
            status = written.writer.status()
            assert rows > 3 * flush_rows
            assert (status.rewrites, status.rows) == (1, rows)


def test_not_one_write_of_a_writer_that_slept_through_its_lease_lands(start_redis: StartRedis) -> None:
    server = start_redis()
    board = recorded()
    with writing_process(server) as other, bytes_client(server) as client, WrittenBoard(board, server) as written:
        written.wait_for(lambda: written.writer.status().state == "standby", "standing by")
        other.send_signal(signal.SIGSTOP)
        written.wait()
        assert difference(client, board) == []
        entries: Any = client.xlen(BASE + "changes")
        assert longest_silence(client) >= 2
        other.send_signal(signal.SIGCONT)
        # It has spoken again: a flush, which was refused, or a look at the lease, which showed that it is another's.
        wait_until(lambda: refused(client) > 0 or longest_silence(client) < 2, "spoken again")
        for number in range(20):
            set_operator(board, f"SIP/{number}", "sales")
        written.wait()
        assert difference(client, board) == []
        assert written.writer.status().fenced == 0
        authors: Any = client.hget(BASE + "meta", "writer")
        assert authors != b"stopped"
        assert client.xlen(BASE + "changes") > entries


def longest_silence(client: redis.Redis) -> int:
    """Whole seconds since the connection that has been silent longest has sent anything."""
    told: Any = client.client_list()
    return max(int(connection["idle"]) for connection in told)


def refused(client: redis.Redis) -> int:
    """How often Redis answered with FENCED."""
    told: Any = client.info("errorstats")
    return int(told.get("errorstat_FENCED", {}).get("count", 0))


def test_a_killed_writer_leaves_nothing_but_its_name(start_redis: StartRedis) -> None:
    server = start_redis()
    with writing_process(server) as other, bytes_client(server) as client:
        other.kill()
        other.wait()
        # Its time to live is an hour; a short one is another test.
        client.pexpire(BASE + "meta", 1)
        with WrittenBoard(recorded(), server, ttl_seconds=0.5) as written:
            written.wait()
        wait_until(lambda: client.keys() == [b"queue:sources"], "everything of the PBX has gone", 10.0)
