"""What stands in Redis after a writer wrote a board there."""

import itertools
import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis

from tests.integration.written_board import (
    NOW,
    TABLES,
    WrittenBoard,
    bytes_client,
    difference,
    recorded,
    resync,
    set_operator,
)
from tests.services.redis_server import RedisServer
from tests.services.server_process import wait_until
from vss_router import StatusBoard
from vss_router._core import REDIS_LIBRARY, StatusWriter, expand_row
from vss_router.errors import SettingsError, StatusError

BASE = "queue:{main}:"


class Listed(msgspec.Struct, forbid_unknown_fields=True):
    """The rows of an entry of `changes`."""

    operators: list[str]
    channels: list[str]
    queues: list[str]
    calls: list[str]


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with bytes_client(redis_server) as connected:
        yield connected


def entries(client: redis.Redis) -> list[dict[str, str]]:
    found: Any = client.xrange(BASE + "changes")
    return [{key.decode(): value.decode() for key, value in fields.items()} for _, fields in found]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mode": "alone"}, '"alone" is not a mode'),
        ({"addresses": []}, "needs the address"),
        ({"mode": "sentinel"}, "give master"),
        ({"compress": "gzip"}, '"gzip" is not a way'),
        ({"ttl_seconds": 0.0}, "ttl_seconds"),
        ({"ttl_seconds": float("nan")}, "ttl_seconds"),
        ({"lease_seconds": -1.0}, "lease_seconds"),
        ({"flush_rows": 0}, "flush_rows"),
        ({"in_flight": 0}, "in_flight"),
        ({"writer_id": ""}, "writer_id"),
        ({"tls": True, "certificate": b"x"}, "private key"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, Any], sentence: str) -> None:
    usable: dict[str, Any] = {"mode": "standalone", "addresses": [("127.0.0.1", 1)], "writer_id": "w"}
    with pytest.raises(SettingsError, match=sentence):
        StatusWriter(StatusBoard(), **{**usable, **options})


@pytest.mark.parametrize("row", [b"(nothing", b"(\xb5/\xfd", b"(\xb5/\xfd\x04\x00"])
def test_a_row_that_is_no_row_is_refused(row: bytes) -> None:
    with pytest.raises(StatusError, match="neither JSON nor a whole zstd frame"):
        expand_row(row)


