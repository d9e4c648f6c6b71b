"""One logged-in AMI session as the main loop sees it: bytes in slices, answers by ActionID.

The bytes themselves are read in the I/O thread (`connection.py`) and wait in a ring. Here they are taken out in slices
of bounded work, so that a backlog does not keep the loop from everything else, and handed to `absorb`, which feeds the
board and gives back the batch; the batch's responses answer whoever waits for their ActionID.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, final

from vss_router._core import AmiAction, AmiDecoder, AmiMessage, Batch, Response
from vss_router.ami.connection import AmiWire, open_wire, tls_context
from vss_router.ami.endpoint import AmiEndpoint
from vss_router.ami.io_thread import IoThread
from vss_router.ami.ring import ByteRing, Chunk, Closed, Lost
from vss_router.ami.timings import LinkTimings
from vss_router.errors import AmiConnectionError

__all__ = ["PATIENCE", "AmiSession", "SessionName"]

SessionName = Literal["events", "actions"]

SLICE_BYTES: Final = 256 * 1024
"""Work per turn of the loop."""
FEED_BYTES: Final = 64 * 1024
"""Bytes per `feed`: its batch is handed on before the next."""
JOIN_SECONDS: Final = 0.05
"""Chunks further apart are fed apart, so that each has its own time."""
PATIENCE: Final = 6
"""A steady stream without our answer extends a wait at most this many times."""


@final
class AmiSession:
    """One connection, from `connect` until `closed` is done with the reason.

    `absorb` takes each piece of what came, in order; it gives the board's batch.
    """

    def __init__(
        self,
        name: SessionName,
        io: IoThread,
        *,
        absorb: Callable[["AmiSession", Chunk | Lost], Batch | None],
        timings: LinkTimings,
        encoding: str,
        id_prefix: str,
        ring_bytes: int,
    ) -> None:
        self.name = name
        self.ring = ByteRing(self._wake, ring_bytes)
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = self._loop.create_future()
        self.heard = False
        """Something has come on it."""
        self._io = io
        self._wire: AmiWire | None = None
        self._absorb = absorb
        self._timings = timings
        self._encoding = encoding
        self._id_prefix = id_prefix
        self._number = 0
        self._waiting: dict[str, asyncio.Future[Response]] = {}
        self._collectors: dict[str, _Collector] = {}
        self._progressed = time.monotonic()

    @property
    def progressed(self) -> float:
        """When bytes that say anything were last processed (monotonic); now, while some wait in the ring.

        The answer to a Ping says nothing: an idle session must not look like one that is about to answer.
        """
        return time.monotonic() if self.ring.held else self._progressed

    async def connect(self, endpoint: AmiEndpoint, clock: Callable[[], float]) -> None:
        """Connect and check the greeting; `AmiConnectionError` as `open_wire` raises it."""
        await self._io.run(self._open(endpoint, tls_context(endpoint), clock))

    async def _open(self, endpoint: AmiEndpoint, tls: ssl.SSLContext | None, clock: Callable[[], float]) -> None:
        """In the I/O thread: an answer on its way to a wait that was cancelled would leave its socket open."""
        wire = await open_wire(
            endpoint,
            self.ring,
            tls,
            connect_seconds=self._timings.connect_seconds,
            greeting_seconds=self._timings.greeting_seconds,
            clock=clock,
        )
        self._io.end_with(wire)
        # First where `abandon` finds it, then the question whether it has been called: one of the two cuts.
        self._wire = wire
        if self.closed.done():
            wire.cut("given up")

    def ping_sent_at(self, action_id: str | None) -> float | None:
        """When the Ping with that ActionID went out, if it was one of ours."""
        return self._wire.pings.get(action_id or "") if self._wire else None

    def new_action_id(self, what: str) -> str:
        """An ActionID that no other action of this session has."""
        self._number += 1
        return f"{self._id_prefix}{self._number}-{what}"

    async def request(self, action: AmiAction, seconds: float | None = None) -> Response:
        """Send an action and wait for its answer (not for the events of a list).

        The wait is over when nothing came for `seconds` (default `LinkTimings.request_seconds`).

        Raises
        ------
        AmiConnectionError
            The session ended first, or the answer did not come in time.
        """
        seconds = self._timings.request_seconds if seconds is None else seconds
        action_id, data = self._identified(action)
        answer: asyncio.Future[Response] = self._loop.create_future()
        self._waiting[action_id] = answer
        try:
            self._send(data, seconds)
            await self.wait_while_flowing(answer, seconds, f"an answer to {action.name}")
            return answer.result()
        finally:
            del self._waiting[action_id]

    async def collect(self, action: AmiAction, seconds: float | None = None) -> tuple[Response, list[AmiMessage]]:
        """Send an action that answers with a list; gives the answer and the list's events.

        For a question beside the board's own lists. `AmiConnectionError` as `request` raises it.
        """
        seconds = self._timings.request_seconds if seconds is None else seconds
        action_id, data = self._identified(action)
        collector = _Collector(action_id, self._encoding)
        answer: asyncio.Future[Response] = self._loop.create_future()
        self._waiting[action_id] = answer
        self._collectors[action_id] = collector
        try:
            self._send(data, seconds)
            await self.wait_while_flowing(answer, seconds, f"an answer to {action.name}")
            response = answer.result()
            if response.success:
                await self.wait_while_flowing(collector.complete, seconds, f"the end of the list of {action.name}")
            return response, collector.items
        finally:
            del self._waiting[action_id]
            del self._collectors[action_id]

    async def wait_while_flowing(self, waited: asyncio.Future[Any], seconds: float, what: str) -> None:
        """Wait until done or the session ends, or nothing came for `seconds` (a steady stream has a bound as well).

        Counted from the last byte that was *processed*: neither a long list nor a blocked main loop is a time-out.
        """
        begun = time.monotonic()
        while not waited.done():
            left = max(self.progressed, begun) + seconds - time.monotonic()
            overdue = time.monotonic() - begun > PATIENCE * seconds and not self.ring.held
            if left <= 0 or overdue:
                raise AmiConnectionError(f"Asterisk did not send {what} within {seconds:g} s")
            await asyncio.wait((waited, self.closed), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if self.closed.done() and not waited.done():
                raise AmiConnectionError(f"the {self.name} session ended before {what}: {self.closed.result()}")

    def start_pings(self) -> None:
        """Ping from now on: the session is logged in."""
        if self._wire:
            prefix = f"{self._id_prefix}ping-"
            self._io.call(self._wire.start_pings, prefix, self._timings.ping_seconds, self._timings.pong_seconds)

    def cut(self, reason: str) -> None:
        """End the connection; what it sent before is still processed."""
        if self._wire:
            self._io.call(self._wire.cut, reason)

    def abandon(self, reason: str) -> None:
        """End the connection and leave unread what came on it."""
        self._end(reason)
        self.cut(reason)

    async def log_off(self) -> None:
        """Leave politely: `Logoff`, then wait a moment for Asterisk to close."""
        if not self.closed.done():
            self._send(AmiAction("Logoff", action_id=self.new_action_id("logoff")).encode(), 0)
            await asyncio.wait((self.closed,), timeout=self._timings.logoff_seconds)
        self.cut("logged off")

    def drain(self) -> None:
        """Process one slice of what waits in the ring; runs in the main loop, woken by the ring."""
        budget = SLICE_BYTES
        while budget > 0 and not self.closed.done():
            item = self.ring.take(FEED_BYTES, JOIN_SECONDS)
            if item is None:
                return
            if isinstance(item, Closed):
                self._end(item.reason)
                return
            self.heard = True
            try:
                batch = self._absorb(self, item)
            except BaseException:
                # Nobody would drain this ring again: a link that looks alive over a board that stands still.
                self.abandon("what it sent could not be processed")
                raise
            if batch is None or not self._only_pongs(batch):
                self._progressed = time.monotonic()
            for response in batch.responses if batch else ():
                self._answer(response)
            if isinstance(item, Chunk):
                for collector in self._collectors.values():
                    collector.feed(item.data)
                budget -= len(item.data)
        if self.closed.done():
            return
        # More is waiting: after the others in the loop have had their turn.
        self._loop.call_soon(self.drain)

    def _wake(self) -> None:
        """Called in the I/O thread when the ring stops being empty."""
        with contextlib.suppress(RuntimeError):  # the main loop has closed: nobody reads any more
            self._loop.call_soon_threadsafe(self.drain)

    def _only_pongs(self, batch: Batch) -> bool:
        pongs = sum(self.ping_sent_at(response.action_id) is not None for response in batch.responses)
        return 0 < pongs == batch.messages

    def _answer(self, response: Response) -> None:
        waiting = self._waiting.get(response.action_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(response)

    def _end(self, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)

    def _send(self, data: bytes, seconds: float) -> None:
        if self.closed.done():
            raise AmiConnectionError(f"the {self.name} session has ended: {self.closed.result()}")
        if self._wire:
            # While Asterisk runs an action it answers no Ping.
            self._io.call(self._wire.send_action, data, time.monotonic() + seconds)

    def _identified(self, action: AmiAction) -> tuple[str, bytes]:
        data = action.encode()
        action_id = action.action_id
        if action_id is None:
            action_id = self.new_action_id(action.name)
            data = data.removesuffix(b"\r\n") + f"ActionID: {action_id}\r\n\r\n".encode()
        if action_id in self._waiting:
            raise AmiConnectionError(f'an action with the ActionID "{action_id}" is still waiting for its answer')
        return action_id, data


class _Collector:
    """Picks one list's events out of the bytes, beside the board."""

    def __init__(self, action_id: str, encoding: str) -> None:
        self._action_id = action_id
        self._decoder = AmiDecoder(encoding)
        self.items: list[AmiMessage] = []
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def feed(self, data: bytes) -> None:
        for message in self._of_this_list(self._decoder.feed(data)):
            # `EventList: Complete` since Asterisk 13; before, the name of the last event is the only sign.
            if message.get("EventList") is not None or message.name.endswith("Complete"):
                if not self.complete.done():
                    self.complete.set_result(None)
            else:
                self.items.append(message)

    def _of_this_list(self, messages: Iterable[AmiMessage]) -> Iterable[AmiMessage]:
        return (m for m in messages if m.kind == "event" and m.action_id == self._action_id)
