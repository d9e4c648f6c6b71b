"""The board's JSON and the shapes that `vss_router.status.rows` declares are the same, over every real recording."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from vss_router import StatusBoard
from vss_router.status import CallRow, ChannelRow, MemoryReader, OperatorRow, QueueRow
from vss_router.status.reader import Table
from vss_router.status.rows import Caller, SourceSnapshot
from vss_router.status.verify import verify

RECORDINGS = sorted((Path(__file__).parents[1] / "data").glob("*.ami.gz"))
SHAPES: dict[Table, type[msgspec.Struct]] = {
    "operators": OperatorRow,
    "channels": ChannelRow,
    "calls": CallRow,
    "queues": QueueRow,
}


class Replayed(msgspec.Struct):
    """A recording's board at its end, and its snapshots on the way there."""

    board: StatusBoard
    snapshots: list[bytes]


@pytest.fixture(scope="module", params=RECORDINGS, ids=lambda path: path.name.partition(".")[0])
def replayed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    dump, board = tmp_path_factory.mktemp("snapshots"), StatusBoard()
    verify(request.param, dump, board)
    return Replayed(board, [path.read_bytes() for path in sorted(dump.iterdir())])


def named(value: Any) -> Any:
    """The names of all fields, at every depth, without the values."""
    if isinstance(value, dict):
        return {key: named(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [named(inner) for inner in value]
    return None


def decode_exactly(body: bytes, shape: Any) -> Any:
    """Decode with no value converted, no field missing and none too many."""
    decoded = msgspec.json.decode(body, type=shape, strict=True)
    assert named(msgspec.to_builtins(decoded)) == named(msgspec.json.decode(body))
    return decoded


def ids(table: Table, body: bytes) -> list[str]:
    return [row["name" if table == "queues" else "id"] for row in msgspec.json.decode(body)["items"]]


def test_every_snapshot_on_the_way_has_the_declared_shape(replayed: Replayed) -> None:
    assert len(replayed.snapshots) >= 10
    for body in replayed.snapshots:
        snapshot = decode_exactly(body, SourceSnapshot)
        assert snapshot.operators
        assert snapshot.queues
        assert all(row.seq <= snapshot.seq for row in (*snapshot.operators, *snapshot.channels, *snapshot.calls))


@pytest.mark.parametrize("table", SHAPES)
def test_every_row_is_read_the_same_in_each_way(replayed: Replayed, table: Table) -> None:
    board = replayed.board
    single = {"operators": board.operator, "channels": board.channel, "calls": board.call, "queues": board.queue}[table]
    rows = board.rows(table)
    # The count of calls is that of the live ones; ended ones stay readable for a while.
    counted = [body for _, body in rows if msgspec.json.decode(body).get("status") != "ended"]
    assert len(counted) == board.stats()[table]
    for key, body in rows:
        decode_exactly(body, SHAPES[table])
        assert single(key) == body
    assert [key for key, _ in rows] == sorted(key for key, _ in rows)
    whole = msgspec.json.decode(board.snapshot(), type=dict[str, msgspec.Raw])[table]
    assert bytes(whole) == b"[" + b",".join(body for _, body in rows) + b"]"


@pytest.mark.parametrize("table", SHAPES)
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_put_together_are_the_whole_table(replayed: Replayed, table: Table, limit: int) -> None:
    read = getattr(MemoryReader({"main": replayed.board}), table)
    together: list[str] = []
    cursor: str | None = None
    for _ in range(len(ids(table, read().body)) + 1):
        page = read(limit=limit, cursor=cursor).body
        together += ids(table, page)
        cursor = msgspec.json.decode(page)["next_cursor"]
        if cursor is None:
            break
    assert together == ids(table, read().body)


def test_filters_part_the_operators(replayed: Replayed) -> None:
    reader = MemoryReader({"main": replayed.board})
    rows = [msgspec.json.decode(body, type=OperatorRow) for _, body in replayed.board.rows("operators")]
    for state in {row.state for row in rows}:
        expected = [row.id for row in rows if row.state == state]
        assert ids("operators", reader.operators(state=state).body) == expected
    for queue in {membership.queue for row in rows for membership in row.memberships}:
        expected = [row.id for row in rows if any(membership.queue == queue for membership in row.memberships)]
        assert ids("operators", reader.operators(queue=queue).body) == expected


def test_the_callers_of_a_queue_are_those_of_its_row(replayed: Replayed) -> None:
    for name, body in replayed.board.rows("queues"):
        queue = msgspec.json.decode(body, type=QueueRow)
        waiting = replayed.board.callers(name)
        assert waiting is not None
        assert tuple(decode_exactly(waiting, list[Caller])) == tuple(queue.callers)
    assert replayed.board.callers("no such queue") is None


def test_an_operator_is_found_by_extension(replayed: Replayed) -> None:
    for _, body in replayed.board.rows("operators"):
        row = msgspec.json.decode(body, type=OperatorRow)
        found = replayed.board.operator(row.extension)
        assert found is not None
        assert msgspec.json.decode(found, type=OperatorRow).extension == row.extension


def test_a_channel_is_found_by_name(replayed: Replayed) -> None:
    for _, body in replayed.board.rows("channels"):
        row = msgspec.json.decode(body, type=ChannelRow)
        found = replayed.board.channel(row.name)
        assert found is not None
        assert msgspec.json.decode(found, type=ChannelRow).name == row.name
