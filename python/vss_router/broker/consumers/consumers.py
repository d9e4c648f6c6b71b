"""Handlers by queue and by pattern, and their life: registered, started, drained."""

import asyncio
import contextlib
import random as random_module
import time
from collections.abc import Callable
from typing import Final, TypeVar, final

import msgspec

from vss_router.broker.consumers.checks import check_pattern, check_queue, check_reader, check_reader_queue
from vss_router.broker.consumers.copies import Copies
from vss_router.broker.consumers.inbox import Inbox
from vss_router.broker.consumers.registration import (
    NO_TOPOLOGY,
    Handler,
    Registration,
    Takes,
    name_of,
    reader_queue,
    reader_topology,
)
from vss_router.broker.consumers.retry import Retry
from vss_router.broker.consumers.stats import ConsumerStats
from vss_router.broker.consumers.treatment import Treatment
from vss_router.broker.consumers.worker import Worker
from vss_router.broker.topology import Queue, Topology
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import PARKED
from vss_router.errors import SettingsError

__all__ = ["Consumers", "Drained"]

PREFETCH: Final = 20
TIMEOUT_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 2.0
"""How often it is looked whether every queue is consumed."""
DEFAULT_RETRY: Final = Retry()

_H = TypeVar("_H", bound=Handler)


class Drained(msgspec.Struct, frozen=True):
    """How a drain went: handlers that ended in time, messages that went back, handlers that ignore their end.

    A loop does not end by itself while one of the last kind is `stuck`.
    """

    finished: int
    requeued: int
    stuck: int = 0


