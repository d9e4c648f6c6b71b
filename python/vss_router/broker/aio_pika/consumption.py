"""One consumer of one queue over all connections, as `amqp/consumer.rs` of the core does it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol, final

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage

from vss_router.ami.backoff import Backoff
from vss_router.broker.aio_pika.faults import ABSENT, Fault, FaultError, fault_of
from vss_router.broker.aio_pika.line import Line
from vss_router.broker.aio_pika.names import wire_name
from vss_router.broker.aio_pika.properties import delivery_of
from vss_router.broker.aio_pika.session import Session
from vss_router.broker.message import Delivery, Settlement

__all__ = ["AioPikaConsumption", "Keeper"]

_log = logging.getLogger(__name__)

_FIRST_SECONDS: Final = 0.05
_MOST_SECONDS: Final = 2.0
_CANCELLED: Final = Fault("answered", 404, "the broker cancelled the consumer")


class Keeper(Protocol):
    """The transport, as a consumption needs it."""

    def random(self) -> float:
        """A number in [0, 1)."""

    def trouble_of(self, queue: str, fault: Fault | None) -> str | None:
        """The sentence about a fault of this queue's."""

    def cancelled(self, queue: str) -> str:
        """The sentence about a consumer that the broker ended."""

    def forget(self, consumption: "AioPikaConsumption") -> None:
        """It is closed."""


@final
class AioPikaConsumption:
    """A consumption. `run` consumes on one connection, until that goes."""

    def __init__(
        self,
        keeper: Keeper,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool,
        on_cancel: Callable[[str], None] | None,
    ) -> None:
        self._keeper = keeper
        self._queue = queue
        self._on_delivery = on_delivery
        self._prefetch = prefetch
        self._exclusive = exclusive
        self._on_cancel = on_cancel
        self._fault: Fault | None = None
        self._is_over = False
        self._session: Session | None = None
        self._channel: AbstractChannel | None = None
        self._line: Line | None = None
        self._tag: str | None = None
        self._ended = asyncio.Event()

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self._queue

    @property
    def trouble(self) -> str | None:
        """Why nothing can be delivered now; None while it is consuming."""
        return self._keeper.trouble_of(self._queue, self._fault)

    @property
    def is_over(self) -> bool:
        """Whether it was cancelled."""
        return self._is_over

    async def cancel(self) -> None:
        """Get no more deliveries; those handed out may still be settled."""
        if self._is_over:
            return
        self._is_over = True
        channel, tag, session = self._channel, self._tag, self._session
        if channel is not None and tag is not None and session is not None and not channel.is_closed:
            try:
                await session.answer(channel.basic_cancel(tag))
            except FaultError as error:
                session.fail(error.fault)

    async def close(self) -> None:
        """`cancel`, and give its channel up."""
        await self.cancel()
        await self.settle_out()
        channel, self._channel = self._channel, None
        if channel is not None and self._session is not None and not channel.is_closed:
            try:
                await self._session.answer(channel.close())
            except FaultError as error:
                self._session.fail(error.fault)
        self._keeper.forget(self)

    async def settle_out(self) -> None:
        """Hear no more acks, and let those given go out."""
        line, self._line = self._line, None
        if line is not None:
            await line.flush()

    async def run(self, session: Session, declared: asyncio.Condition, first: "asyncio.Future[None]") -> None:
        """Consume on one connection; `first` is done after the first attempt."""
        backoff = Backoff(_FIRST_SECONDS, _MOST_SECONDS, self._keeper.random)
        while session.is_alive:
            try:
                if self._is_over:
                    return
                await self._start(session)
                backoff.reset()
                _tell(first)
                await self._ended.wait()
                fault = self._end()
            except FaultError as error:
                fault = error.fault
            if self._is_over:
                return
            channel = self._channel
            self.lost(fault)
            _tell(first)
            if channel is not None and not channel.is_closed and session.is_alive:
                await session.answer(channel.close())  # the broker ended its consumer, the next one has its own
            await _wait(declared, backoff.next())

    def lost(self, fault: Fault) -> None:
        """Its channel or its connection is gone."""
        self._fault = fault
        self._channel = None
        if self._line is not None:
            self._line.drop()
            self._line = None

    async def _start(self, session: Session) -> None:
        channel = await session.channel()
        await session.answer(channel.basic_qos(prefetch_count=self._prefetch))
        self._session, self._channel = session, channel
        self._line = line = Line(channel)
        self._ended.clear()
        channel.closing.add_done_callback(lambda _: self._ended.set())
        channel.on_consumer_cancel_callbacks.add(lambda _: self._ended.set())

        async def deliver(message: DeliveredMessage) -> None:
            if self._is_over:
                line.settle_tag(message.delivery_tag or 0, Settlement.REQUEUE)
                return
            try:
                self._on_delivery(delivery_of(self._queue, message, line.settle, line.is_gone))
            except Exception:  # noqa: BLE001 - whatever a reader raises is its own, the others go on
                _log.exception("a reader of a queue failed", extra={"queue": self._queue})

        try:
            answer = await session.answer(
                channel.basic_consume(wire_name(self._queue), deliver, exclusive=self._exclusive)
            )
        except FaultError:
            line.drop()
            raise
        self._tag = answer.consumer_tag
        self._fault = None

    def _end(self) -> Fault:
        channel = self._channel
        if channel is not None and not channel.is_closed:
            if not self._is_over and self._on_cancel is not None:
                self._on_cancel(self._keeper.cancelled(self._queue))
            return _CANCELLED
        closing = channel.closing if isinstance(channel, aiormq.Channel) else None
        if closing is None or not closing.done() or closing.cancelled():
            return ABSENT
        return fault_of(closing.exception())


def _tell(first: "asyncio.Future[None]") -> None:
    if not first.done():
        first.set_result(None)


async def _wait(declared: asyncio.Condition, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds), declared:
            await declared.wait()
    except TimeoutError:
        return
