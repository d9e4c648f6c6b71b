"""Rows set by hand: what may be changed, and the whole row that comes of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from vss_router.errors import StatusQueryError
from vss_router.status.operator_ids import extension_of
from vss_router.status.reader_protocols import Table
from vss_router.status.rows import Caller, ChannelRow, OperatorRow, OperatorState, Party, QueueCounts, QueueRow
from vss_router.status.rows import ServiceLevel as ServiceLevelRow

__all__ = [
    "ChannelChange",
    "ManualRow",
    "MembershipChange",
    "OperatorChange",
    "QueueChange",
    "channel_row",
    "operator_row",
    "queue_row",
    "row_id_of",
    "written_time",
]

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class MembershipChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in a queue; the `interface` is the operator's id unless said otherwise."""

    queue: str
    interface: str | None = None
    membership: str = "dynamic"
    penalty: int = 0
    paused: bool = False
    paused_reason: str | None = None
    paused_since: Moment | None = None
    status: Annotated[int, msgspec.Meta(ge=0, le=8)] = 1
    status_name: str = "NOT_INUSE"
    calls_taken: Count = 0
    last_call: Moment | None = None
    in_call: bool = False
    login_time: Moment | None = None
    wrapup_seconds: Seconds = 0.0
    ringinuse: bool | None = None


class OperatorChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of an `OperatorRow` to set.

    `state` brings the `intent`, `activity` and `reachable` it follows from, and a `since` of now when it changes, each
    unless the change says otherwise. `memberships` replaces all of them; `paused_queues` follows.
    """

    extension: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    state: OperatorState | UnsetType = UNSET
    since: Moment | UnsetType = UNSET
    reason: str | UnsetType | None = UNSET
    intent: Literal["available", "paused", "logged_out"] | UnsetType = UNSET
    activity: Literal["idle", "ringing", "talking", "on_hold", "wrap_up", "other_call"] | UnsetType = UNSET
    reachable: bool | UnsetType = UNSET
    device_state: str | UnsetType = UNSET
    memberships: list[MembershipChange] | UnsetType = UNSET
    channels: list[str] | UnsetType = UNSET
    call: str | UnsetType | None = UNSET
    wrap_up_ends: Moment | UnsetType | None = UNSET


class ChannelChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of a `ChannelRow` to set; `state` brings its `state_name` unless the change says otherwise."""

    name: str | UnsetType = UNSET
    state: Annotated[int, msgspec.Meta(ge=0, le=10)] | UnsetType = UNSET
    state_name: str | UnsetType = UNSET
    caller: Party | UnsetType = UNSET
    connected: Party | UnsetType = UNSET
    context: str | UnsetType = UNSET
    exten: str | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    application: str | UnsetType = UNSET
    application_data: str | UnsetType = UNSET
    linkedid: str | UnsetType = UNSET
    bridge_id: str | UnsetType | None = UNSET
    bridge_peers: list[str] | UnsetType = UNSET
    on_hold: bool | UnsetType = UNSET
    queue: str | UnsetType | None = UNSET
    operator: str | UnsetType | None = UNSET
    account_code: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    created_at: Moment | UnsetType = UNSET
    answered_at: Moment | UnsetType | None = UNSET


class QueueChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of a `QueueRow` to set; `counts` and `callers` are replaced as a whole."""

    strategy: str | UnsetType = UNSET
    weight: int | UnsetType = UNSET
    max: Count | UnsetType = UNSET
    service_level_seconds: Count | UnsetType = UNSET
    counts: QueueCounts | UnsetType = UNSET
    callers: list[Caller] | UnsetType = UNSET
    longest_wait: Seconds | UnsetType = UNSET
    offered: Count | UnsetType = UNSET
    answered: Count | UnsetType = UNSET
    abandoned: Count | UnsetType = UNSET
    timed_out: Count | UnsetType = UNSET
    service_level_percent: ServiceLevelRow | UnsetType = UNSET
    average_wait: Seconds | UnsetType | None = UNSET
    average_talk: Seconds | UnsetType | None = UNSET
    p90_wait: Seconds | UnsetType | None = UNSET


class ManualRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row as a board or Redis takes it: `body` is JSON without `seq` and `as_of`, the rest is what it is found by."""

    table: Table
    id: str
    body: bytes
    state: str = ""
    queues: tuple[str, ...] = ()
    extension: str = ""
    name: str = ""


class _Identified(msgspec.Struct, frozen=True, gc=False):
    id: str


_IDENTIFIED: Final = msgspec.json.Decoder(_Identified)
_ACTIVITIES: Final = ("ringing", "talking", "on_hold", "wrap_up", "other_call")
_CHANNEL_STATES: Final = (
    "Down",
    "Rsrvd",
    "OffHook",
    "Dialing",
    "Ring",
    "Ringing",
    "Up",
    "Busy",
    "Dialing Offhook",
    "Pre-ring",
    "Mute",
)
_NOBODY: Final = {"number": None, "name": None}
_NEVER_COPIED: Final = ("seq", "as_of", "stale")