@final
class Consumers:
    """The consumers of one process, over one transport.

    Parameters
    ----------
    topology
        What stands at the broker: where a queue's dead letters go and how long its messages live.
    inbox
        Keeps commands from being handled twice; without one they may be, after a crash.
    instance
        Names this process among its like: the queues of `on` are named after it, so it should be the same after a
        restart.
    clock, monotonic, random
        Unix time, monotonic time (both seconds) and numbers in [0, 1).
    consumed
        Told routing key and body of each message that is handed to a handler.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        topology: Topology = NO_TOPOLOGY,
        inbox: Inbox | None = None,
        instance: str = "router",
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_module.random,
        consumed: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self._transport = transport
        self._queues = {queue.name: queue for queue in topology.queues}
        self._inbox = inbox
        self._instance = instance
        self._clock = clock
        self._monotonic = monotonic
        self._random = random
        self._consumed = consumed
        self._copies = Copies(transport, self._queues.get(PARKED, Queue(name=PARKED)), clock, random)
        self._registrations: list[Registration] = []
        self._workers: list[Worker] = []
        self._draining = asyncio.Event()
        self._started = False
        self._starting: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    def consumer(
        self,
        queue: str,
        type: Takes | None = None,  # noqa: A002 - what it is
        *,
        prefetch: int = PREFETCH,
        concurrency: int = 1,
        retry: Retry = DEFAULT_RETRY,
        timeout_seconds: float = TIMEOUT_SECONDS,
        idempotent: bool | None = None,
    ) -> Callable[[_H], _H]:
        """Decorator: the async function takes the messages of a work queue, shared with all who consume it.

        Parameters
        ----------
        type
            What it takes, one or a tuple of several; another message is parked. None: any.
        prefetch, concurrency
            How many messages are fetched ahead, and handled at once; one at a time are handled in order.
        retry, timeout_seconds
            What follows a failure, and after how long there is one.
        idempotent
            Whether the inbox keeps a message from being handled twice; None: commands are, events are not.

        Raises
        ------
        SettingsError
            One of them cannot be, or the function is no async function of a message, or a message and its delivery.
        """
        check_queue(queue)

        def register(handler: _H) -> _H:
            self._add(
                Registration.of(
                    queue,
                    handler,
                    takes=type,
                    prefetch=prefetch,
                    concurrency=concurrency,
                    retry=retry,
                    timeout_seconds=timeout_seconds,
                    idempotent=idempotent,
                )
            )
            return handler

        return register

    def on(
        self,
        pattern: str,
        *,
        exchange: str = "vss.events",
        type: Takes | None = None,  # noqa: A002 - as above
        name: str | None = None,
        prefetch: int = PREFETCH,
        concurrency: int = 1,
        retry: Retry = DEFAULT_RETRY,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Callable[[_H], _H]:
        """Decorator: the async function sees every message whose routing key matches, beside whoever else does.

        Its queue is called `vss.<name>.<instance>`, by default after the function; it keeps what comes while its
        reader is away, for an hour. The other parameters are those of `consumer`.

        Raises
        ------
        SettingsError
            As `consumer`; or another handler of this process has that queue.
        """
        check_pattern(pattern)

        def register(handler: _H) -> _H:
            called = name_of(handler) if name is None else name
            check_reader(called, exchange)
            queue = reader_queue(called, self._instance)
            check_reader_queue(queue)
            if any(each.queue == queue for each in self._registrations):
                raise SettingsError(f"two handlers share the queue {queue}: give one of them another name=")
            self._add(
                Registration.of(
                    queue,
                    handler,
                    takes=type,
                    prefetch=prefetch,
                    concurrency=concurrency,
                    retry=retry,
                    timeout_seconds=timeout_seconds,
                    idempotent=False,
                    topology=reader_topology(queue, exchange, pattern),
                )
            )
            return handler

        return register

    async def start(self) -> None:
        """Declare the lanes and begin to consume; the transport waits for a broker that is away."""
        registered = tuple(self._registrations)
        self._started = True  # from here on each that is registered starts by itself
        await self._copies.declare({lane for each in registered for lane in each.retry.lanes()})
        for registration in registered:
            if self._draining.is_set():
                return
            await self._worker(registration).start()
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="which queues are consumed")

    async def drain(self, seconds: float = 10.0) -> Drained:
        """End in good order: nothing new is taken, handlers have `seconds` to end, the rest goes back to its queue.

        Takes at most some seconds longer, for handlers that clean up when cancelled. A second call does nothing.
        """
        if self._draining.is_set():
            return Drained(0, 0)
        self._draining.set()
        for starting in self._starting:
            starting.cancel()
        before = self._in_all("requeued")
        ended = self._in_all("handled")
        await asyncio.gather(*(worker.stop_consuming() for worker in self._workers))
        await asyncio.gather(*(worker.finish(seconds) for worker in self._workers))
        await asyncio.sleep(0)  # those that have just ended are not stuck
        return Drained(self._in_all("handled") - ended, self._in_all("requeued") - before, self._in_all("stuck"))

    def stats(self) -> list[ConsumerStats]:
        """One entry per consumer, in the order they were registered."""
        return [worker.stats() for worker in self._workers]

    def look(self) -> None:
        """Say in the log which queues are not consumed, once each; also done every two seconds by itself."""
        if self._transport.status.state == "ready":
            for worker in self._workers:
                worker.look()

    async def _watch(self) -> None:
        while not self._draining.is_set():
            self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), LOOK_SECONDS)

    def _in_all(self, field: str) -> int:
        return sum(getattr(stats, field) for stats in self.stats())

    def _add(self, registration: Registration) -> None:
        self._registrations.append(registration)
        if self._started and not self._draining.is_set():
            starting = asyncio.get_running_loop().create_task(self._start_late(registration), name="a late consumer")
            self._starting.add(starting)
            starting.add_done_callback(self._starting.discard)

    async def _start_late(self, registration: Registration) -> None:
        worker = self._worker(registration)
        await self._copies.declare(registration.retry.lanes())
        await worker.start()

    def _worker(self, registration: Registration) -> Worker:
        stats = ConsumerStats(queue=registration.queue, handler=registration.name)
        treatment = Treatment(
            registration,
            stats,
            self._copies,
            queue=self._queues.get(registration.queue),
            inbox=self._inbox,
            draining=self._draining,
            clock=self._clock,
            monotonic=self._monotonic,
            random=self._random,
            consumed=self._consumed,
        )
        worker = Worker(registration, stats, self._transport, treatment)
        self._workers.append(worker)
        return worker
