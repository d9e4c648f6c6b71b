"""Acks of one channel, sent in order by a task."""

import asyncio
from typing import final

import aiormq
from aiormq.abc import AbstractChannel

from vss_router.broker.message import Delivery, Settlement

__all__ = ["Line"]


@final
class Line:
    """Where deliveries of one channel are settled; closed, it hears no more."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._orders: asyncio.Queue[tuple[int, Settlement] | None] = asyncio.Queue()
        self._is_open = True
        self._task = asyncio.create_task(self._send_all())

    def settle(self, delivery: Delivery, how: Settlement) -> bool:
        """False when the channel is gone."""
        return self.settle_tag(delivery.tag, how)

    def settle_tag(self, tag: int, how: Settlement) -> bool:
        """`settle` by the delivery's number."""
        if not self.is_gone():
            self._orders.put_nowait((tag, how))
            return True
        return False

    def is_gone(self) -> bool:
        """Whether what is settled now comes too late."""
        return not self._is_open or self._channel.is_closed

    def close(self) -> None:
        """Hear no more; what was given goes out."""
        if self._is_open:
            self._is_open = False
            self._orders.put_nowait(None)

    async def flush(self) -> None:
        """Close, and wait until everything given is on its way."""
        self.close()
        await asyncio.wait([self._task])

    def drop(self) -> None:
        """The channel is gone."""
        self.close()
        self._task.cancel()

    async def _send_all(self) -> None:
        while (order := await self._orders.get()) is not None:
            tag, how = order
            try:
                if how is Settlement.ACK:
                    await self._channel.basic_ack(tag, wait=False)
                else:
                    await self._channel.basic_nack(tag, requeue=how is Settlement.REQUEUE, wait=False)
            except (aiormq.exceptions.AMQPError, ConnectionError):
                self._is_open = False
                return
