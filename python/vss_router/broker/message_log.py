"""The log of messages for analysis: a sample of what is published and consumed, masked, written in batches.

```
 published() · consumed() ─ chance ─▶ waiting (bounded, oldest go) ─▶ masked ─▶ one batch ─▶ store
```

Handing a message over costs a random number, and for one of the sample an append; everything else is done later.
"""

import asyncio
import contextlib
import logging
import random as random_module
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol, final

import msgspec

from vss_router.ami.backoff import Backoff
from vss_router.log import mask, mask_event

__all__ = ["LoggedMessage", "MessageLog", "MessageLogStats", "MessageLogStore", "masked_body"]

BATCH: Final = 200
FLUSH_SECONDS: Final = 1.0
MOST_WAITING: Final = 10_000
LARGEST_DATA: Final = 16_384
"""Bytes of a message; of a longer one the beginning is kept as text."""
_BREATH: Final = 16

_log = logging.getLogger(__name__)


class LoggedMessage(msgspec.Struct, frozen=True):
    """One line: Unix seconds, who, which way, and the masked body as JSON."""

    timestamp: float
    service: str
    type: Literal["publish", "consume"]
    routing_key: str
    data: str


class MessageLogStore(Protocol):
    """Where the lines go; the database has one."""

    async def append(self, messages: Sequence[LoggedMessage]) -> None:
        """Keep them; raises what it likes when it cannot."""


class MessageLogStats(msgspec.Struct, kw_only=True):
    """What became of the sample since the start."""

    sampled: int = 0
    written: int = 0
    dropped: int = 0
    """The store was away for too long; the oldest went."""
    failures: int = 0
    waiting: int = 0
    trouble: str | None = None


class _Waiting(msgspec.Struct, frozen=True):
    timestamp: float
    type: Literal["publish", "consume"]
    routing_key: str
    body: bytes


@final
class MessageLog:
    """Samples messages into a store.

    Parameters
    ----------
    fraction
        Of all messages, 0 to 1.
    service
        Who writes, in each line.
    batch, flush_seconds
        A batch is written after so many messages or so long, whichever is first.
    most_waiting
        So many may wait for the store; then the oldest go, counted.
    clock, random
        Unix seconds, numbers in [0, 1).
    """

    def __init__(
        self,
        store: MessageLogStore,
        *,
        fraction: float,
        service: str = "router",
        batch: int = BATCH,
        flush_seconds: float = FLUSH_SECONDS,
        most_waiting: int = MOST_WAITING,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._store = store
        self._fraction = fraction
        self._service = service
        self._batch = batch
        self._flush_seconds = flush_seconds
        self._clock = clock
        self._random = random
        self._waiting: deque[_Waiting] = deque()
        self._in_hand: list[LoggedMessage] = []
        self._most_waiting = most_waiting
        self._full = asyncio.Event()
        self._stopping = asyncio.Event()
        self._backoff = Backoff(0.2, 30.0, random)
        self._stats = MessageLogStats()
        self._task: asyncio.Task[None] | None = None

    @property
    def stats(self) -> MessageLogStats:
        """What was done since the start, and what waits now."""
        self._stats.waiting = len(self._waiting) + len(self._in_hand)
        return self._stats

    def published(self, routing_key: str, body: bytes) -> None:
        """A message was published; never waits."""
        if self._random() < self._fraction:
            self._take(_Waiting(self._clock(), "publish", routing_key, body))

    def consumed(self, routing_key: str, body: bytes) -> None:
        """A message was handed to a handler; never waits."""
        if self._random() < self._fraction:
            self._take(_Waiting(self._clock(), "consume", routing_key, body))

    def start(self) -> None:
        """Begin to write, in a task of its own; the store need not answer yet."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="message log")

    async def stop(self, seconds: float = 2.0) -> None:
        """Write what waits, for `seconds` at most, then end; what could not be written is counted."""
        if self._task is None:
            return
        self._stopping.set()
        self._full.set()
        await asyncio.wait({self._task}, timeout=seconds)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        self._stats.dropped += len(self._waiting) + len(self._in_hand)
        self._waiting.clear()
        self._in_hand.clear()

    def _take(self, message: _Waiting) -> None:
        self._stats.sampled += 1
        self._waiting.append(message)
        while len(self._waiting) > self._most_waiting:
            self._waiting.popleft()
            self._stats.dropped += 1
        if len(self._waiting) >= self._batch:
            self._full.set()

    async def _run(self) -> None:
        while self._in_hand or self._waiting or not self._stopping.is_set():
            if not self._in_hand and len(self._waiting) < self._batch:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._flush_seconds)
            if not self._stopping.is_set():
                self._full.clear()
            if self._waiting or self._in_hand:
                await self._write()

    async def _write(self) -> None:
        """Write the oldest; they stay in hand until the store has them."""
        if not self._in_hand:
            for place in range(min(self._batch, len(self._waiting))):
                if place % _BREATH == _BREATH - 1:
                    await asyncio.sleep(0)
                message = self._waiting.popleft()
                data = masked_body(message.body)
                line = LoggedMessage(message.timestamp, self._service, message.type, message.routing_key, data)
                self._in_hand.append(line)
        try:
            await self._store.append(self._in_hand)
        except Exception as error:  # noqa: BLE001 - a store raises what it likes
            self._stats.failures += 1
            if self._stats.trouble is None:
                _log.warning("the message log cannot be written", extra={"trouble": str(error)})
            self._stats.trouble = str(error)
            await asyncio.sleep(self._backoff.next())
            return
        self._backoff.reset()
        self._stats.trouble = None
        self._stats.written += len(self._in_hand)
        self._in_hand = []


def masked_body(body: bytes) -> str:
    """A body as JSON, without telephone numbers and secrets, by the rules of the log; bounded."""
    if len(body) > LARGEST_DATA:
        # Cut first: what will not be kept needs no reading.
        begin = mask(body[:LARGEST_DATA].decode("utf-8", "replace"))
        return msgspec.json.encode({"cut": begin, "bytes": len(body)}).decode()
    try:
        masked: dict[str, Any] = {"data": msgspec.json.decode(body)}
        mask_event(None, "", masked)
    except (ValueError, RecursionError):
        masked = {"data": mask(body.decode("utf-8", "replace"))}
    return msgspec.json.encode(masked["data"]).decode()
