"""aiormq's connection with what it keeps to itself: blocking, refusals of a log-in, channel numbers, frames."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Self

import aiormq
from aiormq.connection import FrameReceiver
from pamqp.base import Frame

from vss_router.broker.aio_pika.decoding import Received, unmarshal
from vss_router.broker.aio_pika.faults import Fault, FaultError

__all__ = ["WatchedConnection"]

_HEAD: Final = 7  # bytes before a frame's payload
_MOST_CHANNELS: Final = 65_535


class WatchedConnection(aiormq.Connection):
    """A connection that tells when the broker blocks it, and reads whatever a broker delivers."""

    on_blocked: Callable[[str | None], None] | None = None
    _number = 0

    def next_channel(self) -> int:
        """A channel number that was not in use for as long as there are others.

        The broker keeps a number until it has read our word on its end; aiormq gives it out again before.
        """
        most = self.connection_tune.channel_max or _MOST_CHANNELS
        for _ in range(most):
            self._number = self._number % most + 1
            if self._number not in self.channels:
                return self._number
        raise FaultError(Fault("broken", text=f"all {most} channels of the connection are in use"))

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
    async def _Connection__reader(self, frame_receiver: FrameReceiver) -> None:  # noqa: N802
        await super()._Connection__reader(_Frames(frame_receiver.reader))  # type: ignore[misc]

    async def _Connection__handle_connection_blocked(self, frame: aiormq.spec.Connection.Blocked) -> None:  # noqa: N802
        if self.on_blocked is not None:
            self.on_blocked(frame.reason or "")

    async def _Connection__handle_connection_unblocked(self, _: aiormq.spec.Connection.Unblocked) -> None:  # noqa: N802
        if self.on_blocked is not None:
            self.on_blocked(None)


class _Frames:
    """What aiormq reads after the handshake."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Received:
        if self._reader.at_eof():
            raise StopAsyncIteration
        try:
            head = await self._reader.readexactly(_HEAD)
            frame = head + await self._reader.readexactly(int.from_bytes(head[3:]) + 1)
        except asyncio.IncompleteReadError as error:
            raise aiormq.exceptions.AMQPConnectionError("the broker ended the connection") from error
        except OSError as error:
            raise aiormq.exceptions.AMQPConnectionError(str(error)) from error
        return unmarshal(frame)
