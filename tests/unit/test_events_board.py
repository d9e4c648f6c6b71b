"""Every typed event of a board, over the recordings and over a resync, is decoded and written again unchanged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recordings import START, event, queue_status
from vss_router import StatusBoard
from vss_router.events import (
    CallEnd,
    CallStart,
    CallUpdate,
    Event,
    OperatorUpdate,
    QueueUpdate,
    SyncGap,
    SyncReconciled,
    decode,
    encode,
)
from vss_router.status.verify.recording import recorded_chunks

RECORDINGS = sorted((Path(__file__).parents[1] / "data").glob("*.ami.gz"))
TYPES: dict[str, type[Event]] = {
    "call.start": CallStart,
    "call.update": CallUpdate,
    "call.end": CallEnd,
    "operator.update": OperatorUpdate,
    "queue.update": QueueUpdate,
    "sync.gap": SyncGap,
    "sync.reconciled": SyncReconciled,
}


def emitted(recording: Path) -> Iterator[tuple[str, bytes]]:
    """All events of a recording, then those of a session that is lost and of the resync that follows."""
    board = StatusBoard(first_seq=1)
    batches = [board.feed(chunk, START) for chunk in recorded_chunks(recording)]
    for number in range(2):
        batches += [board.lost("events", "cut", START), board.connected(START)]
        board.begin_resync({"QueueStatus": f"q{number}"}, f"fence-{number}", now=START)
        batches.append(board.feed(queue_status(number, calls=number + 1), START, session="actions"))
        fence = event("VarSet", privilege="dialplan,all", Channel="none", Variable="VSS_FENCE", Value=f"fence-{number}")
        batches.append(board.feed(fence, START))
    for batch in batches:
        for _, key, body in batch.events:
            yield key, body


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name)
def test_each_event_of_the_board_has_its_type_and_is_written_again_as_it_was(recording: Path) -> None:
    seen: set[str] = set()
    for key, body in emitted(recording):
        message = decode("vss.events", key, body, arrived=0.0)
        assert TYPES[key] is type(message)
        assert message.extra == {}
        # The order of the fields too: `encode` writes what the board writes.
        assert json.loads(encode(message), object_pairs_hook=list) == json.loads(body, object_pairs_hook=list)
        seen.add(key)
    assert {"operator.update", "queue.update", "sync.gap", "sync.reconciled"} <= seen


def test_the_recordings_show_every_event_of_the_board() -> None:
    assert {key for recording in RECORDINGS for key, _ in emitted(recording)} == TYPES.keys()
