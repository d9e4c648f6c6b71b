"""The board's rows and Asterisk's lists brought to one shape, field by field.

A row is a dictionary of its fields by name; what is unknown (`<unknown>`, empty, null) is the empty text on both
sides, times are whole Unix seconds, as Asterisk has them.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from vss_router._core import AmiMessage
from vss_router.status.verify.report import Value

__all__ = [
    "BoardRows",
    "MemberKey",
    "Row",
    "listed_channels",
    "listed_devices",
    "listed_members",
    "listed_queues",
    "listed_waiting",
    "stated",
]

Row = dict[str, Value]
MemberKey = tuple[str, str]


class _Party(msgspec.Struct):
    number: str | None
    name: str | None


class _Channel(msgspec.Struct):
    id: str
    name: str
    state: int
    caller: _Party
    connected: _Party
    context: str | None
    exten: str | None
    linkedid: str | None
    bridge_id: str | None
    priority: int
    application: str | None
    application_data: str | None
    account_code: str | None
    language: str | None


class _Membership(msgspec.Struct):
    queue: str
    interface: str
    membership: str
    penalty: int
    paused: bool
    paused_reason: str | None
    status: int
    calls_taken: int
    last_call: datetime | None
    in_call: bool
    login_time: datetime | None


class _Operator(msgspec.Struct):
    id: str
    device_state: str | None
    memberships: list[_Membership]


class _Waiting(msgspec.Struct):
    position: int
    channel: str


class _Queue(msgspec.Struct):
    name: str
    callers: list[_Waiting]
    answered: int
    abandoned: int


class _Snapshot(msgspec.Struct):
    operators: list[_Operator]
    channels: list[_Channel]
    queues: list[_Queue]


_SNAPSHOT: Final = msgspec.json.Decoder(_Snapshot)


class BoardRows:
    """One `StatusBoard.snapshot()`, decoded as far as it is compared."""

    def __init__(self, snapshot: bytes) -> None:
        self._rows = _SNAPSHOT.decode(snapshot)

    def channels(self) -> dict[str, Row]:
        """Channel rows by Uniqueid."""
        return {
            row.id: {
                "name": row.name,
                "state": row.state,
                "caller_number": row.caller.number or "",
                "caller_name": row.caller.name or "",
                "connected_number": row.connected.number or "",
                "connected_name": row.connected.name or "",
                "context": row.context or "",
                "exten": row.exten or "",
                "linkedid": row.linkedid or "",
                "bridge": row.bridge_id or "",
                "priority": row.priority,
                "application": row.application or "",
                "application_data": row.application_data or "",
                "account_code": row.account_code or "",
                "language": row.language or "",
            }
            for row in self._rows.channels
        }

    def members(self) -> dict[MemberKey, Row]:
        """Membership rows by (queue, interface)."""
        return {
            (row.queue, row.interface): {
                "status": row.status,
                "paused": row.paused,
                "paused_reason": row.paused_reason or "",
                "penalty": row.penalty,
                "membership": row.membership,
                "login_time": _second(row.login_time),
                "calls_taken": row.calls_taken,
                "last_call": _second(row.last_call),
                "in_call": row.in_call,
            }
            for operator in self._rows.operators
            for row in operator.memberships
        }

    def waiting(self) -> dict[str, list[str]]:
        """Uniqueids of the waiting callers by queue, first in line first."""
        names = {row.name: row.id for row in self._rows.channels}
        return {
            queue.name: [
                names.get(row.channel, row.channel) for row in sorted(queue.callers, key=lambda row: row.position)
            ]
            for queue in self._rows.queues
        }

    def devices(self) -> dict[str, Row]:
        """Device states of operators by their device."""
        return {row.id: {"state": (row.device_state or "").upper()} for row in self._rows.operators}

    def queues(self) -> dict[str, Row]:
        """The counters of queues by name."""
        return {row.name: {"completed": row.answered, "abandoned": row.abandoned} for row in self._rows.queues}


def _second(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp())


def _text(value: str) -> Value:
    return "" if value == "<unknown>" else value


def _application(value: str) -> Value:
    return "" if value == "(null)" else value  # Status prints a null pointer so


def _number(value: str) -> Value:
    # What is no number stays text and so differs from every number.
    text = value.strip()
    return int(text) if text.removeprefix("-").isdecimal() else value


def _flag(value: str) -> Value:
    return {"0": False, "1": True}.get(value.strip(), value)


_Headers = tuple[tuple[str, str, Callable[[str], Value]], ...]

_MEMBER: Final[_Headers] = (
    ("status", "Status", _number),
    ("paused", "Paused", _flag),
    ("paused_reason", "PausedReason", _text),
    ("penalty", "Penalty", _number),
    ("membership", "Membership", _text),
    ("login_time", "LoginTime", _number),
    ("calls_taken", "CallsTaken", _number),
    ("last_call", "LastCall", _number),
    ("in_call", "InCall", _flag),
)
_CHANNEL: Final[_Headers] = (
    ("name", "Channel", _text),
    ("state", "ChannelState", _number),
    ("caller_number", "CallerIDNum", _text),
    ("caller_name", "CallerIDName", _text),
    ("connected_number", "ConnectedLineNum", _text),
    ("connected_name", "ConnectedLineName", _text),
    ("context", "Context", _text),
    ("exten", "Exten", _text),
    ("linkedid", "Linkedid", _text),
    ("bridge", "BridgeId", _text),  # `BridgeID` in Status: keys are compared without case
    ("priority", "Priority", _number),
    ("application", "Application", _text),
    ("application_data", "ApplicationData", _application),
    ("application_data", "Data", _application),
    ("account_code", "AccountCode", _text),
    ("language", "Language", _text),
)
_DEVICE: Final[_Headers] = (("state", "State", _text),)
_QUEUE: Final[_Headers] = (("completed", "Completed", _number), ("abandoned", "Abandoned", _number))


_STATED: Final = {
    **{f"channel.{field}": (key, of) for field, key, of in _CHANNEL},
    **{f"member.{field}": (key, of) for field, key, of in _MEMBER},
}


def stated(field: str, event: AmiMessage) -> Value:
    """What a live event says of a field such as `channel.state`; None when it says nothing of it."""
    key, of = _STATED[field]
    value = event.get("BridgeUniqueid" if field == "channel.bridge" else key)
    return None if value is None else of(value)


def _listed(item: AmiMessage, headers: _Headers) -> Row:
    # A header this Asterisk does not send (LoginTime before 18) makes no field: it cannot be compared.
    return {field: of(value) for field, key, of in headers if (value := item.get(key)) is not None}


def _keyed(items: Iterable[AmiMessage], event: str, key: str, headers: _Headers) -> dict[str, Row]:
    return {item.get(key) or "": _listed(item, headers) for item in items if item.name == event}


def listed_members(items: Iterable[AmiMessage]) -> dict[MemberKey, Row]:
    """Members of a `QueueStatus` by (queue, interface)."""
    return {
        (item.get("Queue") or "", item.get("Location") or item.get("Interface") or ""): _listed(item, _MEMBER)
        for item in items
        if item.name == "QueueMember"
    }


def listed_waiting(items: Iterable[AmiMessage]) -> dict[str, list[str]]:
    """Waiting callers of a `QueueStatus` by queue, in order; queues without callers have an empty list."""
    lines: dict[str, list[tuple[Any, str]]] = {}
    for item in items:
        if item.name == "QueueParams":
            lines.setdefault(item.get("Queue") or "", [])
        elif item.name == "QueueEntry":
            place = _number(item.get("Position") or "")
            place = place if isinstance(place, int) else 0
            lines.setdefault(item.get("Queue") or "", []).append((place, item.get("Uniqueid") or ""))
    # Sorting is stable: two callers with one position stay as they were sent.
    return {queue: [uniqueid for _, uniqueid in sorted(line, key=lambda at: at[0])] for queue, line in lines.items()}


def listed_channels(items: Iterable[AmiMessage]) -> dict[str, Row]:
    """Channels of a `CoreShowChannels` or `Status` by Uniqueid."""
    return {
        item.get("Uniqueid") or "": _listed(item, _CHANNEL)
        for item in items
        if item.name in {"CoreShowChannel", "Status"}
    }


def listed_devices(items: Iterable[AmiMessage]) -> dict[str, Row]:
    """Device states of a `DeviceStateList` by device."""
    return _keyed(items, "DeviceStateChange", "Device", _DEVICE)


def listed_queues(items: Iterable[AmiMessage]) -> dict[str, Row]:
    """Asterisk's counters in a `QueueStatus` by queue."""
    return _keyed(items, "QueueParams", "Queue", _QUEUE)
