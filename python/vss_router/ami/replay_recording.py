"""A capture taken apart once, before anything is served: the live events, the recorded lists, and where they stood.

A *place* is a number of live events: place 0 is before the first, place n after the n-th. A list stands at the place
where its response was recorded, so "no event lies between" is a comparison of two numbers. The events' bytes lie side
by side in one buffer, so any run of them is one slice.
"""

import re
from array import array
from bisect import bisect_left
from typing import Final

import msgspec

from vss_router.ami.capture import Capture, CaptureMessage
from vss_router.ami.replay_permissions import ALL_CLASSES, event_class
from vss_router.errors import CaptureError

__all__ = ["RecordedList", "RecordedRow", "Recording", "header"]

_HEADERS: Final = re.compile(
    rb"^(Privilege|Timestamp|ActionID|EventList|Message):[ \t]*([^\r\n]*)", re.MULTILINE | re.IGNORECASE
)
_ANNOUNCED: Final = re.compile(rb"will follow|follows?, presented", re.IGNORECASE)
_LAST_WORD: Final = re.compile(rb"([A-Za-z][A-Za-z0-9]*)$")
_GREETING: Final = b"Asterisk Call Manager/11.0.0\r\n"

# Where the list's last event is not named after the action.
_ENDS: Final = {
    b"endpointlistcomplete": "pjsipshowendpoints",
    b"contactlistcomplete": "pjsipshowcontacts",
    b"aorlistcomplete": "pjsipshowaors",
    b"authlistcomplete": "pjsipshowauths",
    b"outboundregistrationdetailcomplete": "pjsipshowregistrationsoutbound",
    b"peerlistcomplete": "sippeers",
}
# Answers of one response are known by a header that only they have.
_SINGLE: Final = {b"\nCoreStartupDate:": "corestatus", b"\nAMIversion:": "coresettings"}


def header(raw: bytes, key: str) -> str | None:
    """The first value of a header in a message's bytes."""
    return CaptureMessage(0, raw).get(key)


class RecordedList(msgspec.Struct, frozen=True):
    """One complete answer as recorded, from its response to its `Complete`, at its place among the events."""

    action: str
    place: int
    action_id: bytes
    parts: tuple[bytes, ...]

    def answer(self, action_id: str | None) -> bytes:
        """The bytes with the asker's ActionID instead of the recorder's."""
        return self.renamed(b"".join(self.parts), action_id)

    def renamed(self, raw: bytes, action_id: str | None) -> bytes:
        """One part or several with the asker's ActionID; without one, the header goes."""
        header_line = b"" if not action_id else b"ActionID: %s\r\n" % action_id.encode()
        return re.sub(
            rb"^ActionID: *%s\r?\n" % re.escape(self.action_id),
            lambda _: header_line,
            raw,
            flags=re.MULTILINE | re.IGNORECASE,
        )


class RecordedRow(msgspec.Struct, frozen=True, gc=False):
    """What a member or a bridge was at a place, in the bytes of the event or list item that told it."""

    place: int
    listed: bool
    raw: bytes


