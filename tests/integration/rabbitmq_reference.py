"""A live RabbitMQ as the reference for the embedded broker: the same few steps, through aio-pika alone."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import DeliveryError, PublishError

from vss_router.broker.message import Message
from vss_router.broker.topology import Topology

ROUNDS = 3
"""A dead letter goes from queue to queue; so many of them in a row are waited for."""


class RabbitMqReference:
    """One channel at a virtual host. After each step all that follows from it has happened."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._queues: list[str] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def at(cls, url: str) -> AsyncIterator[Self]:
        async with await aio_pika.connect(url) as connection:
            yield cls(await connection.channel(publisher_confirms=True, on_return_raises=True))

    async def declare(self, topology: Topology) -> None:
        exchanges = {
            exchange.name: await self._channel.declare_exchange(exchange.name, exchange.kind, durable=True)
            for exchange in topology.exchanges
        }
        for queue in topology.queues:
            await self._channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
            self._queues.append(queue.name)
        for binding in topology.bindings:
            bound = await self._channel.get_queue(binding.queue, ensure=False)
            arguments: Any = dict(binding.arguments)
            await bound.bind(exchanges[binding.exchange], binding.routing_key, arguments=arguments)

    async def settle_down(self) -> None:
        """Each queue answers only after what it was sent before."""
        for _ in range(ROUNDS):
            for queue in self._queues:
                await self._channel.declare_queue(queue, passive=True)

    async def publish(self, message: Message) -> str:
        exchange: Any = (
            await self._channel.get_exchange(message.exchange, ensure=False)
            if message.exchange
            else self._channel.default_exchange
        )
        properties = message.properties
        headers: Any = dict(properties.headers)
        sent = aio_pika.Message(
            message.body,
            headers=headers,
            priority=properties.priority,
            delivery_mode=2,
            expiration=None if properties.expiration_ms is None else properties.expiration_ms / 1000,
        )
        try:
            await exchange.publish(sent, message.routing_key, mandatory=message.mandatory)
        except PublishError:
            return "returned"
        except DeliveryError:
            return "nacked"
        finally:
            await self.settle_down()
        return "confirmed"

    async def get(self, queue: str) -> AbstractIncomingMessage | None:
        taken = await (await self._channel.get_queue(queue, ensure=False)).get(fail=False)
        await self.settle_down()
        return taken

    async def settle(self, taken: AbstractIncomingMessage, how: str) -> None:
        if how == "ack":
            await taken.ack()
        else:
            await taken.reject(requeue=how == "requeue")
        await self.settle_down()

    async def purge(self, queue: str) -> int:
        purged = await (await self._channel.get_queue(queue, ensure=False)).purge()
        return int(purged.message_count or 0)

    async def count(self, queue: str) -> int:
        declared = await self._channel.declare_queue(queue, passive=True)
        return int(declared.declaration_result.message_count or 0)
