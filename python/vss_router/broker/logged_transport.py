"""A transport that tells what is published: a line in the log at level debug, and the message log when there is one."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import final

from vss_router.broker.message import Confirm, Delivery, Message, Outcome
from vss_router.broker.message_log import MessageLog
from vss_router.broker.topology import Topology
from vss_router.broker.transport import Consumption, QueueCounts, Transport, TransportStatus

__all__ = ["LoggedTransport"]

_log = logging.getLogger(__name__)


@final
class LoggedTransport:
    """Another transport, listened to; everything but `publish` is passed on as it is.

    Consumers log what they handle themselves, because only they know how it ended. `monotonic` gives seconds.
    """

    def __init__(
        self,
        transport: Transport,
        message_log: MessageLog | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._message_log = message_log
        self._monotonic = monotonic

    @property
    def status(self) -> TransportStatus:
        """As the transport's own; so are all below without a sentence of their own."""
        return self._transport.status

    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        """Publish, then tell; with debug off and no message log this costs one comparison."""
        told = _log.isEnabledFor(logging.DEBUG)
        if not told and self._message_log is None:
            return await self._transport.publish(messages)
        began = self._monotonic()
        confirms = await self._transport.publish(messages)
        took = round(self._monotonic() - began, 6)
        for message, confirm in zip(messages, confirms, strict=True):
            if told:
                extra = {"routing_key": message.routing_key, "id": message.properties.message_id, "took": took}
                _log.debug("published", extra={**extra, "outcome": confirm.outcome.value})
            if self._message_log is not None and confirm.outcome is Outcome.CONFIRMED:
                self._message_log.published(message.routing_key, message.body)
        return confirms

    # ruff: disable[D102]
    async def connect(self) -> None:
        await self._transport.connect()

    async def ready(self) -> None:
        await self._transport.ready()

    async def declare(self, topology: Topology) -> None:
        await self._transport.declare(topology)

    async def consume(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> Consumption:
        return await self._transport.consume(
            queue, on_delivery, prefetch=prefetch, exclusive=exclusive, on_cancel=on_cancel
        )

    async def get(self, queue: str) -> Delivery | None:
        return await self._transport.get(queue)

    async def inspect(self, queue: str) -> QueueCounts | None:
        return await self._transport.inspect(queue)

    async def purge(self, queue: str) -> int:
        return await self._transport.purge(queue)

    async def delete_queue(self, queue: str) -> None:
        await self._transport.delete_queue(queue)

    async def close(self, seconds: float = 2.0) -> None:
        await self._transport.close(seconds)

    # ruff: enable[D102]
