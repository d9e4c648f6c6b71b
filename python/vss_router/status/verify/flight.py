"""Telling a row that changed while its list was being sent from one that drifted.

Asterisk sends a session no events while it answers it. What happened meanwhile, and what its event thread had not
handed over yet, stands right after the list:

```
   events … │ list: rows as they are when each is read │ events queued meanwhile │ events of later …
            board compared here                        └──── the window ─────┘
```

So the list is never older than the events before it, but it may be newer. A difference is no drift only when an event
of the window, of the kind that states that very field, says of that very row what the list says: a Newstate for a
channel's state, a QueueMemberPause for a pause, a Leave for a waiting caller. Later events that merely repeat a value
(every event of a channel carries all its fields) excuse nothing, or a lost event would hide behind the next one.

One thing stands the other way round: BridgeLeave is published a moment before the channel forgets its bridge.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from vss_router._core import AmiMessage
from vss_router.status.verify.report import Difference
from vss_router.status.verify.rows import MemberKey, stated

__all__ = ["BridgeLeaves", "Flight", "Suspicion"]

WINDOW_SECONDS: Final = 0.05
"""How long after the first event behind a list its window ends, at least."""
WINDOW_SECONDS_PER_ROW: Final = 0.0001
"""A long list takes longer to send; a real Asterisk needs about 30 µs a row."""
WINDOW_SECONDS_AT_MOST: Final = 1.0
WINDOW_EVENTS: Final = 64
"""The window in events, where they carry no Timestamp."""

Explains = Callable[[AmiMessage], bool]

_JOINS: Final = frozenset({"QueueCallerJoin", "Join"})
_LEAVES: Final = frozenset({"QueueCallerLeave", "Leave"})
_CHANNEL_KINDS: Final = {
    "state": frozenset({"Newstate"}),
    "caller_number": frozenset({"NewCallerid"}),
    "caller_name": frozenset({"NewCallerid"}),
    "connected_number": frozenset({"NewConnectedLine"}),
    "connected_name": frozenset({"NewConnectedLine"}),
}
_MEMBER_KINDS: Final = {
    "status": frozenset({"QueueMemberStatus", "QueueMemberAdded"}),
    "paused": frozenset({"QueueMemberPause", "QueueMemberPaused", "QueueMemberAdded"}),
    "paused_reason": frozenset({"QueueMemberPause", "QueueMemberPaused", "QueueMemberAdded"}),
    "penalty": frozenset({"QueueMemberPenalty", "QueueMemberAdded"}),
    "membership": frozenset({"QueueMemberAdded"}),
    "login_time": frozenset({"QueueMemberAdded"}),
}


class Suspicion:
    """A difference in a core field and what would explain it."""

    def __init__(self, difference: Difference, explains: Explains) -> None:
        self.difference = difference
        self._explains = explains

    def look(self, event: AmiMessage) -> bool:
        """Whether this event explains it; the difference then names the event."""
        if not self._explains(event):
            return False
        self.difference.in_flight = event.name
        return True

    @classmethod
    def of_channel(cls, difference: Difference, uniqueid: str, bridges: Iterable[str] = ()) -> "Suspicion":
        """A channel's field, or the channel itself when the field is `channel.set`."""
        name = difference.field.removeprefix("channel.")
        into = frozenset(bridge for bridge in bridges if bridge)
        if name == "set":
            wanted = "Newchannel" if difference.asterisk else "Hangup"
            return cls(difference, lambda event: event.name == wanted and event.get("Uniqueid") == uniqueid)
        if name == "bridge":
            return cls(difference, lambda event: _bridge_became(event, uniqueid) == difference.asterisk)

        def explains(event: AmiMessage) -> bool:
            if event.get("Uniqueid") != uniqueid:
                # A basic bridge gives all its channels the oldest Linkedid, with no event of theirs.
                return name == "linkedid" and _spreads_linkedid(event, into) == difference.asterisk
            kinds = _CHANNEL_KINDS.get(name)
            return (kinds is None or event.name in kinds) and stated(difference.field, event) == difference.asterisk

        return cls(difference, explains)

    @classmethod
    def of_member(cls, difference: Difference, key: MemberKey) -> "Suspicion":
        """A membership's field, or the membership itself when the field is `member.set`."""
        name = difference.field.removeprefix("member.")

        def explains(event: AmiMessage) -> bool:
            if not event.name.startswith("QueueMember"):
                return False
            if (event.get("Queue"), event.get("Interface") or event.get("Location")) != key:
                return False
            if name == "set":
                return event.name == ("QueueMemberAdded" if difference.asterisk else "QueueMemberRemoved")
            return event.name in _MEMBER_KINDS[name] and stated(difference.field, event) == difference.asterisk

        return cls(difference, explains)

    @classmethod
    def of_line(cls, difference: Difference, queue: str, board: list[str], asterisk: list[str]) -> "Suspicion":
        """The waiting callers of a queue: explained once joins and leaves have made of one line the other."""
        line = list(board)

        def explains(event: AmiMessage) -> bool:
            uniqueid = event.get("Uniqueid")
            if event.get("Queue") != queue or uniqueid is None:
                return False
            if event.name in _JOINS and uniqueid not in line:
                place = event.get("Position") or ""
                line.insert(int(place) - 1 if place.isdecimal() else len(line), uniqueid)
            elif event.name in _LEAVES and uniqueid in line:
                line.remove(uniqueid)
            else:
                return False
            return line == asterisk

        return cls(difference, explains)


