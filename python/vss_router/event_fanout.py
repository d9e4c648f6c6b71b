"""Hands each batch of typed events to the subscribers of this process.

A subscriber can be slow or broken; it must never hold up the boards. A plain function runs in the loop and is timed;
a coroutine function gets a bounded queue and a task of its own, and loses its oldest batches when it falls behind.
Both are counted and logged, the first time and then at each tenfold.
"""

import asyncio
import inspect
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Generic, TypeAlias, TypeVar, final

import msgspec
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["EventFanout", "EventHandler", "Fanout", "FanoutCollector", "SubscriberStats", "TypedEvent"]

ItemT = TypeVar("ItemT")

TypedEvent: TypeAlias = tuple[int, str, bytes]
"""(`seq`, routing key, JSON object)."""
EventHandler: TypeAlias = Callable[[str, list[TypedEvent]], Awaitable[None] | None]
"""Called with the PBX's name and its events in order; each event once."""

SLOW_SECONDS: Final = 0.1
"""Longer in one call is slow: Asterisk's own patience with a reader."""
QUEUED_BATCHES: Final = 10_000

_COUNTERS: Final = {
    "delivered": "Batches of events that a handler took.",
    "failed": "Batches of events at which a handler raised.",
    "slow": "Batches of events that a handler held the loop up with.",
    "dropped": "Batches of events that a handler lost because it fell behind.",
}

_log = logging.getLogger(__name__)


class SubscriberStats(msgspec.Struct, kw_only=True):
    """What became of one subscriber's batches since it subscribed."""

    name: str
    delivered: int = 0
    failed: int = 0
    slow: int = 0
    dropped: int = 0


class Fanout(Generic[ItemT]):
    """Hands batches to subscribers. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._subscribers: list[_Subscriber] = []

    def subscribe(
        self, handler: Callable[[str, list[ItemT]], Awaitable[None] | None], *, name: str | None = None
    ) -> Callable[[], None]:
        """Call `handler(source, events)` from now on; the answer ends that. `name` is for logs and metrics."""
        called = name or str(getattr(handler, "__qualname__", type(handler).__qualname__))
        subscriber = (
            _QueuedSubscriber(called, handler)
            if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)
            else _InlineSubscriber(called, handler, self._clock)
        )
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)
                subscriber.close()

        return unsubscribe

    def publish(self, source: str, events: list[ItemT]) -> None:
        """Hand one batch to everyone; never raises, never waits."""
        if events:
            for subscriber in tuple(self._subscribers):
                subscriber.deliver(source, events)

    def stats(self) -> list[SubscriberStats]:
        """One entry per subscriber, in the order they subscribed."""
        return [subscriber.stats for subscriber in self._subscribers]

    async def close(self, seconds: float = 1.0) -> None:
        """Let queued batches be handled, for `seconds` at most, then end all subscriptions."""
        queued = [s.drained() for s in self._subscribers if isinstance(s, _QueuedSubscriber)]
        if queued:
            _, undone = await asyncio.wait([asyncio.ensure_future(wait) for wait in queued], timeout=seconds)
            for wait in undone:
                wait.cancel()
        for subscriber in self._subscribers:
            subscriber.close()
        self._subscribers.clear()


@final
class EventFanout(Fanout[TypedEvent]):
    """The subscribers to the typed events of one router."""


@final
class FanoutCollector(Collector):
    """The subscribers' counters as Prometheus metrics `vss_router_handler_…_total`, labelled by handler."""

    def __init__(self, stats: Callable[[], list[SubscriberStats]]) -> None:
        self._stats = stats

    def describe(self) -> Iterator[Metric]:
        """Nothing is collected just to learn the names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        for name, meaning in _COUNTERS.items():
            totals: dict[str, int] = {}
            for stats in self._stats():
                totals[stats.name] = totals.get(stats.name, 0) + getattr(stats, name)
            counter = CounterMetricFamily(f"vss_router_handler_{name}", meaning, labels=["handler"])
            for handler, total in totals.items():
                counter.add_metric([handler], total)
            yield counter


class _Subscriber(ABC):
    def __init__(self, name: str, handler: Callable[..., Any]) -> None:
        self.stats = SubscriberStats(name=name)
        self._handler = handler

    @abstractmethod
    def deliver(self, source: str, events: list[Any]) -> None:
        """Take one batch; never raises, never waits."""

    @abstractmethod
    def close(self) -> None:
        """End what runs for it."""

    def _failed(self) -> None:
        self.stats.failed += 1
        if _worth_a_line(self.stats.failed):
            _log.exception("a handler of events failed", extra={"handler": self.stats.name, "times": self.stats.failed})


class _InlineSubscriber(_Subscriber):
    def __init__(self, name: str, handler: Callable[..., Any], clock: Callable[[], float]) -> None:
        super().__init__(name, handler)
        self._clock = clock

    def deliver(self, source: str, events: list[Any]) -> None:
        began = self._clock()
        try:
            self._handler(source, events)
        except Exception:  # noqa: BLE001 - whatever a subscriber raises is its own affair
            self._failed()
        else:
            self.stats.delivered += 1
        took = self._clock() - began
        if took > SLOW_SECONDS:
            self.stats.slow += 1
            if _worth_a_line(self.stats.slow):
                _log.warning("a handler of events is slow", extra={"handler": self.stats.name, "took": round(took, 3)})

    def close(self) -> None:
        """Nothing runs for it."""


class _QueuedSubscriber(_Subscriber):
    def __init__(self, name: str, handler: Callable[..., Any]) -> None:
        super().__init__(name, handler)
        self._batches: deque[tuple[str, list[Any]]] = deque()
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"events for {name}")

    def deliver(self, source: str, events: list[Any]) -> None:
        if len(self._batches) >= QUEUED_BATCHES:
            self._batches.popleft()
            self.stats.dropped += 1
            if _worth_a_line(self.stats.dropped):
                _log.warning(
                    "a handler of events falls behind", extra={"handler": self.stats.name, "lost": self.stats.dropped}
                )
        self._batches.append((source, events))
        self._idle.clear()
        self._filled.set()

    async def drained(self) -> None:
        await self._idle.wait()

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            while self._batches:
                source, events = self._batches.popleft()
                try:
                    await self._handler(source, events)
                except Exception:  # noqa: BLE001 - whatever a subscriber raises is its own affair
                    self._failed()
                else:
                    self.stats.delivered += 1
            self._filled.clear()
            self._idle.set()


def _worth_a_line(count: int) -> bool:
    """The first time and each tenfold: a broken handler must not fill the disk."""
    return str(count).rstrip("0") == "1"
