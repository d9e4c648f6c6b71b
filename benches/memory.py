"""P9: the memory a large call centre takes over an empty router, each round in a process of its own.

Run by benches.run; as `python -m benches.memory LISTS` it is one round and prints the bytes as JSON.
"""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from benches.inputs import CHUNK, INPUTS
from benches.schema import Side
from benches.traffic import ACTION_IDS, FENCE, START, CallCentre, Size

SIZE: Final = Size(operators=10_000, queues=200, talking=1_500)  # with 2 000 waiting callers: 5 000 channels
ROUNDS: Final = 5
TRAFFIC: Final = 20_000  # live events after the lists: what stays behind in a busy hour counts too


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one process saw, in bytes; the counts tell that the board really held the call centre."""

    empty: int
    full: int
    operators: int
    channels: int
    queues: int


def resident_bytes() -> int:
    """Resident memory of this process now (where /proc is missing: its highest so far)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure(lists: Path, live: Path) -> Round:
    """Fill a board from files, so that the maker's own memory stays out of the figure."""
    from vss_router import StatusBoard

    board = StatusBoard(first_seq=1)
    board.connected(START)
    empty = resident_bytes()
    board.begin_resync(ACTION_IDS, FENCE, now=START)
    for path, session in ((lists, "actions"), (live, "events")):
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                board.feed(chunk, START, "actions" if session == "actions" else "events")
    stats = board.stats()
    return Round(
        empty=empty,
        full=resident_bytes(),
        operators=stats["operators"],
        channels=stats["channels"],
        queues=stats["queues"],
    )


def sides() -> list[Side]:
    """Run all rounds.

    Raises
    ------
    RuntimeError
        The board did not hold what it was told.
    """
    INPUTS.mkdir(parents=True, exist_ok=True)
    lists, live = INPUTS / "memory-lists.ami", INPUTS / "memory-live.ami"
    centre = CallCentre(SIZE)
    lists.write_bytes(b"".join(centre.lists()))
    live.write_bytes(centre.fence() + centre.round(TRAFFIC)[0])
    rounds = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-m", "benches.memory", str(lists), str(live)]
        output = subprocess.run(command, check=True, capture_output=True, timeout=300).stdout
        seen = msgspec.json.decode(output, type=Round)
        expected = (SIZE.operators, SIZE.queues * SIZE.callers_per_queue + 2 * SIZE.talking, SIZE.queues)
        if (seen.operators, seen.channels, seen.queues) != expected:
            raise RuntimeError(
                f"the board holds {seen}, the made call centre has (operators, channels, queues) {expected}"
            )
        rounds.append(float(seen.full - seen.empty))
    return [Side(name="resident", harness="memory", unit="bytes", rounds=rounds)]


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure(Path(sys.argv[1]), Path(sys.argv[2]))))
