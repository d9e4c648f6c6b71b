"""The streams that are open: one look at the feed every 100 ms wakes those that have something to send.

```
 feed.seq ──every 100 ms──▶ Streams ──wake──▶ Stream ──changes(since)──▶ feed
                                                │  └─ pieces of 64 kB ──▶ socket      (waits while the client is slow)
                                                └─ its cursor per source: all that is kept of a client
```

A client that is behind costs its cursor and nothing else: what it missed is asked for when its socket drains, and the
journal gives each row once. Data is shared: streams with the same cursor send the same bytes.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, final

import msgspec

from vss_router.api.feeds import ChangeFeed
from vss_router.api.stream_messages import changes_data

__all__ = ["STREAMS_AT_ONCE", "Span", "StreamStats", "Streams", "Subscription"]

STREAMS_AT_ONCE: Final = 512
"""Half of the files that a process may have open on most systems."""
LOOK_SECONDS: Final = 0.1
HEARTBEAT_SECONDS: Final = 15.0
"""Less than the shortest idle time-out of usual proxies."""
ROWS_PER_MESSAGE: Final = 256
SNAPSHOT_SECONDS: Final = 2.0
"""How long a snapshot is given to clients that begin; the changes since follow it at once. After a restart, when all
clients begin together, one is made instead of hundreds."""
_SHARED_SPANS: Final = 32

_log = logging.getLogger(__name__)


class StreamStats(msgspec.Struct, kw_only=True):
    """Counted since the start; `open` is now."""

    open: int = 0
    opened: int = 0
    resumed: int = 0
    refused: int = 0
    stalled: int = 0
    snapshots: int = 0
    messages: int = 0
    bytes: int = 0


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Changes as they are sent; `data` is None when nothing changed that a row shows."""

    seq_to: int
    complete: bool
    lost: bool
    data: bytes | None


@final
class Subscription:
    """One open stream as the others see it: a bell, and the reasons to ring it."""

    def __init__(self, sources: tuple[str, ...], closing: Callable[[], bool], now: float) -> None:
        self.sources = sources
        self.bell = asyncio.Event()
        self.ended = False
        self.sent_at = now
        self.closing = closing
        self.on_end: Callable[[], None] | None = None

    def end(self) -> None:
        """The client is gone, or the server stops."""
        if not self.ended:
            self.ended = True
            if self.on_end is not None:
                self.on_end()
            self.bell.set()


@final
class Streams:
    """All streams of one application.

    Parameters
    ----------
    feed
        What is streamed.
    at_once
        How many may be open; `open` refuses more.
    clock
        Monotonic seconds.
    """

    def __init__(
        self, feed: ChangeFeed, *, at_once: int = STREAMS_AT_ONCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.feed = feed
        self.stats = StreamStats()
        self._at_once = at_once
        self._clock = clock
        self._open: set[Subscription] = set()
        self._looking: asyncio.Task[None] | None = None
        self._seen: dict[str, int] = {}
        self._spans: OrderedDict[tuple[str, int], Span] = OrderedDict()
        self._snapshots: dict[str, tuple[float, int, bytes]] = {}

    @property
    def full(self) -> bool:
        """Whether as many are open as may be."""
        return len(self._open) >= self._at_once

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock()

    def open(self, sources: tuple[str, ...], closing: Callable[[], bool]) -> Subscription:
        """One more stream; `closing` tells whether its server stops. Whoever opens it must `close` it."""
        subscription = Subscription(sources, closing, self._clock())
        self._open.add(subscription)
        self.stats.opened += 1
        self.stats.open = len(self._open)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look(), name="streams")
        return subscription

    def close(self, subscription: Subscription) -> None:
        """The stream has ended; with the last one the looking ends too."""
        self._open.discard(subscription)
        self.stats.open = len(self._open)

    def span(self, source: str, since: int) -> Span:
        """What changed of a source after `since`, made once for all streams that stand there."""
        if since > self.feed.seq(source):
            # Of another router, or of before its clock was set back.
            return Span(seq_to=since, complete=False, lost=True, data=None)
        shared = self._spans.get((source, since))
        if shared is None:
            found = self.feed.changes(source, since, ROWS_PER_MESSAGE)
            shared = Span(
                seq_to=found.seq_to,
                complete=found.complete,
                lost=found.lost,
                data=changes_data(source, found) if not found.lost and (found.rows or found.removed) else None,
            )
            self._spans[source, since] = shared
            while len(self._spans) > _SHARED_SPANS:
                self._spans.popitem(last=False)
        return shared

    def snapshot(self, source: str, *, fresh: bool) -> tuple[int, bytes]:
        """A snapshot and its `seq`; one made a moment ago serves too, unless it has to be `fresh`."""
        made = self._snapshots.get(source)
        if made is None or fresh or self._clock() - made[0] > SNAPSHOT_SECONDS:
            seq, data = self.feed.snapshot(source)
            made = self._snapshots[source] = (self._clock(), seq, data)
        return made[1], made[2]

    async def _look(self) -> None:
        while self._open:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self._ring()
            except Exception:  # noqa: BLE001 - logged; clients that come again are told
                _log.exception("the feed of changes failed; %s streams end and may come again", len(self._open))
                for subscription in tuple(self._open):
                    subscription.end()
                break
        self._spans.clear()
        self._snapshots.clear()

    def _ring(self) -> None:
        now = self._clock()
        moved = set()
        for source in self.feed.sources:
            seq = self.feed.seq(source)
            if self._seen.get(source) != seq:
                self._seen[source] = seq
                moved.add(source)
        if moved:
            self._spans.clear()
        for source in [name for name, made in self._snapshots.items() if now - made[0] > SNAPSHOT_SECONDS]:
            del self._snapshots[source]
        for subscription in tuple(self._open):
            if subscription.closing():
                subscription.end()
            elif not moved.isdisjoint(subscription.sources) or now - subscription.sent_at >= HEARTBEAT_SECONDS:
                subscription.bell.set()
