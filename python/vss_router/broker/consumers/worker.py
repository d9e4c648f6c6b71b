"""One consumer at work on one queue: deliveries wait for a slot, slots are as many as the concurrency says."""

import asyncio
import logging
from collections import deque
from typing import Final, final

import msgspec

from vss_router.broker.consumers.handler_run import CANCEL_SECONDS
from vss_router.broker.consumers.registration import Registration
from vss_router.broker.consumers.stats import ConsumerStats
from vss_router.broker.consumers.treatment import Treatment
from vss_router.broker.message import Delivery
from vss_router.broker.transport import Consumption, Transport
from vss_router.errors import TopologyError

__all__ = ["Worker"]

MOST_STUCK: Final = 10
"""So many handlers that ignore their end do not keep the others from work; each further one keeps its slot."""
_CLOSE_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


@final
class Worker:
    """The worker of one registration."""

    def __init__(
        self, registration: Registration, stats: ConsumerStats, transport: Transport, treatment: Treatment
    ) -> None:
        self._registration = registration
        self._stats = stats
        self._transport = transport
        self._treatment = treatment
        self._waiting: deque[Delivery] = deque()
        self._tasks: dict[asyncio.Task[None], Delivery] = {}
        self._consumption: Consumption | None = None
        self._draining = False
        self._redeclaring: asyncio.Task[None] | None = None
        self._told_idle = False

    def stats(self) -> ConsumerStats:
        """What became of its messages so far."""
        consuming = self._consumption.trouble if self._consumption is not None else None
        return msgspec.structs.replace(
            self._stats,
            waiting=len(self._waiting),
            in_flight=len(self._tasks),
            consuming=self._consumption is not None and consuming is None,
            trouble=consuming or self._stats.trouble,
        )

    def look(self) -> None:
        """Say in the log why nothing is consumed: once, however often it is tried again, and once when it is over.

        To be called while the broker is connected: that there is no connection is the transport's to say.
        """
        if self._consumption is None or self._draining:
            return
        trouble = self._consumption.trouble
        told = {"queue": self._stats.queue, "handler": self._stats.handler}
        if trouble is not None and not self._told_idle:
            _log.warning("a queue is not consumed", extra={**told, "trouble": trouble})
        elif trouble is None and self._told_idle:
            _log.info("a queue is consumed again", extra=told)
        self._told_idle = trouble is not None

    async def start(self) -> None:
        """Declare what it needs and begin to consume; a broker that is away is waited for by the transport."""
        await self._declare()
        self._consumption = await self._transport.consume(
            self._registration.queue,
            self._arrived,
            prefetch=self._registration.prefetch,
            on_cancel=self._cancelled,
        )
        if self._draining:  # it came too late
            await self._consumption.close()

    async def stop_consuming(self) -> None:
        """Get nothing new; what waits for a slot goes back."""
        self._draining = True
        if self._redeclaring is not None:
            self._redeclaring.cancel()
        if self._consumption is not None:
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._consumption.cancel()
            except TimeoutError:
                _log.warning("the broker does not end a consumer", extra={"queue": self._stats.queue})
        while self._waiting:
            self._requeue(self._waiting.pop())

    async def finish(self, seconds: float) -> int:
        """Let the handlers end within `seconds`, then put back what is left; how many were."""
        before = self._stats.requeued
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        if self._tasks:
            self._treatment.stop_handlers()
            await asyncio.wait(self._tasks, timeout=2 * CANCEL_SECONDS)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=CANCEL_SECONDS)
        if self._consumption is not None:
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._consumption.close()
            except TimeoutError:
                _log.warning("the broker does not end a consumer", extra={"queue": self._stats.queue})
        return self._stats.requeued - before

    def _arrived(self, delivery: Delivery) -> None:
        self._stats.delivered += 1
        if self._draining:
            self._requeue(delivery)
            return
        self._waiting.append(delivery)
        self._fill_slots()

    def _fill_slots(self) -> None:
        # What came on a connection that is gone stands in front, and comes again behind: once is enough.
        while self._waiting and self._waiting[0].is_stale:
            self._requeue(self._waiting.popleft())
        while self._waiting and not self._draining and self._taken() < self._registration.concurrency:
            delivery = self._waiting.popleft()
            task = asyncio.get_running_loop().create_task(
                self._treatment.take(delivery), name=f"message of {self._stats.queue}"
            )
            self._tasks[task] = delivery
            task.add_done_callback(self._over)

    def _taken(self) -> int:
        return len(self._tasks) + max(0, self._stats.stuck - MOST_STUCK)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a message could not be settled", extra={"queue": self._stats.queue}, exc_info=error)
        self._fill_slots()

    def _requeue(self, delivery: Delivery) -> None:
        self._stats.requeued += 1
        if not delivery.nack(requeue=True):
            self._stats.late += 1

    def _cancelled(self, trouble: str) -> None:
        """The broker has ended the consumer: a queue of our own is made again, another is its owner's affair."""
        if not self._told_idle:
            told = {"queue": self._stats.queue, "handler": self._stats.handler}
            _log.warning("a queue is consumed no more", extra={**told, "trouble": trouble})
        self._told_idle = True
        if self._registration.topology.queues and not self._draining:
            self._redeclaring = asyncio.get_running_loop().create_task(self._declare(), name="declaring a queue again")

    async def _declare(self) -> None:
        if not self._registration.topology.queues:
            return
        try:
            await self._transport.declare(self._registration.topology)
        except TopologyError as error:
            self._stats.trouble = str(error)
            _log.warning("a queue cannot be declared: %s", error)
