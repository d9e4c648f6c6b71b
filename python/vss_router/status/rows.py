"""The rows as they are read: the shape of the ready JSON, for typed decoding and for the OpenAPI document.

The core writes each row once as JSON; nothing in the router decodes it again. Whoever wants objects does so with
`msgspec.json.decode(answer.body, type=OperatorRow)`. Times are UTC with milliseconds, durations are seconds; null
means "not known" or "has not happened", as does an empty text. `seq` is the PBX's sequence at the row's last change,
`as_of` the time of the fact that changed it. `manual` stands only in a row that was set by hand, `stale` only in one
that comes from the database, before Asterisk has answered.
"""

from datetime import datetime
from typing import Literal

import msgspec

__all__ = [
    "CallRow",
    "CallStatus",
    "Caller",
    "ChannelRow",
    "Disposition",
    "Membership",
    "OperatorRow",
    "OperatorState",
    "Party",
    "QueueCounts",
    "QueueRow",
    "QueueVisit",
    "ServiceLevel",
    "SourceSnapshot",
    "Transfer",
]

OperatorState = Literal[
    "logged_out",
    "unreachable",
    "on_hold",
    "talking",
    "other_call",
    "ringing",
    "wrap_up",
    "paused",
    "available",
]
"""Highest rule first: an operator on hold is not shown as ringing."""

CallStatus = Literal["initiating", "ringing", "queued", "talking", "on_hold", "parked", "ended"]
Disposition = Literal["answered", "abandoned", "no_answer", "busy", "failed", "timeout", "left_empty", "exit_key"]


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """An operator in one queue. `status` is Asterisk's device state number (0–8), `interface` what is dialled."""

    queue: str
    interface: str
    membership: str
    penalty: int
    paused: bool
    paused_reason: str | None
    paused_since: datetime | None
    status: int
    status_name: str
    calls_taken: int
    last_call: datetime | None
    in_call: bool
    login_time: datetime | None
    wrapup_seconds: float
    ringinuse: bool | None


class OperatorRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One state interface across all its queues. `since` changes only when `state` does; `reason` says why."""

    source: str
    id: str
    extension: str
    name: str
    state: OperatorState
    since: datetime
    reason: str | None
    intent: Literal["available", "paused", "logged_out"]
    activity: Literal["idle", "ringing", "talking", "on_hold", "wrap_up", "other_call"]
    reachable: bool
    device_state: str
    memberships: list[Membership]
    paused_queues: list[str]
    channels: list[str]
    call: str | None
    wrap_up_ends: datetime | None
    seq: int
    as_of: datetime
    manual: bool = False
    stale: bool = False


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A number and a name as Asterisk reports them."""

    number: str | None
    name: str | None


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One channel; `id` is its Uniqueid, `state` Asterisk's number (0–10)."""

    source: str
    id: str
    name: str
    state: int
    state_name: str
    caller: Party
    connected: Party
    context: str
    exten: str
    priority: int
    application: str
    application_data: str
    linkedid: str
    bridge_id: str | None
    bridge_peers: list[str]
    on_hold: bool
    queue: str | None
    operator: str | None
    account_code: str
    language: str
    created_at: datetime
    answered_at: datetime | None
    seq: int
    as_of: datetime
    manual: bool = False
    stale: bool = False


class QueueVisit(msgspec.Struct, frozen=True, kw_only=True):
    """One stay of a call in a queue."""

    queue: str
    joined_at: datetime
    left_at: datetime | None
    outcome: Literal["answered", "abandoned", "timeout", "left_empty", "exit_key"] | None
    operator_id: str | None
    wait_seconds: float
    talk_seconds: float


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer of the call: by an operator's id (else a channel's name) to an extension (else a channel's name)."""

    kind: Literal["blind", "attended"]
    at: datetime
    by: str
    to: str


class CallRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call; `id` is its Linkedid, `queue` the present or last one, `merged_into` the call it became part of."""

    source: str
    id: str
    direction: Literal["inbound", "outbound", "internal"]
    phone_number: str | None
    operator_id: str | None
    slot_id: int | None
    queue: str | None
    status: CallStatus
    started_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: float
    talk_seconds: float
    hold_seconds: float
    disposition: Disposition | None
    hangup_cause: int | None
    transfers: list[Transfer]
    queue_visits: list[QueueVisit]
    merged_into: str | None
    seq: int
    as_of: datetime
    manual: bool = False
    stale: bool = False


class QueueCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Operators of a queue by state; `logged_in` is all of them but the logged out."""

    logged_in: int
    available: int
    ringing: int
    talking: int
    on_hold: int
    wrap_up: int
    paused: int
    unreachable: int


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who waits in a queue; `ringing` are the operators whose telephone rings for this caller."""

    position: int
    channel: str
    call_id: str
    number: str | None
    name: str | None
    joined_at: datetime
    priority: int
    ringing: list[str]


class ServiceLevel(msgspec.Struct, frozen=True, kw_only=True):
    """Percent answered in time: of the answered calls, and of all that were offered."""

    of_answered: float | None
    of_offered: float | None


class QueueRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One queue with its waiting callers; averages are true means over the configured window."""

    source: str
    name: str
    strategy: str
    weight: int
    max: int
    service_level_seconds: int
    counts: QueueCounts
    callers: list[Caller]
    longest_wait: float
    offered: int
    answered: int
    abandoned: int
    timed_out: int
    service_level_percent: ServiceLevel
    average_wait: float | None
    average_talk: float | None
    p90_wait: float | None
    seq: int
    as_of: datetime
    manual: bool = False
    stale: bool = False


class SourceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of one PBX at one `seq`."""

    source: str
    seq: int
    as_of: datetime
    operators: list[OperatorRow]
    channels: list[ChannelRow]
    queues: list[QueueRow]
    calls: list[CallRow]