def test_every_row_and_index_of_a_recording_stands_there_byte_for_byte(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    board = recorded()
    assert all(board.rows(table) for table in ("operators", "queues"))
    with WrittenBoard(board, redis_server) as written:
        written.wait()
        assert difference(client, board) == []
        meta = {key.decode(): value.decode() for key, value in client.hgetall(BASE + "meta").items()}  # type: ignore[union-attr]
        assert meta | {"writer": ""} == {
            "seq": str(board.seq),
            "as_of": board.as_of,
            "epoch": "1",
            "writer": "",
            "state": "resync",
            "asterisk_version": "",
        }
        assert client.get(BASE + "writer") == f"1:{meta['writer']}".encode()
        assert client.smembers("queue:sources") == {b"main"}
        status = written.writer.status()
        assert (status.state, status.seq, status.trouble, status.epoch) == ("writing", board.seq, None, 1)
        assert status.rows == sum(len(board.rows(table)) for table in TABLES)


def test_everything_but_the_list_of_pbxs_expires(redis_server: RedisServer, client: redis.Redis) -> None:
    with WrittenBoard(recorded(), redis_server, ttl_seconds=3600.0) as written:
        written.wait()
        lives = {key: client.pttl(key) for key in client.scan_iter() if key != b"queue:sources"}
        assert lives.pop(BASE.encode() + b"writer") <= 2000
        assert all(3_500_000 < left <= 3_600_000 for left in lives.values()), lives


def test_changes_go_on_where_the_last_entry_ended(redis_server: RedisServer, client: redis.Redis) -> None:
    board = recorded()
    with WrittenBoard(board, redis_server) as written:
        written.wait()
        assert [entry["rows"] for entry in entries(client)] == ["*"]
        for number in range(20):
            set_operator(board, f"SIP/{number}", "sales")
        board.remove_row("operators", "SIP/3", NOW)
        written.wait()
        told = entries(client)
        assert told[-1]["seq_to"] == str(board.seq)
        for before, after in itertools.pairwise(told):
            assert int(after["seq_from"]) <= int(before["seq_to"]) + 1
            assert int(after["seq_to"]) >= int(after["seq_from"])
        named = {name for entry in told[1:] for name in msgspec.json.decode(entry["rows"], type=Listed).operators}
        assert named == {f"SIP/{number}" for number in range(20)}
        assert difference(client, board) == []


def test_a_row_that_goes_takes_its_entries_along(redis_server: RedisServer, client: redis.Redis) -> None:
    board = recorded()
    with WrittenBoard(board, redis_server) as written:
        set_operator(board, "SIP/1", "back-office", "help")
        set_operator(board, "SIP/2", "back-office")
        written.wait()
        assert client.smembers(BASE + "queue:back-office:operators") == {b"SIP/1", b"SIP/2"}
        set_operator(board, "SIP/1", "help")
        board.remove_row("operators", "SIP/2", NOW)
        written.wait()
        assert difference(client, board) == []
        assert not client.exists(BASE + "operator:SIP/2", BASE + "queue:back-office:operators")


@pytest.mark.parametrize(
    "operator", ["PJSIP/1001", "a b", "100%", "оператор", "x@y", "a:b:c", "{main}", "*", "é" * 5000, '"quoted\\']
)
def test_any_id_stands_as_it_is(redis_server: RedisServer, client: redis.Redis, operator: str) -> None:
    board = recorded()
    set_operator(board, operator, operator)
    with WrittenBoard(board, redis_server) as written:
        written.wait()
        assert difference(client, board) == []
        set_operator(board, operator, name="again")
        written.wait()
        assert difference(client, board) == []
        assert msgspec.json.decode(entries(client)[-1]["rows"], type=Listed).operators == [operator]


def test_a_queue_named_like_the_members_of_another_keeps_its_own_row(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    board = StatusBoard("main", 1)
    for queue in ("sales", "sales:operators", "sales%3Aoperators", "sales%253Aoperators"):
        board.set_row("queues", queue, json.dumps({"name": queue}).encode(), now=NOW)
        set_operator(board, f"SIP/{queue}", queue)
    with WrittenBoard(board, redis_server) as written:
        written.wait()
        assert difference(client, board) == []
        # Also when a rewrite replaces the sets, and when the queue goes with one.
        resync(board)
        written.wait()
        assert difference(client, board) == []


def test_rows_may_be_compressed(redis_server: RedisServer, client: redis.Redis) -> None:
    board = recorded()
    with WrittenBoard(board, redis_server, compress="zstd") as written:
        written.wait()
        operator, row = board.rows("operators")[0]
        stands = client.get(f"{BASE}operator:{operator}")
        assert isinstance(stands, bytes)
        assert struct.unpack("<I", stands[:4]) == (0xFD2FB528,)
        assert expand_row(stands) == row
        assert difference(client, board) == []


def test_configured_rows_wait_behind_what_redis_knows_until_asterisk_has_spoken(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    before = StatusBoard("main", 1)
    set_operator(before, "SIP/1", "sales", state="talking")
    with WrittenBoard(before, redis_server) as written:
        written.wait()
    live = client.get(BASE + "operator:SIP/1")
    board = StatusBoard("main", 1)
    set_operator(board, "SIP/1", "sales", origin="database")
    set_operator(board, "SIP/2", "sales", origin="database")
    with WrittenBoard(board, redis_server) as written:
        written.wait()
        assert client.get(BASE + "operator:SIP/1") == live
        assert client.get(BASE + "operator:SIP/2") == board.operator("SIP/2")
        assert client.smembers(BASE + "operators") == {b"SIP/1", b"SIP/2"}
        resync(board)
        written.wait()
        written.wait_for(lambda: not difference(client, board), "replaced")
        assert not client.exists(BASE + "operator:SIP/1")


def test_a_rewrite_drops_what_is_not_on_the_board(redis_server: RedisServer, client: redis.Redis) -> None:
    board = recorded()
    with WrittenBoard(board, redis_server) as written:
        written.wait()
        client.set(BASE + "operator:stray", "{}", ex=60)
        client.sadd(BASE + "operators", "stray")
        client.set(BASE + "queue:a:operators", "{}")  # of another type than it should be, and of a queue that is gone
        client.sadd(BASE + "queues", "a")
        client.sadd(BASE + "staffed", "a")
        written.rewritten()
        assert difference(client, board) == []
        assert entries(client)[-1]["rows"] == "*"


def test_a_row_that_another_service_removed_comes_back_with_its_entries(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    board = recorded()
    set_operator(board, "SIP/1", "sales")
    with WrittenBoard(board, redis_server) as written:
        written.wait()
        seq = client.fcall(
            "vss_remove",
            5,
            *(BASE + name for name in ("operator:SIP/1", "operators", "meta", "changes", "queue:sales:operators")),
            "SIP/1",
            "operators",
            "60000",
        )
        assert seq == str(board.seq + 1).encode()
        set_operator(board, "SIP/1", "sales", name="new")
        set_operator(board, "SIP/1", "sales", name="newer")
        written.wait()
        written.wait_for(lambda: not difference(client, board), "put right")
        assert written.writer.status().missing >= 1


def test_an_operator_whose_queues_another_service_changed_is_put_right_by_the_next_fact(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    board = recorded()
    set_operator(board, "SIP/1", "night", "help")
    set_operator(board, "SIP/2", "night")
    set_operator(board, "SIP/3", "night")
    with WrittenBoard(board, redis_server) as written:
        written.wait()
        row = json.dumps({"source": "main", "id": "", "memberships": [{"queue": "elsewhere"}]}).encode()
        for operator in ("SIP/1", "SIP/3"):
            keys = [f"operator:{operator}", "operators", "meta", "changes"]
            keys += [f"queue:{queue}:operators" for queue in ("elsewhere", "night", "help")]
            time_to_live, joined = "60000", "1"
            arguments = [operator, "operators", row, "2026-11-22T10:00:00.000Z", time_to_live, joined]
            client.fcall("vss_set", len(keys), *(BASE + key for key in keys), *arguments)
        assert client.smembers(BASE + "queue:elsewhere:operators") == {b"SIP/1", b"SIP/3"}
        assert client.smembers(BASE + "queue:night:operators") == {b"SIP/2"}
        set_operator(board, "SIP/1", "night", "help", name="by Asterisk")
        board.remove_row("operators", "SIP/3", NOW)
        written.wait()
        written.wait_for(lambda: not difference(client, board), "put right")
        assert written.writer.status().rewrites == 1


def test_a_pbx_without_a_row_stays_known(redis_server: RedisServer, client: redis.Redis) -> None:
    board = StatusBoard("main", 1)
    with WrittenBoard(board, redis_server, ttl_seconds=0.5) as written:
        written.wait_for(lambda: written.writer.status().renewed >= 16, "renewed eight times")
        assert client.exists(BASE + "meta", BASE + "changes") == 2
        assert written.writer.status().rewrites == 1


def test_an_idle_operator_outlives_its_time_and_nothing_outlives_the_writer(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    board = recorded()
    written = WrittenBoard(board, redis_server, ttl_seconds=1.0)
    with written:
        written.wait()
        keys = 2 + sum(1 for _ in client.scan_iter(match=BASE + "*"))
        begun = time.monotonic()
        written.wait_for(lambda: written.writer.status().renewed > 12 * keys, "renewed")
        assert time.monotonic() - begun > 1.0, "twelve rounds take three times to live"
        assert difference(client, board) == []
        assert written.writer.status().rewrites == 1
    wait_until(lambda: client.keys() == [b"queue:sources"], "everything of the PBX has gone", 5.0)


def test_a_description_is_written_without_a_change_of_rows(redis_server: RedisServer, client: redis.Redis) -> None:
    with WrittenBoard(recorded(), redis_server) as written:
        written.wait()
        written.writer.describe(state="live", asterisk_version="22.5.2")
        written.wait_for(
            lambda: client.hmget(BASE + "meta", "state", "asterisk_version") == [b"live", b"22.5.2"], "described"
        )


def test_two_boards_share_one_redis(redis_server: RedisServer, client: redis.Redis) -> None:
    first, second = recorded("a"), recorded("b")
    with (
        WrittenBoard(first, redis_server, writer_id="w") as one,
        WrittenBoard(second, redis_server, writer_id="w") as two,
    ):
        one.wait()
        two.wait()
        assert client.smembers("queue:sources") == {b"a", b"b"}
        for board, other in ((first, b"queue:{b}:*"), (second, b"queue:{a}:*")):
            others = {f"{key.decode()} stands there" for key in client.scan_iter(match=other)}
            assert set(difference(client, board)) <= others


def test_stopping_writes_what_is_left_and_gives_the_lease_up(redis_server: RedisServer, client: redis.Redis) -> None:
    board = recorded()
    with WrittenBoard(board, redis_server, flush_seconds=5.0) as written:
        written.wait()
        set_operator(board, "SIP/1", "sales")
        set_operator(board, "SIP/2", "sales")
    assert difference(client, board) == []
    assert client.get(BASE + "writer") is None
    assert written.writer.status().state == "stopped"
    written.writer.start()
    assert written.writer.status().state == "stopped"
    written.writer.stop()


def test_a_writer_that_never_started_or_has_no_redis_stops_at_once() -> None:
    board = StatusBoard()
    never = StatusWriter(board, mode="standalone", addresses=[("127.0.0.1", 1)], writer_id="w")
    assert never.status().state == "idle"
    never.stop()
    with WrittenBoard(board, None, addresses=[("127.0.0.1", 1)]) as written:
        written.wait_for(lambda: written.writer.status().failures > 2, "refused")
        assert "cannot be reached" in str(written.writer.status().trouble)


def test_the_library_is_one_that_redis_takes(redis_server: RedisServer) -> None:
    loaded = redis_server.command("FUNCTION", "LOAD", "REPLACE", REDIS_LIBRARY)
    assert loaded == "vss_router"
    (listed,) = redis_server.command("FUNCTION", "LIST")
    names = {function["name"] for function in listed["functions"]}
    assert names == {"vss_flush", "vss_index", "vss_lease", "vss_remove", "vss_renew", "vss_set"}


def test_a_forked_child_leaves_the_writer_alone(redis_server: RedisServer) -> None:
    script = f"""
import os
from vss_router import StatusBoard
from vss_router._core import StatusWriter
writer = StatusWriter(StatusBoard(), mode="standalone", addresses=[{redis_server.address!r}], writer_id="w")
writer.start()
child = os.fork()
if child == 0:
    writer.start()
    writer.stop(5.0)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
writer.stop(5.0)
assert writer.status().state == "stopped"
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
