"""What a wallboard shows: one frame of the call centre, whether read over REST or from the board in this process."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from vss_router.status.rows import Caller, OperatorRow, OperatorState, QueueRow, SourceSnapshot

__all__ = [
    "STATES",
    "Frame",
    "Line",
    "LinkState",
    "Rate",
    "core_drift",
    "frame_time",
    "state_counts",
    "waiting_callers",
]

LinkState = Literal["live", "resync", "down", "connecting"]

STATES: Final[tuple[OperatorState, ...]] = (
    "talking",
    "on_hold",
    "other_call",
    "ringing",
    "wrap_up",
    "available",
    "paused",
    "unreachable",
    "logged_out",
)
"""The order of the wallboard: who serves a caller first, who cannot be offered one last."""


CORE_DRIFT: Final = frozenset(
    f"{row}.{field}"
    for row, fields in {
        "operator": ("added", "removed"),
        "queue": ("added", "removed"),
        "member": ("added", "removed", "status", "paused", "paused_reason", "penalty", "membership", "login_time"),
        "channel": (
            *("added", "removed", "name", "state", "caller", "connected", "context", "exten", "linkedid"),
            "bridge_id",
        ),
    }.items()
    for field in fields
)


COMPARISONS: Final = frozenset({"period", "asked"})
"""Reasons of resyncs that compare a board which should be true; after a lost link or a restart it cannot be."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The line to one PBX: its state, AMI events a second, the last resync's differences in core fields, by field.

    `trouble` says in a sentence why it is not live.
    """

    source: str
    state: LinkState
    events_per_second: float | None = None
    drift: dict[str, int] = {}
    trouble: str | None = None


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The call centre at `at` (UTC): one snapshot and one line per PBX, in the same order."""

    at: datetime
    snapshots: list[SourceSnapshot]
    lines: list[Line]

    @property
    def operators(self) -> list[OperatorRow]:
        """All operators, those longest in their state first within it, in the order of `STATES`."""
        rows = [row for snapshot in self.snapshots for row in snapshot.operators]
        return sorted(rows, key=lambda row: (STATES.index(row.state), row.since, row.id))

    @property
    def queues(self) -> list[QueueRow]:
        """All queues; those where somebody waits longest first, the quiet ones by name."""
        rows = [row for snapshot in self.snapshots for row in snapshot.queues]
        return sorted(rows, key=lambda row: (row.callers[0].joined_at if row.callers else self.at, row.name))


def state_counts(operators: Sequence[OperatorRow]) -> dict[OperatorState, int]:
    """How many operators are in each state, in the order of `STATES`, states without any left out."""
    counts = {state: sum(row.state == state for row in operators) for state in STATES}
    return {state: count for state, count in counts.items() if count}


def waiting_callers(queues: Sequence[QueueRow]) -> list[tuple[str, Caller]]:
    """(queue, caller) of everyone who waits, longest first."""
    callers = [(queue.name, caller) for queue in queues for caller in queue.callers]
    return sorted(callers, key=lambda pair: (pair[1].joined_at, pair[1].position))


class Rate:
    """Events a second out of a counter that is read now and then, over the last `window` seconds."""

    def __init__(self, window: float = 5.0) -> None:
        self._window = window
        self._readings: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> float | None:
        """The rate with this reading; None when there is nothing to compare with. A counter that fell starts anew."""
        if self._readings and (count < self._readings[-1][1] or now <= self._readings[-1][0]):
            self._readings.clear()
        self._readings.append((now, count))
        while len(self._readings) > 2 and now - self._readings[1][0] >= self._window:
            self._readings.popleft()
        first, first_count = self._readings[0]
        return (count - first_count) / (now - first) if now > first else None


def core_drift(drift: Mapping[str, int], reason: str | None) -> dict[str, int]:
    """Differences that events must have told us of; none when the resync's `reason` is that there were no events.

    Times and counters are left out: a list tells them in whole seconds or counts what no event tells.
    """
    if reason not in COMPARISONS:
        return {}
    return {field: count for field, count in drift.items() if field in CORE_DRIFT and count}


def frame_time(now: datetime, snapshots: Sequence[SourceSnapshot]) -> datetime:
    """The time that durations are counted to: `now`, or the newest fact where that is later.

    A recording that plays faster than it was made runs ahead of our clock.
    """
    return max([now, *(snapshot.as_of for snapshot in snapshots)])
