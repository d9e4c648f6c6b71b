"""aiormq's connection and channel with what those keep to themselves: blocking, returns, confirms as they come."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import aiormq
from aiormq.abc import ChannelFrame, DeliveredMessage
from pamqp.base import Frame
from pamqp.body import ContentBody  # noqa: TC002 - beside its siblings
from pamqp.header import ContentHeader

from vss_router.broker.aio_pika.faults import Fault, FaultError
from vss_router.broker.aio_pika.properties import wire_properties
from vss_router.broker.message import Message

__all__ = ["Confirming", "ConfirmingChannel", "WatchedConnection"]

_FRAMES: Final = 512
"""Frames of one channel that may wait for their reader."""


class WatchedConnection(aiormq.Connection):
    """A connection that tells when the broker blocks it."""

    on_blocked: Callable[[str | None], None] | None = None

    @staticmethod
    async def _rpc(request: Frame, writer: Any, frame_receiver: Any, wait_response: bool = True) -> Any:
        # aiormq takes a refusal during the handshake for a protocol error, and its words are lost.
        class Receiver:
            async def get_frame(self) -> Any:
                received = await frame_receiver.get_frame()
                if isinstance(received[2], aiormq.spec.Connection.Close):
                    raise FaultError(Fault("answered", received[2].reply_code or 0, received[2].reply_text or ""))
                return received

        return await aiormq.Connection._rpc(request, writer, Receiver(), wait_response)  # type: ignore[arg-type]  # noqa: SLF001

    # The names that Python gives to private methods of aiormq's class: it has no other way to hear of this.
    async def _Connection__handle_connection_blocked(self, frame: aiormq.spec.Connection.Blocked) -> None:  # noqa: N802
        if self.on_blocked is not None:
            self.on_blocked(frame.reason or "")

    async def _Connection__handle_connection_unblocked(self, _: aiormq.spec.Connection.Unblocked) -> None:  # noqa: N802
        if self.on_blocked is not None:
            self.on_blocked(None)


class Confirming(Protocol):
    """Who hears what the broker says about published messages, in the broker's order."""

    def confirmed(self, tag: int, *, multiple: bool, taken: bool) -> None:
        """An ack, or a nack when it was not taken."""

    def returned(self, message: DeliveredMessage) -> None:
        """A message that no queue took; its confirm follows."""


class ConfirmingChannel(aiormq.Channel):
    """A channel in confirm mode whose confirms go to one listener, without a future for each message."""

    listener: Confirming

    @classmethod
    async def open_on(cls, connection: aiormq.Connection, listener: Confirming) -> "ConfirmingChannel":
        """Open one."""
        async with connection.last_channel_lock:
            number = max(connection.channels, default=0) + 1
            channel = cls(connection, number, frame_buffer=_FRAMES)
            channel.listener = listener
            connection.channels[number] = channel
        await channel.open()
        return channel

    async def send(self, message: Message) -> None:
        """Publish; its tag is the number of messages sent on this channel."""
        content: list[Frame | ContentHeader | ContentBody] = [
            aiormq.spec.Basic.Publish(
                exchange=message.exchange, routing_key=message.routing_key, mandatory=message.mandatory
            ),
            ContentHeader(properties=wire_properties(message.properties), body_size=len(message.body)),
            *self._split_body(message.body),
        ]
        await self.write_queue.put(ChannelFrame.marshall(channel_number=self.number, frames=content))

    async def _on_confirm_frame(self, frame: Any) -> None:
        taken = isinstance(frame, aiormq.spec.Basic.Ack)
        self.listener.confirmed(frame.delivery_tag or 0, multiple=bool(frame.multiple), taken=taken)

    async def _on_return_frame(self, frame: aiormq.spec.Basic.Return) -> None:
        header = await self._get_frame()
        if not isinstance(header, ContentHeader):
            raise FaultError(Fault("broken", text="a returned message came without its header"))
        self.listener.returned(await self._read_content(frame, header))
