"""What history and analytics answer: typed rows, ready for JSON.

Times are UTC with milliseconds, durations are seconds. A span is half open: `since` belongs to it, `until` does not.
A mean, percentile or percentage is null while there is nothing to divide by. Percentiles are of the nearest rank: one
of the values themselves, which that share of all does not exceed.
"""

from datetime import datetime
from typing import Literal

import msgspec

from vss_router.status.rows import Disposition, OperatorState, ServiceLevel

__all__ = [
    "HandlingTimes",
    "OperatorHistory",
    "QueueCall",
    "QueueHistory",
    "ServiceInterval",
    "ServiceReport",
    "Spread",
    "StateInterval",
    "StateTime",
    "Step",
    "TimeInState",
]

Step = Literal["quarter", "hour", "day"]
"""The intervals of a report: 15 minutes, an hour, a day of the chosen time zone."""
Outcome = Literal["answered", "abandoned", "timeout", "left_empty", "exit_key"]


class StateInterval(msgspec.Struct, frozen=True, kw_only=True):
    """An operator in one state, from `since` to `ended` (null: still so), both clipped to the span asked about.

    `watched` is false where the router heard nothing of the PBX: the state is the last known one. `continues` says
    that the interval goes on from the one before it, cut by a gap or by a change of queues. `call` and `queue` are
    those served, of a wrap-up those that were.
    """

    state: OperatorState
    reason: str | None
    call: str | None
    queue: str | None
    since: datetime
    ended: datetime | None
    seconds: float
    watched: bool
    continues: bool


class OperatorHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One operator's intervals in order of time; `next_cursor` is null on the last page."""

    source: str
    operator: str
    since: datetime
    until: datetime
    items: list[StateInterval]
    next_cursor: str | None


class StateTime(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds` watched in one state, and how many times it was entered within the span."""

    state: OperatorState
    seconds: float
    entered: int


class TimeInState(msgspec.Struct, frozen=True, kw_only=True):
    """Time in state of an operator, or of a queue: the sum over the operators while they were its members.

    `unwatched_seconds` is time whose state is not known for sure; no state counts it.
    """

    source: str
    operator: str | None
    queue: str | None
    since: datetime
    until: datetime
    states: list[StateTime]
    unwatched_seconds: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How values spread: how many, their mean, percentiles and the largest."""

    count: int
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    longest: float | None


class HandlingTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Times of the answered visits that began in the span, of a queue, an operator, or both.

    `wait` and `talk` are per visit (talk as the queue counts it, holds included), `hold` per held call, `wrap_up` per
    wrap-up that began in the span. `handling_mean` is talk and wrap-up together, over the answered visits.
    """

    source: str
    queue: str | None
    operator: str | None
    since: datetime
    until: datetime
    answered: int
    wait: Spread
    talk: Spread
    hold: Spread
    wrap_up: Spread
    handling_mean: float | None


class QueueCall(msgspec.Struct, frozen=True, kw_only=True):
    """One visit of a call in a queue; `left_at` and `outcome` are null while it lasts."""

    call: str
    queue: str
    direction: Literal["inbound", "outbound", "internal"]
    phone_number: str | None
    disposition: Disposition | None
    joined_at: datetime
    left_at: datetime | None
    outcome: Outcome | None
    operator: str | None
    wait_seconds: float
    talk_seconds: float


class QueueHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The visits that began in the span, in order of `joined_at`; `next_cursor` is null on the last page."""

    source: str
    queue: str
    since: datetime
    until: datetime
    items: list[QueueCall]
    next_cursor: str | None


class ServiceInterval(msgspec.Struct, frozen=True, kw_only=True):
    """The visits that began between `begins` and `ends`, and what became of them.

    `timed_out` counts `timeout` and `left_empty` as `QueueRow` does; what is missing to `offered` left by a key or is
    still there. `wait` is that of the answered.
    """

    begins: datetime
    ends: datetime
    offered: int
    answered: int
    abandoned: int
    timed_out: int
    service_level_percent: ServiceLevel
    wait: Spread


class ServiceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A queue's service level per interval and in all; borders are those of `time_zone`, the first and last clipped."""

    source: str
    queue: str
    time_zone: str
    step: Step
    service_level_seconds: int
    intervals: list[ServiceInterval]
    total: ServiceInterval
