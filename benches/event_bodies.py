"""Bodies of real events: what a board makes of the everyday capture, 400 bytes in the mean and no two alike."""

from benches.bench_board import stamped
from benches.inputs import EVERYDAY, chunks, unpacked
from vss_router import StatusBoard

MEAN_BYTES = 400


def event_bodies() -> list[bytes]:
    """The capture's shortest events, so many that their mean is `MEAN_BYTES`, in the order they were told."""
    board = StatusBoard(first_seq=1)
    capture = chunks(unpacked(EVERYDAY).read_bytes())
    bodies = [body for chunk, now in stamped(capture) for _, _, body in board.feed(chunk, now).events]
    chosen: set[bytes] = set()
    total = 0
    for body in sorted(bodies, key=len):
        total += len(body)
        if total > MEAN_BYTES * (len(chosen) + 1):
            break
        chosen.add(body)
    return [body for body in bodies if body in chosen]
