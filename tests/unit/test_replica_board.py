"""The board of a replica: it reads like any board, and whoever follows its changes ends up with its rows."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.board_double import BoardDouble, channel, operator, queue
from tests.redis_rows import ids_of
from vss_router.status import MemoryReader
from vss_router.status.redis import replica_board
from vss_router.status.redis.replica_board import Key, ReplicaBoard

JSON = msgspec.json.encode
AS_OF = "2026-11-21T19:49:21.084Z"


def test_it_reads_like_a_board() -> None:
    operators = [
        operator(f"PJSIP/{n}", state="paused" if n % 2 else "available", queues=("a", "b") if n % 3 else ("a",))
        for n in range(9)
    ]
    double = BoardDouble(operators=operators, channels=[channel("1.1")], queues=[queue("a"), queue("b")], seq=7)
    rows: dict[Key, bytes] = {
        (table, key): JSON(row) for table, held in double.tables.items() for key, row in held.items()
    }
    board = ReplicaBoard("main")
    board.replace(rows, 7, double.as_of)
    ours, theirs = MemoryReader({"main": board}), MemoryReader({"main": double})
    questions: list[dict[str, Any]] = [
        {},
        {"state": "paused"},
        {"queue": "b"},
        {"queue": "b", "state": "paused", "limit": 2},
    ]
    for question in questions:
        assert ours.operators(**question) == theirs.operators(**question)
    assert ours.channels() == theirs.channels()
    assert ours.queues(limit=1) == theirs.queues(limit=1)
    for key in ("PJSIP/3", "3", "x"):
        assert ours.operator(key) == theirs.operator(key)
    assert ours.channel(channel("1.1")["name"]) == theirs.channel("1.1")
    assert (ours.callers("a"), ours.callers("x"), ours.call("x")) == (theirs.callers("a"), None, None)
    assert msgspec.json.decode(ours.snapshot().body) == msgspec.json.decode(theirs.snapshot().body)
    assert board.stats() == {"operators": 9, "channels": 1, "queues": 2, "calls": 0, "resyncs": 1}


def test_a_row_that_is_the_same_as_before_changes_nothing() -> None:
    board = ReplicaBoard("main")
    board.replace({("calls", "1.1"): b"{}"}, 5, AS_OF)
    assert board.apply({("calls", "1.1"): b"{}", ("calls", "none"): None}, 5, AS_OF) == 0
    assert board.seq == 5
    assert board.apply({("calls", "1.1"): b'{"a":1}'}, 5, AS_OF) == 1
    assert board.seq == 6


def test_an_operator_is_found_by_its_new_extension_only() -> None:
    board = ReplicaBoard("main")
    board.replace({("operators", "PJSIP/1"): JSON(operator("PJSIP/1"))}, 5, AS_OF)
    board.apply({("operators", "PJSIP/1"): JSON(operator("PJSIP/1") | {"extension": "77"})}, 6, AS_OF)
    assert (board.operator("1"), board.operator("77")) == (None, board.operator("PJSIP/1"))
    board.apply({("operators", "PJSIP/1"): None}, 7, AS_OF)
    assert board.operator("77") is None


def test_who_was_never_here_or_is_too_far_behind_is_told_to_read_everything(monkeypatch: Any) -> None:
    monkeypatch.setattr(replica_board, "MOST_REMOVED", 2)
    board = ReplicaBoard("main")
    board.replace({("calls", str(n)): b"{}" for n in range(5)}, 10, AS_OF)
    assert [board.changes(since).lost for since in (0, 9, 10, 11)] == [True, True, False, True]
    for n in range(5):
        board.apply({("calls", str(n)): None}, 11 + n, AS_OF)
    assert [board.changes(since).lost for since in (10, 12, 13, 15)] == [True, True, False, False]
    assert board.changes(13).removed == [("calls", "3"), ("calls", "4")]


def test_a_load_tells_those_who_follow_only_what_is_different() -> None:
    board = ReplicaBoard("main")
    board.replace({("calls", "same"): b"{}", ("calls", "gone"): b"{}", ("calls", "other"): b"{}"}, 10, AS_OF)
    board.replace({("calls", "same"): b"{}", ("calls", "new"): b"{}", ("calls", "other"): b'{"a":1}'}, 20, AS_OF)
    changes = board.changes(10)
    assert sorted(row_id for _, row_id, _ in changes.rows) == ["new", "other"]
    assert changes.removed == [("calls", "gone")]
    assert (changes.seq_from, changes.seq_to, changes.complete) == (11, 20, True)


def test_numbers_never_go_back_when_those_of_redis_do() -> None:
    board = ReplicaBoard("main")
    board.replace({("calls", "1"): b"{}"}, 1000, AS_OF)
    board.replace({("calls", "2"): b"{}"}, 1, AS_OF)
    assert board.seq == 1001
    assert ids(board.changes(1000).rows) == ["2"]


def ids(rows: list[tuple[Any, str, bytes]]) -> list[str]:
    return [row_id for _, row_id, _ in rows]


ROWS = st.dictionaries(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 3)), max_size=6)


@given(st.lists(st.tuples(ROWS, st.integers(0, 3), st.booleans()), max_size=20), st.integers(1, 4), st.data())
def test_whoever_follows_the_changes_ends_up_with_the_rows(
    steps: list[tuple[dict[str, int | None], int, bool]], limit: int, data: st.DataObject
) -> None:
    board = ReplicaBoard("main")
    board.replace({("calls", "a"): b"{}"}, 100, AS_OF)
    held = {"a": b"{}"}
    cursor, seq = board.seq, 100
    for changed, ahead, everything in steps:
        seq += ahead
        rows: dict[Key, bytes | None] = {
            ("calls", key): None if value is None else JSON({"v": value}) for key, value in changed.items()
        }
        if everything:
            board.replace({key: row for key, row in rows.items() if row is not None}, seq, AS_OF)
        else:
            board.apply(rows, seq, AS_OF)
        for _ in range(data.draw(st.integers(0, 2))):
            cursor = followed(board, cursor, held, limit)
    while cursor < board.seq:
        cursor = followed(board, cursor, held, limit)
    assert held == dict(board.rows("calls"))


def followed(board: ReplicaBoard, cursor: int, held: dict[str, bytes], limit: int) -> int:
    changes = board.changes(cursor, limit)
    assert not changes.lost
    assert changes.complete == (changes.seq_to == board.seq)
    held.update({row_id: row for _, row_id, row in changes.rows})
    for _, row_id in changes.removed:
        held.pop(row_id, None)
    return changes.seq_to


def test_pages_of_a_replica_go_on_where_the_last_one_ended() -> None:
    board = ReplicaBoard("main")
    board.replace({("queues", name): JSON(queue(name)) for name in ("b", "c", "a")}, 1, AS_OF)
    reader = MemoryReader({"main": board})
    first = reader.queues(limit=2)
    assert ids_of(first.body) == ["a", "b"]
    board.apply({("queues", "bb"): JSON(queue("bb"))}, 2, AS_OF)
    assert ids_of(reader.queues(cursor=msgspec.json.decode(first.body)["next_cursor"]).body) == ["bb", "c"]
