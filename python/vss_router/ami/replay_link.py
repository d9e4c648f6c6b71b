"""One manager session of the fake Asterisk: what came in, cut into actions; what goes out, in one queue.

Asterisk gives each write 100 ms (`writetimeout`) and then ends the session. Here too: when the kernel takes nothing of
what is pending for that long, the client reads too slowly and is cut.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from vss_router.ami.replay_filters import EventFilters
from vss_router.ami.replay_permissions import ALL_CLASSES, Account
from vss_router.ami.replay_recording import Recording

__all__ = ["Action", "Link", "Valve"]

_SLICE: Final = 64 * 1024
_ENOUGH: Final = 256 * 1024
_LONGEST_LINE: Final = 1024
_MOST_HEADERS: Final = 128


class Action(msgspec.Struct, frozen=True):
    """One action as it came: its header lines, and what was wrong with its form."""

    lines: tuple[bytes, ...]
    malformed: str | None = None

    def get(self, key: str) -> str:
        """A header's first value, empty when it is missing."""
        wanted = key.lower().encode()
        for line in self.lines:
            name, colon, value = line.partition(b":")
            if colon and name.strip().lower() == wanted:
                return value.strip().decode(errors="replace")
        return ""

    @property
    def name(self) -> str:
        """The action's name as written."""
        return self.get("Action")

    @property
    def action_id(self) -> str:
        """Its ActionID, empty when it has none."""
        return self.get("ActionID")


