"""What the recorder reads out of events and rows: only what it stores, the rest stays bytes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from vss_router.status.reader_protocols import Table
from vss_router.status.rows import CallRow, Party

__all__ = [
    "CALL",
    "CALL_EVENT",
    "GAP",
    "HUNG_UP",
    "OPERATOR",
    "QUEUE",
    "STAMP",
    "UPDATE",
    "CallEvent",
    "Gap",
    "HungUp",
    "MemberFacts",
    "OperatorFacts",
    "QueueFacts",
    "RecordedBoard",
]


class RecordedBoard(Protocol):
    """What the recorder needs of a `StatusBoard`, which documents it."""

    # ruff: disable[D102]
    def call(self, key: str, /) -> bytes | None: ...
    def rows(self, table: Table, /) -> list[tuple[str, bytes]]: ...
    def keep_hung_up(self, keep: bool, /) -> None: ...
    def raise_seq(self, seq: int, /) -> None: ...
    def take_hung_up(self) -> tuple[list[bytes], int]: ...

    # ruff: enable[D102]


Boards = Mapping[str, RecordedBoard]


class Stamp(msgspec.Struct, frozen=True):
    """What every event has."""

    timestamp: datetime


class Update(msgspec.Struct, frozen=True):
    """`operator.update` and `queue.update`."""

    row: msgspec.Raw


class Gap(msgspec.Struct, frozen=True):
    """`sync.gap`."""

    started: datetime
    ended: datetime


class CallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`call.start`, `call.update` and `call.end` in one."""

    timestamp: datetime
    call_id: str
    status: str | None = None
    direction: Any = None
    phone_number: str | None = None
    operator_id: str | None = None
    queue: str | None = None
    disposition: Any = None
    wait_seconds: float = 0.0
    talk_seconds: float = 0.0
    hold_seconds: float = 0.0
    hangup_cause: int | None = None
    merged_into: str | None = None


class MemberFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a queue, without what changes with every call."""

    queue: str
    interface: str
    membership: str
    penalty: int
    paused: bool
    paused_reason: str | None
    paused_since: datetime | None


class OperatorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Of an operator's row."""

    id: str
    extension: str
    name: str
    state: str
    since: datetime
    reason: str | None
    call: str | None
    memberships: list[MemberFacts]
    as_of: datetime
    stale: bool = False


class QueueFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Of a queue's row."""

    name: str
    service_level_seconds: int
    as_of: datetime
    stale: bool = False


class HungUp(msgspec.Struct, frozen=True, kw_only=True):
    """Of the last row of a channel that hung up."""

    id: str
    name: str
    linkedid: str
    caller: Party
    connected: Party
    operator: str | None
    queue: str | None
    created_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    hangup_cause: int | None


STAMP: Final = msgspec.json.Decoder(Stamp)
UPDATE: Final = msgspec.json.Decoder(Update)
GAP: Final = msgspec.json.Decoder(Gap)
CALL_EVENT: Final = msgspec.json.Decoder(CallEvent)
OPERATOR: Final = msgspec.json.Decoder(OperatorFacts)
QUEUE: Final = msgspec.json.Decoder(QueueFacts)
CALL: Final = msgspec.json.Decoder(CallRow)
HUNG_UP: Final = msgspec.json.Decoder(HungUp)
