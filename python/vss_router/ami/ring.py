"""The bytes of one session between its socket and the board: bounded, in order, and honest about what it dropped.

```
 I/O thread                                                   main loop
 socket ──put──▶ [chunk][chunk][ lost 70 KiB ][chunk][closed] ──take──▶ StatusBoard.feed / overflowed
```

The socket's side never waits. When the ring is full the newest bytes are dropped until half of it is free again (not
until one chunk fits: a reader that is behind would otherwise get a stream with a hole in every second message).
The hole is an item of its own, so that the reader meets it exactly where the bytes are missing.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, final

import msgspec

__all__ = ["RING_BYTES", "ByteRing", "Chunk", "Closed", "Lost"]

RING_BYTES: Final = 32 * 1024 * 1024
_ITEM_BYTES: Final = 64
"""What an item costs beside its bytes: a flood of tiny chunks must count for what it holds in memory."""


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """Bytes of one socket read, or of several that came close together; `arrived` is when the last one did."""

    data: bytes
    arrived: float


class Lost(msgspec.Struct, frozen=True, gc=False):
    """Here `size` bytes are missing."""

    size: int


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The connection ended here, for `reason`."""

    reason: str


@final
class ByteRing:
    """One writer, one reader, each in its own thread.

    `wake` is called in the writer's thread when the ring stops being empty; the reader then calls `take` until it
    answers None, which arms the next wake-up.
    """

    def __init__(self, wake: Callable[[], None], capacity: int = RING_BYTES) -> None:
        self._wake = wake
        self._capacity = capacity
        self._items: deque[Chunk | Lost | Closed] = deque()
        self._lock = threading.Lock()
        self._asleep = True
        self._held = 0
        self._hole = 0
        self.peak = 0
        """The most bytes it has held."""
        self.overflows = 0
        """Times it ran full."""
        self.dropped = 0
        """Bytes dropped since the start."""

    @property
    def held(self) -> int:
        """Bytes waiting now, counted with what each item costs."""
        return self._held

    def put(self, data: bytes, arrived: float) -> None:
        """Add the bytes of one socket read; never waits."""
        with self._lock:
            size = len(data) + _ITEM_BYTES
            limit = self._capacity // 2 if self._hole else self._capacity
            if self._held + size > limit:
                self.overflows += not self._hole
                self._hole += len(data)
                self.dropped += len(data)
            else:
                self._end_hole()
                self._items.append(Chunk(data, arrived))
                self._held += size
                self.peak = max(self.peak, self._held)
            wake = self._asleep
            self._asleep = False
        if wake:
            self._wake()

    def close(self, reason: str) -> None:
        """Add the end; it always has room."""
        with self._lock:
            self._end_hole()
            self._items.append(Closed(reason))
            wake = self._asleep
            self._asleep = False
        if wake:
            self._wake()

    def take(self, limit: int, within: float) -> Chunk | Lost | Closed | None:
        """The next item, or None when there is nothing.

        Chunks are joined up to `limit` bytes, as long as they arrived within `within` seconds of the first: crossing
        into the core costs per call, but a chunk's time of arrival must stay meaningful.
        """
        with self._lock:
            if not self._items:
                if self._hole:
                    # Everything held has been read and the writer has been quiet since: say what is missing now.
                    lost, self._hole = Lost(self._hole), 0
                    return lost
                self._asleep = True
                return None
            first = self._items.popleft()
            if not isinstance(first, Chunk):
                return first
            taken = [first]
            size = len(first.data)
            self._held -= size + _ITEM_BYTES
            while self._items:
                more = self._items[0]
                if not isinstance(more, Chunk) or more.arrived - first.arrived > within:
                    break
                if size + len(more.data) > limit:
                    break
                self._items.popleft()
                taken.append(more)
                size += len(more.data)
                self._held -= len(more.data) + _ITEM_BYTES
        if len(taken) == 1:
            return first
        return Chunk(b"".join(chunk.data for chunk in taken), taken[-1].arrived)

    def _end_hole(self) -> None:
        if self._hole:
            self._items.append(Lost(self._hole))
            self._hole = 0
