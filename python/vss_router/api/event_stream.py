"""One client's stream: the snapshot or what it missed, then changes, until it goes or the server stops.

```
           resumed: its cursor                       bell                lost
 begin ───────────────────────────▶ changes ◀────────────────▶ wait     ──────▶ snapshot ──▶ changes
   └──── else ──▶ snapshot ───────────▲        all is sent       │ 15 s of silence: a heartbeat
                                                                 └─ client gone, server stops, stalled ──▶ end
```
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Final, cast, final

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from vss_router.api.stream_messages import HEARTBEAT, RETRY, event_id, message
from vss_router.api.streams import HEARTBEAT_SECONDS, Streams
from vss_router.errors import StatusError, StatusUnavailableError

__all__ = ["CLOSING", "HEAD_ONLY", "STALLED_SECONDS", "EventStream"]

CLOSING: Final = "vss_router.closing"
"""Key of the ASGI scope: a callable that tells whether the server stops. `HttpServer` sets it."""
HEAD_ONLY: Final = "vss_router.head"
"""Key of the ASGI scope: only the headers are wanted. The edge sets it."""
STALLED_SECONDS: Final = 60.0
"""How long a client may take for one message; longer, and it is not there any more."""
HURRY_SECONDS: Final = 1.0
"""The same once the server stops."""
PIECE_BYTES: Final = 65_536
"""What is handed to the socket at once: a server's write buffer is the only copy that a slow client costs."""
_HEADERS: Final = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would gather the messages otherwise
    "x-source-of-truth": "memory",
}

_log = logging.getLogger(__name__)


@final
class EventStream(ASGIResponse):
    """The answer to `/stream`: Server-Sent Events of `sources`, beginning after `positions` where those are known."""

    __slots__ = ("_known", "_positions", "_sources", "_streams")

    _should_set_content_length = False

    def __init__(self, streams: Streams, sources: tuple[str, ...], positions: dict[str, int]) -> None:
        super().__init__(headers=_HEADERS, media_type="text/event-stream")
        self._streams = streams
        self._sources = sources
        self._known = {source: seq for source, seq in positions.items() if source in sources}
        self._positions: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the end."""
        if HEAD_ONLY in scope:
            await self.start_response(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        closing = cast("Callable[[], bool]", scope.get(CLOSING, _never))
        subscription = self._streams.open(self._sources, closing)
        writer = _Writer(send, self._streams)
        subscription.on_end = writer.hurry
        watch = asyncio.get_running_loop().create_task(_watch(receive, subscription.end), name="stream's client")
        stats = self._streams.stats
        try:
            await self.start_response(send)
            await writer.write([RETRY])
            if self._known:
                stats.resumed += 1
            while not subscription.ended:
                sent = False
                subscription.bell.clear()
                for source in self._sources:
                    sent |= await self._send_next(source, writer)
                if sent:
                    subscription.sent_at = self._streams.now
                elif self._streams.now - subscription.sent_at >= HEARTBEAT_SECONDS:
                    await writer.write([HEARTBEAT])
                    subscription.sent_at = self._streams.now
                else:
                    await subscription.bell.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HURRY_SECONDS):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            stats.stalled += 1
            _log.warning("a stream's client took nothing for too long; it was let go")
        except StatusError as error:
            # A PBX that is gone from the feed: the client comes again and is told.
            _log.info("a stream ended: %s", error)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watch.cancel()
            self._streams.close(subscription)

    async def _send_next(self, source: str, writer: "_Writer") -> bool:
        """Send one message about the source, if there is something to tell; the cursor moves with it."""
        since = self._positions.get(source)
        if since is None:
            since = self._known.pop(source, None)
            if since is None:
                return await self._send_snapshot(source, writer, fresh=False)
            self._positions[source] = since
        span = self._streams.span(source, since)
        if span.lost:
            return await self._send_snapshot(source, writer, fresh=True)
        self._positions[source] = span.seq_to
        if span.data is None:
            return not span.complete
        self._streams.stats.messages += 1
        await writer.write(message("changes", event_id(self._positions), span.data))
        return True

    async def _send_snapshot(self, source: str, writer: "_Writer", *, fresh: bool) -> bool:
        try:
            seq, data = self._streams.snapshot(source, fresh=fresh)
        except StatusUnavailableError:
            # Of several PBXs one is not known yet: it joins in when it is.
            return False
        self._positions[source] = seq
        self._streams.stats.snapshots += 1
        await writer.write(message("snapshot", event_id(self._positions), data))
        return True


@final
class _Writer:
    """Writes to one client in pieces, each when the socket takes it."""

    def __init__(self, send: Send, streams: Streams) -> None:
        self._send = send
        self._stats = streams.stats
        self._limit: asyncio.Timeout | None = None
        self._seconds = STALLED_SECONDS

    async def write(self, parts: list[bytes]) -> None:
        """Write one message.

        Raises
        ------
        TimeoutError
            The client did not take it in time.
        """
        async with asyncio.timeout(self._seconds) as self._limit:
            for piece in _pieces(parts):
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
                self._stats.bytes += len(piece)
        self._limit = None

    def hurry(self) -> None:
        """The server stops: what is being written has a moment left, and nothing more is begun."""
        self._seconds = HURRY_SECONDS
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + HURRY_SECONDS)


def _pieces(parts: list[bytes]) -> Iterator[bytes]:
    if sum(map(len, parts)) <= PIECE_BYTES:
        yield b"".join(parts)
        return
    for part in parts:
        view = memoryview(part)
        for begin in range(0, len(view), PIECE_BYTES):
            yield bytes(view[begin : begin + PIECE_BYTES])


async def _watch(receive: Receive, gone: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone()


def _never() -> bool:
    return False
