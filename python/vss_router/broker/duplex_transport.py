"""Two connections to one broker: messages go out by one, everything else by the other.

While RabbitMQ has an alarm (memory, disk) it reads nothing more from a connection that has published: acks on it would
wait with the publishes, consumers would stand still, and what fills the broker would never get less.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import final

from vss_router.broker.message import Confirm, Delivery, Message
from vss_router.broker.topology import Topology
from vss_router.broker.transport import Consumption, QueueCounts, Transport, TransportStatus
from vss_router.errors import BrokerError

__all__ = ["DuplexTransport"]


@final
class DuplexTransport:
    """Two transports as one: `outgoing` publishes, `incoming` does the rest. It owns both.

    It is ready when both are. Each of them declares the topology anew after its own reconnection, so that nothing is
    published before it stands; queues that are exclusive belong to `incoming` alone.
    """

    def __init__(self, *, outgoing: Transport, incoming: Transport) -> None:
        self._outgoing = outgoing
        self._incoming = incoming

    @property
    def status(self) -> TransportStatus:
        """Of both: the worse state, the first trouble, the sums of all counts."""
        out, into = self._outgoing.status, self._incoming.status
        # What is closed or was never opened is so on both sides, but for the moment in between.
        state = out.state if out.state == into.state else "connecting"
        return TransportStatus(
            state=state,
            trouble=out.trouble or into.trouble,
            connects=out.connects + into.connects,
            failures=out.failures + into.failures,
            redeclares=out.redeclares + into.redeclares,
            blocked=out.blocked or into.blocked,
        )

    async def connect(self) -> None:
        """Start both; the sentence of an error is that of the first."""
        ended = await asyncio.gather(self._outgoing.connect(), self._incoming.connect(), return_exceptions=True)
        _raise_first(ended)

    async def ready(self) -> None:
        """Wait until both are, at one time."""
        while self.status.state != "ready":
            await self._outgoing.ready()
            await self._incoming.ready()

    async def declare(self, topology: Topology) -> None:
        """Declare on both; what the broker refuses is told once."""
        shared = topology
        for queue in topology.queues:
            if queue.exclusive:
                shared = shared.without_queue(queue.name)
        # In turn: at one moment both would find an object missing, and one of two creations might be refused.
        ended: list[BaseException | None] = []
        for transport, part in ((self._incoming, topology), (self._outgoing, shared)):
            try:
                await transport.declare(part)
            except BrokerError as error:
                ended.append(error)
        _raise_first(ended)

    async def delete_queue(self, queue: str) -> None:
        """Delete it and have both forget it."""
        # First where it may be exclusive; then it is gone, and the other one is not told that it is locked.
        await self._incoming.delete_queue(queue)
        await self._outgoing.delete_queue(queue)

    async def close(self, seconds: float = 2.0) -> None:
        """Close both, each within so many seconds."""
        await asyncio.gather(self._outgoing.close(seconds), self._incoming.close(seconds))

    # ruff: disable[D102]
    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        return await self._outgoing.publish(messages)

    async def consume(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> Consumption:
        return await self._incoming.consume(
            queue, on_delivery, prefetch=prefetch, exclusive=exclusive, on_cancel=on_cancel
        )

    async def get(self, queue: str) -> Delivery | None:
        return await self._incoming.get(queue)

    async def inspect(self, queue: str) -> QueueCounts | None:
        return await self._incoming.inspect(queue)

    async def purge(self, queue: str) -> int:
        return await self._incoming.purge(queue)

    # ruff: enable[D102]


def _raise_first(ended: Sequence[BaseException | None]) -> None:
    for error in ended:
        if error is not None:
            raise error
