"""Answers put together from what was recorded: lists cut down to what was asked for, bridges, members."""

import re
from collections.abc import Iterable
from typing import Final

from vss_router.ami.replay_recording import RecordedList, RecordedRow, Recording, header

__all__ = ["bridge_info", "bridge_list", "only", "pause_events", "state_at"]

_ITEMS: Final = re.compile(rb"^(ListItems|Items): *\d+", re.MULTILINE)
_MEMBER_KEYS: Final = (
    "Queue",
    "MemberName",
    "Interface",
    "StateInterface",
    "Membership",
    "Penalty",
    "CallsTaken",
    "LastCall",
    "LastPause",
    "LoginTime",
    "InCall",
    "Status",
    "Paused",
    "PausedReason",
    "Ringinuse",
    "Wrapuptime",
)
_LISTED_AS: Final = {"MemberName": "Name", "Interface": "Location"}


def only(recorded: RecordedList, action_id: str, wanted: dict[str, str]) -> bytes:
    """A list cut down as its action's headers ask, the number in its end made right.

    `wanted` holds the action's `Queue` and `Member` (of `QueueStatus`, `QueueSummary`) or `Channel` (of `Status`),
    empty where they were not given.
    """
    items = [item for item in recorded.parts[1:-1] if _is_wanted(item, wanted)]
    end = _ITEMS.sub(lambda found: b"%s: %d" % (found[1], len(items)), recorded.parts[-1])
    return recorded.renamed(b"".join([recorded.parts[0], *items, end]), action_id)


def _is_wanted(item: bytes, wanted: dict[str, str]) -> bool:
    if wanted.get("Queue") and header(item, "Queue") != wanted["Queue"]:
        return False
    if wanted.get("Channel") and header(item, "Channel") != wanted["Channel"]:
        return False
    member = wanted.get("Member")
    if member and header(item, "Event") == "QueueMember":
        return member in {header(item, "Location"), header(item, "Name")}
    return True


def bridge_list(recording: Recording, channels: RecordedList, action_id: str, technology: str) -> bytes:
    """A `BridgeList` answer from the `BridgeId` of a recorded `CoreShowChannels`.

    Type, technology, creator and name come from the bridge's last event before that list. `technology`, if not empty,
    is the action's `BridgeType` header, which Asterisk compares with the technology.
    """
    items = []
    for bridge, members in _bridges(channels).items():
        told = _bridge_state(recording, channels.place, bridge, len(members))
        if not technology or told["BridgeTechnology"] == technology:
            items.append(_lines([("Event", "BridgeListItem"), ("ActionID", action_id), *told.items()]))
    return _list("Bridge listing will follow", "BridgeListComplete", action_id, items)


def bridge_info(recording: Recording, channels: RecordedList, action_id: str, bridge: str) -> bytes | None:
    """A `BridgeInfo` answer from the same list; None when no channel of it is in that bridge."""
    members = _bridges(channels).get(bridge)
    if members is None:
        return None
    items = []
    for item in members:
        # The snapshot's fields end where those of CoreShowChannel begin.
        state = channels.renamed(item.partition(b"\r\nApplication: ")[0] + b"\r\n\r\n", action_id)
        items.append(state.replace(b"Event: CoreShowChannel\r\n", b"Event: BridgeInfoChannel\r\n", 1))
    told = _bridge_state(recording, channels.place, bridge, len(members))
    return _list("Bridge channel listing will follow", "BridgeInfoComplete", action_id, items, told)


def _bridges(channels: RecordedList) -> dict[str, list[bytes]]:
    bridges: dict[str, list[bytes]] = {}
    for item in channels.parts[1:-1]:
        bridge = header(item, "BridgeId")
        if bridge:
            bridges.setdefault(bridge, []).append(item)
    return bridges


def _bridge_state(recording: Recording, place: int, bridge: str, members: int) -> dict[str, str]:
    row = state_at(recording.bridges.get(bridge, []), place)
    raw = b"" if row is None else row.raw
    # A bridge made before the recording began: one channel alone is held or parked, more are talking.
    unseen = "simple_bridge" if members > 1 else "holding_bridge"
    return {
        "BridgeUniqueid": bridge,
        "BridgeType": header(raw, "BridgeType") or "basic",
        "BridgeTechnology": header(raw, "BridgeTechnology") or unseen,
        "BridgeCreator": header(raw, "BridgeCreator") or "<unknown>",
        "BridgeName": header(raw, "BridgeName") or "<unknown>",
        "BridgeNumChannels": str(members),
        "BridgeVideoSourceMode": header(raw, "BridgeVideoSourceMode") or "none",
    }


def state_at(rows: list[RecordedRow], place: int) -> RecordedRow | None:
    """The newest row not newer than `place`; the first one if all are newer."""
    found = None
    for row in rows:
        if row.place > place and found is not None:
            break
        found = row
        if row.place > place:
            break
    return found


def pause_events(
    recording: Recording,
    place: int,
    interface: str,
    queue: str,
    *,
    paused: bool,
    reason: str,
    now: float | None,
) -> list[bytes]:
    """The `QueueMemberPause` events of a `QueuePause`: one per queue the interface is a member of at that place.

    Everything but `Paused` and its reason is as the recording last told it. Empty when it is a member of none (of the
    one queue named, if one is).
    """
    events = []
    for name, rows in recording.members.get(interface, {}).items():
        row = state_at(rows, place)
        if (queue and name != queue) or row is None or header(row.raw, "Event") == "QueueMemberRemoved":
            continue
        fields = [("Event", "QueueMemberPause"), ("Privilege", "agent,all"), *_timestamp(now)]
        for key in _MEMBER_KEYS:
            value = header(row.raw, _LISTED_AS.get(key, key) if row.listed else key)
            if key == "Paused":
                value = str(int(paused))
            elif key == "PausedReason":
                value = reason
            elif key == "Ringinuse" and value is None:
                value = "0"  # Lists do not tell it.
            if value is not None:
                fields.append((key, value))
        events.append(_lines(fields))
    return events


def _timestamp(now: float | None) -> list[tuple[str, str]]:
    return [] if now is None else [("Timestamp", f"{now:.6f}")]


def _list(message: str, end: str, action_id: str, items: list[bytes], ending: dict[str, str] | None = None) -> bytes:
    named = [("ActionID", action_id)]
    start = _lines([("Response", "Success"), *named, ("EventList", "start"), ("Message", message)])
    complete = [("EventList", "Complete"), ("ListItems", str(len(items))), *(ending or {}).items()]
    return b"".join([start, *items, _lines([("Event", end), *named, *complete])])


def _lines(fields: Iterable[tuple[str, str]]) -> bytes:
    # An asker without an ActionID gets none back.
    kept = [f"{key}: {value}\r\n" for key, value in fields if key != "ActionID" or value]
    return "".join([*kept, "\r\n"]).encode()