class Valve:
    """Whether bytes flow: shut by a stall, for all links at once."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    @property
    def is_open(self) -> bool:
        """Whether bytes flow."""
        return self._open.is_set()

    def shut(self) -> None:
        """Nothing is read or written until `open`."""
        self._open.clear()

    def open(self) -> None:
        """Bytes flow again; what was held back goes out."""
        self._open.set()

    async def wait(self) -> None:
        """Until it is open."""
        await self._open.wait()


class Link:
    """One session. `handle` gets each action in turn; `closed` is called once, when the connection is gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        valve: Valve,
        *,
        write_timeout: float,
    ) -> None:
        self.account: Account | None = None
        self.challenge: str | None = None
        self.events = 0
        self.filters = EventFilters()
        self.dead = False
        self.fresh = True
        self.cut_for_slowness = False
        self._reader = reader
        self._writer = writer
        self._valve = valve
        self._write_timeout = write_timeout
        self._queue: deque[bytes | memoryview] = deque()
        self._backlog = 0
        self._wake = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._closing = False
        # Only with a limit of nothing does drain() tell whether the kernel has taken all of it.
        writer.transport.set_write_buffer_limits(high=0)

    @property
    def reads_events(self) -> bool:
        """Logged in, alive, and wanting events of at least one class."""
        return self.account is not None and self.events != 0 and not self.dead and not self._closing

    @property
    def backlog(self) -> int:
        """Bytes queued that the kernel has not taken."""
        return self._backlog

    def send(self, raw: bytes | memoryview) -> None:
        """Queue bytes; nothing happens on a link that is dead or closing."""
        if self.dead or self._closing or not raw:
            return
        self._queue.append(raw)
        self._backlog += len(raw)
        if self._backlog > _ENOUGH:
            self._roomy.clear()
        self._wake.set()

    def wants(self, name: bytes, event_class: int, text: bytes) -> bool:
        """Whether an event of these classes goes to this session, as Asterisk decides it."""
        if not self.reads_events or self.events & event_class != event_class:
            return False
        return not self.filters or self.filters.passes(name, text)

    def play(self, recording: Recording, start: int, stop: int) -> None:
        """Queue the recorded events from one place to another, those of them this session reads."""
        if not self.reads_events:
            return
        if self.events == ALL_CLASSES and not self.filters:
            self.send(recording.bytes_of(start, stop))
            return
        run: int | None = None
        for place in range(start, stop):
            filtered = bool(self.filters)
            text = bytes(recording.bytes_of(place, place + 1)) if filtered else b""
            if self.wants(recording.names[place], recording.classes[place], text):
                run = place if run is None else run
            elif run is not None:
                self.send(recording.bytes_of(run, place))
                run = None
        if run is not None:
            self.send(recording.bytes_of(run, stop))

    async def room(self) -> None:
        """Until most of what was queued is gone, or the link is."""
        await self._roomy.wait()

    def abort(self) -> None:
        """Cut the connection at once; what is queued is lost."""
        self._closing = True
        self._roomy.set()
        self._wake.set()
        self._writer.transport.abort()

    def close(self) -> None:
        """Close after what is queued has gone out."""
        self._closing = True
        self._wake.set()

    def forsake(self) -> None:
        """Go silent for ever with the connection left open, as a machine that lost its network."""
        self.dead = True
        self._queue.clear()
        self._backlog = 0
        self._roomy.set()

    async def run(self, handle: Callable[["Link", Action], object]) -> None:
        """Read actions and write answers until either side is done; returns when the connection is closed.

        `handle` may return an awaitable, which is awaited before the next action is read.
        """
        writing = asyncio.ensure_future(self._write())
        reading = asyncio.ensure_future(self._read(handle))
        try:
            await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done() and self._closing:
                await asyncio.wait({writing}, timeout=1.0)
        finally:
            self._closing = True
            self._roomy.set()
            for task in (writing, reading):
                task.cancel()
            await asyncio.gather(writing, reading, return_exceptions=True)
            self._writer.close()

    async def _read(self, handle: Callable[["Link", Action], object]) -> None:
        parser = _ActionParser()
        while not self._closing:
            try:
                chunk = await self._reader.read(_SLICE)
            except (ConnectionError, OSError):
                return
            if not chunk:
                return
            await self._valve.wait()
            for action in parser.feed(chunk):
                if self.dead or self._closing:
                    break
                answer = handle(self, action)
                if asyncio.iscoroutine(answer):
                    await answer

    async def _write(self) -> None:
        while True:
            while not self._queue or not self._valve.is_open:
                if self._closing and not self._queue:
                    return
                if self._queue:
                    await self._valve.wait()
                    continue
                self._wake.clear()
                await self._wake.wait()
            piece = self._take()
            try:
                self._writer.write(piece)
                if not await self._taken():
                    self.cut_for_slowness = True
                    self.abort()
                    return
            except (ConnectionError, OSError):
                return
            self._backlog -= len(piece)
            if self._backlog < _ENOUGH:
                self._roomy.set()

    def _take(self) -> bytes | memoryview:
        first = self._queue.popleft()
        if len(first) > _SLICE:
            rest = memoryview(first)
            self._queue.appendleft(rest[_SLICE:])
            return rest[:_SLICE]
        size = len(first)
        pieces = [first]
        while self._queue and size + len(self._queue[0]) <= _SLICE:
            pieces.append(self._queue.popleft())
            size += len(pieces[-1])
        return first if len(pieces) == 1 else b"".join(pieces)

    async def _taken(self) -> bool:
        """Wait until the kernel has taken everything written; False once it took nothing for the write timeout."""
        transport = self._writer.transport
        pending = transport.get_write_buffer_size()
        while pending:
            try:
                async with asyncio.timeout(self._write_timeout):
                    await self._writer.drain()
            except TimeoutError:
                before, pending = pending, transport.get_write_buffer_size()
                if pending >= before and self._valve.is_open:
                    return False
                continue
            pending = transport.get_write_buffer_size()
        if self._writer.is_closing() and not self._closing:
            raise ConnectionResetError
        return True


class _ActionParser:
    """Cuts bytes into actions as Asterisk's `get_input` and `do_message` do, its two limits included."""

    def __init__(self) -> None:
        self._pending = b""
        self._lines: list[bytes] = []
        self._malformed: str | None = None
        self._overlong = False

    def feed(self, chunk: bytes) -> Iterator[Action]:
        """Yield the actions that end in this chunk."""
        self._pending += chunk
        while (end := self._pending.find(b"\n")) >= 0:
            line, self._pending = self._pending[:end], self._pending[end + 1 :]
            overlong, self._overlong = self._overlong or end >= _LONGEST_LINE, False
            line = line.removesuffix(b"\r")
            if overlong:
                self._malformed = self._malformed or "Failed to parse message: line too long"
            elif not line:
                action = Action(tuple(self._lines), self._malformed)
                self._lines, self._malformed = [], None
                yield action
            elif len(self._lines) < _MOST_HEADERS:
                self._lines.append(line)
            else:
                self._malformed = "Too many lines in message or allocation failure"
        if self._overlong or len(self._pending) >= _LONGEST_LINE:
            # What is left of an overlong line is not kept: only its end matters.
            self._overlong, self._pending = True, b""
