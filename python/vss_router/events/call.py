"""`call.*`: the life of a call, from Asterisk or from whoever starts one."""

from typing import ClassVar, Literal

from vss_router.events.envelope import Event, Id
from vss_router.status.rows import CallStatus, Disposition

__all__ = ["CallEnd", "CallStart", "CallUpdate", "Direction"]

Direction = Literal["inbound", "outbound", "internal"]


class CallStart(Event, frozen=True, kw_only=True):
    """The first sight of a call; an empty `phone_number` is not known."""

    written_as_null: ClassVar[frozenset[str]] = frozenset({"slot_id", "operator_id", "queue"})

    event: str = "call.start"
    call_id: Id
    slot_id: int | None = None
    phone_number: str
    operator_id: Id | None = None
    lead_id: Id | None = None
    campaign_id: Id | None = None
    queue: str | None = None
    direction: Direction | None = None


class CallUpdate(Event, frozen=True, kw_only=True):
    """The call's status, operator or queue changed; `position` is its place in the queue at that moment, from 1."""

    written_as_null: ClassVar[frozenset[str]] = frozenset({"operator_id", "slot_id", "queue", "position"})

    event: str = "call.update"
    call_id: Id
    status: CallStatus
    operator_id: Id | None = None
    slot_id: int | None = None
    queue: str | None = None
    position: int | None = None


class CallEnd(Event, frozen=True, kw_only=True):
    """The call is over; `hangup_cause` is Asterisk's number, `merged_into` the older call this one became part of.

    Such a call goes on in the other one, so it may have no `disposition`.
    """

    written_as_null: ClassVar[frozenset[str]] = frozenset({"operator_id", "slot_id", "queue", "merged_into"})

    event: str = "call.end"
    call_id: Id
    disposition: Disposition | None
    wait_seconds: float
    talk_seconds: float
    hold_seconds: float
    hangup_cause: int | None
    operator_id: Id | None = None
    slot_id: int | None = None
    queue: str | None = None
    merged_into: Id | None = None