class Recording:
    """One recorded session, ready to be served.

    Raises
    ------
    CaptureError
        There is neither a live event nor a list in the capture.
    """

    def __init__(self, capture: Capture) -> None:
        self.name = capture.name
        self.greeting = capture.greeting or _GREETING
        self.booted: bytes | None = None
        self.boots_at = 0
        self.shutdown = False
        self.names: list[bytes] = []
        self.classes = array("Q")
        self.times = array("d")
        self.members: dict[str, dict[str, list[RecordedRow]]] = {}
        self.bridges: dict[str, list[RecordedRow]] = {}
        self._offsets = array("Q", [0])
        self._lists: dict[str, list[RecordedList]] = {}
        self._events: list[bytes] = []
        self._open: dict[bytes, tuple[int, list[bytes]]] = {}
        self._read(capture)
        self.stream = b"".join(self._events)
        self._events.clear()
        self._settle_times()
        if not self.names and not self._lists:
            raise CaptureError(f"{self.name} holds neither events nor lists: record for a longer time.")

    def __len__(self) -> int:
        return len(self.names)

    def bytes_of(self, start: int, stop: int) -> memoryview:
        """The events from place `start` to place `stop`, side by side."""
        return memoryview(self.stream)[self._offsets[start] : self._offsets[stop]]

    @property
    def timestamped(self) -> bool:
        """Whether the events tell when they happened (`timestampevents=yes`); if not, they cannot be paced."""
        return bool(self.times)

    @property
    def lists(self) -> dict[str, list[RecordedList]]:
        """The recorded answers by action in lower case, each in the order of places."""
        return self._lists

    @property
    def first_list(self) -> int | None:
        """The place of the first recorded list."""
        return min((entries[0].place for entries in self._lists.values()), default=None)

    def knows(self, action: str) -> bool:
        """Whether that action was ever answered in the recording."""
        return action.lower() in self._lists

    def next_list(self, action: str, place: int) -> RecordedList | None:
        """The first answer that is not older than `place`: no event before `place` was recorded after it."""
        entries = self._lists.get(action.lower(), [])
        found = bisect_left(entries, place, key=lambda entry: entry.place)
        return entries[found] if found < len(entries) else None

    def last_list(self, action: str) -> RecordedList | None:
        """The newest answer to that action in the whole recording."""
        entries = self._lists.get(action.lower(), [])
        return entries[-1] if entries else None

    def _read(self, capture: Capture) -> None:
        login = False
        for message in capture.messages():
            kind = message.kind
            if kind == "response":
                login = self._response(message)
                continue
            if kind == "event":
                if login and message.name == "FullyBooted":
                    self.booted = message.raw
                else:
                    self._event(message)
            login = False

    def _response(self, message: CaptureMessage) -> bool:
        """Take a response in; True if it is the login's, after which a FullyBooted belongs to the login."""
        fields = _fields(message.raw)
        action_id = fields.get(b"actionid", b"")
        place = len(self.names)
        if fields.get(b"eventlist", b"").lower() == b"start" or _ANNOUNCED.search(fields.get(b"message", b"")):
            if action_id:
                self._open[action_id] = (place, [message.raw])
            return False
        for mark, action in _SINGLE.items():
            if mark in message.raw and action_id:
                self._keep(RecordedList(action, place, action_id, (message.raw,)))
        return fields.get(b"message", b"") == b"Authentication accepted"

    def _event(self, message: CaptureMessage) -> None:
        raw = message.raw
        name = message.name.encode("latin-1")
        fields = _fields(raw)
        action_id = fields.get(b"actionid", b"")
        if action_id in self._open:
            place, parts = self._open[action_id]
            parts.append(raw)
            self._row(name, raw, place, listed=True)
            flag = fields.get(b"eventlist", b"").lower()
            if flag or name.lower().endswith(b"complete"):
                del self._open[action_id]
                if flag in {b"", b"complete"}:
                    self._end_list(name.lower(), place, action_id, tuple(parts))
            return
        self._events.append(raw)
        self._offsets.append(self._offsets[-1] + len(raw))
        self.names.append(name)
        self.classes.append(event_class(fields.get(b"privilege", b"")) & ALL_CLASSES)
        try:
            self.times.append(float(fields[b"timestamp"]))
        except (KeyError, ValueError):
            self.times.append(-1.0)
        place = len(self.names)
        self._row(name, raw, place, listed=False)
        if name == b"FullyBooted" and self.booted is None:
            self.boots_at = place
        if name == b"Shutdown":
            self.shutdown = True

    def _row(self, name: bytes, raw: bytes, place: int, *, listed: bool) -> None:
        if name.startswith(b"QueueMember"):
            interface = header(raw, "Interface") or header(raw, "Location")
            queue = header(raw, "Queue")
            if interface and queue:
                rows = self.members.setdefault(interface, {}).setdefault(queue, [])
                rows.append(RecordedRow(place, listed, raw))
        elif name in {b"BridgeCreate", b"BridgeEnter", b"BridgeLeave"}:
            bridge = header(raw, "BridgeUniqueid")
            if bridge:
                self.bridges.setdefault(bridge, []).append(RecordedRow(place, listed, raw))

    def _end_list(self, end: bytes, place: int, action_id: bytes, parts: tuple[bytes, ...]) -> None:
        action = _ENDS.get(end, end.removesuffix(b"complete").decode("latin-1"))
        self._keep(RecordedList(action, place, action_id, parts))
        # A list of a module unknown here: recorders put the action's name at the end of the ActionID.
        word = _LAST_WORD.search(action_id)
        if word is not None and word[1].decode().lower() != action:
            self._keep(RecordedList(word[1].decode().lower(), place, action_id, parts))
        self.shutdown = False

    def _keep(self, entry: RecordedList) -> None:
        self._lists.setdefault(entry.action, []).append(entry)

    def _settle_times(self) -> None:
        """Make the times never fall, and give events without a Timestamp that of the one before."""
        known = [time for time in self.times if time >= 0]
        if not known:
            del self.times[:]
            return
        latest = known[0]
        for number, time in enumerate(self.times):
            latest = max(latest, time)
            self.times[number] = latest


def _fields(raw: bytes) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for key, value in _HEADERS.findall(raw):
        fields.setdefault(key.lower(), value)
    return fields
