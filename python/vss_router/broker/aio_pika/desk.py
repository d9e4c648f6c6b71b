"""What is asked of one connection besides publishing and consuming: topology, `get`, and questions about queues."""

import asyncio
import struct
from collections.abc import Coroutine
from typing import Any, final

from aiormq.abc import AbstractChannel

from vss_router.broker.aio_pika.faults import Fault, FaultError
from vss_router.broker.aio_pika.line import Line
from vss_router.broker.aio_pika.names import wire_name
from vss_router.broker.aio_pika.properties import as_table, delivery_of
from vss_router.broker.aio_pika.session import Session
from vss_router.broker.message import Delivery
from vss_router.broker.topology import Binding, Exchange, Queue, Topology
from vss_router.broker.transport import QueueCounts

__all__ = ["Desk", "Refusal", "wanted"]

Refusal = tuple[str, str, Fault]
"""An object's kind, its name and why it was refused; of a binding, the queue's name."""


@final
class Desk:
    """Everything raises FaultError; an answered one leaves the connection as it was."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._errands: AbstractChannel | None = None
        self._getting: AbstractChannel | None = None
        self._line: Line | None = None
        self._lock = asyncio.Lock()

    async def declare(self, topology: Topology) -> list[Refusal]:
        """Declare everything; what was refused."""
        refusals: list[Refusal] = []
        steps: list[tuple[str, str, Exchange | Queue | Binding]] = [
            *(("exchange", exchange.name, exchange) for exchange in topology.exchanges if exchange.name),
            *(("queue", queue.name, queue) for queue in topology.queues),
            *(("binding", binding.queue, binding) for binding in topology.bindings if binding.exchange),
        ]
        async with self._lock:
            for kind, name, step in steps:
                try:
                    await self._declare(step)
                except FaultError as error:
                    if error.fault.kind != "answered" or not self._session.is_alive:
                        raise
                    refusals.append((kind, name, error.fault))
        return refusals

    async def _declare(self, step: Exchange | Queue | Binding) -> None:
        channel = await self._channel()
        try:
            await self._session.answer(self._asking(channel, step))
        except (TypeError, ValueError, ArithmeticError, struct.error) as error:  # what pamqp cannot write
            raise FaultError(Fault("answered", text=f"aio-pika cannot send it: {error}")) from error

    @staticmethod
    def _asking(channel: AbstractChannel, step: Exchange | Queue | Binding) -> Any:
        match step:
            case Exchange():
                return channel.exchange_declare(
                    wire_name(step.name), exchange_type=step.kind, durable=step.durable, auto_delete=step.auto_delete
                )
            case Queue():
                return channel.queue_declare(
                    wire_name(step.name),
                    durable=step.durable,
                    exclusive=step.exclusive,
                    auto_delete=step.auto_delete,
                    arguments=as_table(step.arguments),
                )
            case Binding():
                return channel.queue_bind(
                    wire_name(step.queue),
                    wire_name(step.exchange),
                    routing_key=step.routing_key,
                    arguments=as_table(step.arguments),
                )

    async def get(self, queue: str) -> Delivery | None:
        """Take one message."""
        async with self._lock:
            # A queue that is not there closes the channel, and takes along what was taken before: look first.
            await self._look(queue)
            if self._getting is None or self._getting.is_closed:
                self.drop()
                self._getting = await self._session.channel()
                self._line = Line(self._getting)
            message = await self._session.answer(self._getting.basic_get(wire_name(queue)))
            if message.delivery_tag is None or self._line is None:
                return None
            return delivery_of(queue, message, self._line.settle)

    async def inspect(self, queue: str) -> QueueCounts | None:
        """How full a queue is."""
        async with self._lock:
            try:
                return await self._look(queue)
            except FaultError as error:
                if error.fault.code == 404:
                    return None
                raise

    async def purge(self, queue: str) -> int:
        """Drop the ready messages."""
        async with self._lock:
            channel = await self._channel()
            return (await self._session.answer(channel.queue_purge(wire_name(queue)))).message_count or 0

    async def delete_queue(self, queue: str) -> None:
        """Delete it, if it is there."""
        async with self._lock:
            channel = await self._channel()
            try:
                await self._session.answer(channel.queue_delete(wire_name(queue)))
            except FaultError as error:
                if error.fault.code != 404:
                    raise

    def drop(self) -> None:
        """What was taken by `get` is settled no more."""
        if self._line is not None:
            self._line.drop()
            self._line = None

    async def settle_out(self) -> None:
        """Hear no more acks, and let those given go out."""
        line, self._line = self._line, None
        if line is not None:
            await line.flush()

    async def _look(self, queue: str) -> QueueCounts:
        channel = await self._channel()
        found = await self._session.answer(channel.queue_declare(wire_name(queue), passive=True))
        return QueueCounts(found.message_count or 0, found.consumer_count or 0)

    async def _channel(self) -> AbstractChannel:
        if self._errands is None or self._errands.is_closed:
            self._errands = await self._session.channel()
        return self._errands


async def wanted(asked: Coroutine[Any, Any, Delivery | None]) -> Delivery | None:
    """What is got; it goes back to its queue when whoever asked is gone before it comes."""
    asking = asyncio.ensure_future(asked)
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        asking.add_done_callback(_given_back)
        raise


def _given_back(asking: "asyncio.Future[Delivery | None]") -> None:
    if not asking.cancelled() and asking.exception() is None and (delivery := asking.result()) is not None:
        delivery.nack(requeue=True)