class Flight:
    """The window behind one list: open suspicions looking for their event."""

    def __init__(self, suspicions: list[Suspicion], rows: int) -> None:
        self._open = suspicions
        self._seconds = min(WINDOW_SECONDS + rows * WINDOW_SECONDS_PER_ROW, WINDOW_SECONDS_AT_MOST)
        self._first: float | None = None
        self._events = 0
        self._timed = False

    @classmethod
    def of_set(cls, rows: int) -> "Flight":
        """The window behind a whole set of lists, with nothing to explain: it ends by time alone."""
        flight = cls([], rows)
        flight._timed = True
        return flight

    def over(self, stamp: float | None) -> bool:
        """Whether an event of that time stands behind the window, or nothing is left to explain."""
        if stamp is None:
            self._events += 1
            return self._settled() or self._events > WINDOW_EVENTS
        if self._first is None:
            self._first = stamp
        return self._settled() or stamp > self._first + self._seconds

    def _settled(self) -> bool:
        return not self._open and not self._timed

    def look(self, event: AmiMessage) -> None:
        """Let one event of the window explain what it can."""
        self._open = [suspicion for suspicion in self._open if not suspicion.look(event)]


class BridgeLeaves:
    """The channels that left a bridge a moment ago: a list may still show them in it."""

    def __init__(self) -> None:
        self._left: deque[tuple[float, str, str]] = deque(maxlen=1024)

    def note(self, event: AmiMessage, stamp: float) -> None:
        """Remember a BridgeLeave."""
        self._left.append((stamp, event.get("Uniqueid") or "", event.get("BridgeUniqueid") or ""))

    def just_left(self, uniqueid: str, bridge: str, now: float) -> bool:
        """Whether the channel left that bridge within the window before `now`."""
        return any(
            left == uniqueid and bridge == of and stamp >= now - WINDOW_SECONDS for stamp, left, of in self._left
        )


def _bridge_became(event: AmiMessage, uniqueid: str) -> str | None:
    if event.name == "BridgeEnter":
        if event.get("Uniqueid") == uniqueid:
            return event.get("BridgeUniqueid")
        return "" if event.get("SwapUniqueid") == uniqueid else None
    return "" if event.name == "BridgeLeave" and event.get("Uniqueid") == uniqueid else None


def _spreads_linkedid(event: AmiMessage, bridges: frozenset[str]) -> str | None:
    enters = event.name == "BridgeEnter" and event.get("BridgeType") == "basic"
    return event.get("Linkedid") if enters and event.get("BridgeUniqueid") in bridges else None
