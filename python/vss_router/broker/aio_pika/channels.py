"""aiormq's channels, ended as the broker wants it; and one in confirm mode, its confirms as they come."""

import asyncio
from typing import Any, Final, Protocol

import aiormq
from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.channel import exception_by_code
from pamqp.base import Frame  # noqa: TC002 - beside its siblings
from pamqp.body import ContentBody  # noqa: TC002
from pamqp.header import ContentHeader

from vss_router.broker.aio_pika.faults import Fault, FaultError
from vss_router.broker.aio_pika.names import wire_name
from vss_router.broker.aio_pika.properties import wire_properties
from vss_router.broker.aio_pika.wire import WatchedConnection
from vss_router.broker.message import Message

__all__ = ["Confirming", "ConfirmingChannel", "WatchedChannel"]

_FEW_FRAMES: Final = 10
_MANY_FRAMES: Final = 512
"""Frames of one channel that may wait for their reader."""


class _Outlet:
    """What one channel writes. Once the broker ended it, its Close-Ok is the last: more would cost the connection."""

    def __init__(self, connection: asyncio.Queue[ChannelFrame]) -> None:
        self.is_closed = False
        self._connection = connection
        self._turn = asyncio.Lock()

    async def put(self, frame: ChannelFrame) -> bool:
        """Whether it is written."""
        async with self._turn:
            if not self.is_closed:
                await self._connection.put(frame)
            return not self.is_closed

    async def end(self, last: ChannelFrame) -> None:
        self.is_closed = True
        async with self._turn:
            await self._connection.put(last)


class WatchedChannel(aiormq.Channel):
    """A channel with a number that no other one had just now."""

    def __init__(self, connection: WatchedConnection, *, confirms: bool = False, frames: int = _FEW_FRAMES) -> None:
        super().__init__(connection, connection.next_channel(), publisher_confirms=confirms, frame_buffer=frames)
        self._outlet = _Outlet(connection.write_queue)
        self.write_queue = self._outlet  # type: ignore[assignment]
        connection.channels[self.number] = self

    @property
    def is_ending(self) -> bool:
        """Whether the broker closed it: nothing is written on it any more."""
        return self._outlet.is_closed

    async def _on_close_frame(self, frame: aiormq.spec.Channel.Close) -> None:
        # aiormq's own drops the Close-Ok when there is much to write, and lets what waits be written after it.
        error = exception_by_code(frame)
        self._close_exception = error
        close_ok = ChannelFrame.marshall(channel_number=self.number, frames=[aiormq.spec.Channel.CloseOk()])
        await self._outlet.end(close_ok)
        self._Channel__close_event.set()  # type: ignore[attr-defined]
        raise error


class Confirming(Protocol):
    """Who hears what the broker says about published messages, in the broker's order."""

    def confirmed(self, tag: int, *, multiple: bool, taken: bool) -> None:
        """An ack, or a nack when it was not taken."""

    def returned(self, message: DeliveredMessage) -> None:
        """A message that no queue took; its confirm follows."""


class ConfirmingChannel(WatchedChannel):
    """A channel in confirm mode whose confirms go to one listener, without a future for each message."""

    def __init__(self, connection: WatchedConnection, listener: Confirming) -> None:
        super().__init__(connection, confirms=True, frames=_MANY_FRAMES)
        self._listener = listener

    def framed(self, message: Message) -> ChannelFrame:
        """As `send` takes it. Raises whatever pamqp raises for what it cannot write."""
        content: list[Frame | ContentHeader | ContentBody] = [
            aiormq.spec.Basic.Publish(
                exchange=wire_name(message.exchange), routing_key=message.routing_key, mandatory=message.mandatory
            ),
            ContentHeader(properties=wire_properties(message.properties), body_size=len(message.body)),
            *self._split_body(message.body),
        ]
        return ChannelFrame.marshall(channel_number=self.number, frames=content)

    async def send(self, message: ChannelFrame) -> bool:
        """Publish; its tag is the number of messages sent on this channel. False when the broker closed it."""
        return await self._outlet.put(message)

    async def _on_confirm_frame(self, frame: Any) -> None:
        taken = isinstance(frame, aiormq.spec.Basic.Ack)
        self._listener.confirmed(frame.delivery_tag or 0, multiple=bool(frame.multiple), taken=taken)

    async def _on_return_frame(self, frame: aiormq.spec.Basic.Return) -> None:
        header = await self._get_frame()
        if not isinstance(header, ContentHeader):
            raise FaultError(Fault("broken", text="a returned message came without its header"))
        self._listener.returned(await self._read_content(frame, header))