def operator_row(
    source: str, operator_id: str, change: OperatorChange, standing: bytes | None, now: datetime
) -> ManualRow:
    """The whole row of an operator: what stands there with the change in it.

    Raises
    ------
    StatusQueryError
        The id is empty, or a value is not one that the field may have.
    """
    if standing is not None:
        row = _standing(standing)
    else:
        row = {
            "source": source,
            "id": operator_id,
            "extension": extension_of(operator_id),
            "name": "",
            "state": "available",
            "since": now,
            "reason": None,
            "intent": "available",
            "activity": "idle",
            "reachable": True,
            "device_state": "UNKNOWN",
            "memberships": [],
            "paused_queues": [],
            "channels": [],
            "call": None,
            "wrap_up_ends": None,
        }
    said = _said(change)
    if "state" in said:
        state = said["state"]
        row |= _causes_of(state)
        if state != row["state"]:
            row |= {"since": now, "reason": None}
    if "memberships" in said:
        for membership in said["memberships"]:
            membership["interface"] = membership["interface"] or operator_id
        said["paused_queues"] = [place["queue"] for place in said["memberships"] if place["paused"]]
    row |= said
    return ManualRow(
        table="operators",
        id=operator_id,
        body=_written(row, OperatorRow, operator_id, now),
        state=row["state"],
        queues=tuple(dict.fromkeys(place["queue"] for place in row["memberships"])),
        extension=row["extension"],
        name=row["name"],
    )


def channel_row(
    source: str, channel_id: str, change: ChannelChange, standing: bytes | None, now: datetime
) -> ManualRow:
    """The whole row of a channel, as `operator_row` does it."""
    if standing is not None:
        row = _standing(standing)
    else:
        texts = ("context", "exten", "application", "application_data", "account_code", "language")
        row = {"source": source, "id": channel_id, "name": channel_id, "state": 0, "state_name": _CHANNEL_STATES[0]}
        row |= {"caller": _NOBODY, "connected": _NOBODY, "priority": 1, "linkedid": channel_id}
        row |= dict.fromkeys(texts, "")
        row |= dict.fromkeys(("bridge_id", "queue", "operator", "answered_at"), None)
        row |= {"bridge_peers": [], "on_hold": False, "created_at": now}
        row = {field: row[field] for field in ChannelRow.__struct_fields__ if field in row}
    said = _said(change)
    state = said.get("state")
    if isinstance(state, int) and 0 <= state < len(_CHANNEL_STATES):
        row["state_name"] = _CHANNEL_STATES[state]
    row |= said
    body = _written(row, ChannelRow, channel_id, now)
    return ManualRow(table="channels", id=channel_id, body=body, name=row["name"])


def queue_row(source: str, name: str, change: QueueChange, standing: bytes | None, now: datetime) -> ManualRow:
    """The whole row of a queue, as `operator_row` does it."""
    if standing is not None:
        row = _standing(standing)
    else:
        row = {"source": source, "name": name, "strategy": "", "weight": 0, "max": 0, "service_level_seconds": 0}
        row |= {"counts": dict.fromkeys(QueueCounts.__struct_fields__, 0), "callers": [], "longest_wait": 0.0}
        row |= dict.fromkeys(("offered", "answered", "abandoned", "timed_out"), 0)
        row["service_level_percent"] = {"of_answered": None, "of_offered": None}
        row |= dict.fromkeys(("average_wait", "average_talk", "p90_wait"), None)
    row |= _said(change)
    return ManualRow(table="queues", id=name, body=_written(row, QueueRow, name, now), name=name)


def row_id_of(body: bytes) -> str:
    """The id that a row of an operator, a channel or a call tells."""
    return _IDENTIFIED.decode(body).id


def _standing(body: bytes) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.json.decode(body)
    return {field: value for field, value in row.items() if field not in _NEVER_COPIED}


def _said(change: msgspec.Struct) -> dict[str, Any]:
    """The fields that a change names, as plain values."""
    told: dict[str, Any] = msgspec.to_builtins(change, builtin_types=(datetime,))
    return told


def _causes_of(state: str) -> dict[str, Any]:
    intent = state if state in {"paused", "logged_out"} else "available"
    activity = state if state in _ACTIVITIES else "idle"
    return {"intent": intent, "activity": activity, "reachable": state != "unreachable"}


def _written(row: dict[str, Any], shape: type[msgspec.Struct], row_id: str, now: datetime) -> bytes:
    if not row_id:
        raise StatusQueryError("id", "The id is empty: name the row to set.")
    plain = _plain(row | {"manual": True})
    try:
        msgspec.convert(plain | {"seq": 0, "as_of": written_time(now)}, shape)
    except msgspec.ValidationError as error:
        raise StatusQueryError("change", f"The row cannot be set so: {error}") from error
    return msgspec.json.encode(plain)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return written_time(value)
        case Mapping():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
    return value


def written_time(moment: datetime) -> str:
    """A time as the rows have it: UTC, milliseconds, `Z`; a time without a zone is taken for UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
