"""Frames for the wallboard out of a router in this process, and the same in one line for a log."""

import time
from datetime import UTC, datetime

import msgspec

from vss_router.cli.wallboard import Frame, Line, Rate, core_drift, frame_time, state_counts, waiting_callers
from vss_router.router import Router
from vss_router.status.rows import SourceSnapshot

__all__ = ["RouterFrames", "progress_line"]


class RouterFrames:
    """Reads frames from the boards of `router`."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._rates: dict[str, Rate] = {}

    async def read(self) -> Frame:
        """The call centre now."""
        snapshots = [
            msgspec.json.decode(board.snapshot(), type=SourceSnapshot) for board in self._router.boards.values()
        ]
        lines = [
            Line(
                source=source,
                state=status.state,
                events_per_second=self._rates.setdefault(source, Rate()).add(time.monotonic(), status.messages),
                drift=core_drift(status.drift, status.resync_last_reason),
                trouble=status.trouble,
            )
            for source, status in self._router.status().items()
        ]
        return Frame(at=frame_time(datetime.now(UTC), snapshots), snapshots=snapshots, lines=lines)


def progress_line(frame: Frame) -> str:
    """One frame as one line: time, state, seq, operators by state, calls, waiting, events a second."""
    states = " ".join(f"{state}={count}" for state, count in state_counts(frame.operators).items())
    rate = sum(line.events_per_second or 0.0 for line in frame.lines)
    calls = sum(call.status != "ended" for snapshot in frame.snapshots for call in snapshot.calls)
    return "  ".join(
        [
            f"{frame.at:%H:%M:%S}",
            " ".join(f"{line.source}:{line.state}" for line in frame.lines),
            "seq " + " ".join(str(snapshot.seq) for snapshot in frame.snapshots),
            f"operators {len(frame.operators)} [{states}]",
            f"calls {calls}",
            f"waiting {len(waiting_callers(frame.queues))}",
            f"{rate:.0f} events/s",
            f"drift {sum(sum(line.drift.values()) for line in frame.lines)}",
        ]
    )
