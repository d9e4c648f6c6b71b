"""One message on its way through the outbox."""

import asyncio
from typing import Final

import msgspec

from vss_router.broker.message import Message, Properties
from vss_router.errors import MessageError

__all__ = ["Entry", "lane_of", "pack", "sequence_of", "unpack"]

_MOST_NAME: Final = 255
"""Bytes of a name, or of a property that is text, in AMQP 0-9-1."""
_WHOLE: Final = 1 << 63
"""Whole numbers of the file and of AMQP are below this and not below its negative."""
_ROW_BYTES: Final = 64
"""What a row costs on disk besides its contents, about."""

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder()


class Entry(msgspec.Struct, eq=False, kw_only=True):
    """A message with its place in the outbox's one order.

    `lane` names those it must not overtake even when some are refused for a while; `source` and `seq` are those of an
    event that came from a PBX. `due` is when it must be on disk if it is not confirmed (the loop's time), `packed` its
    properties as the spool keeps them.
    """

    position: int
    message: Message
    packed: bytes
    lane: str
    size: int
    source: str | None = None
    seq: int = 0
    offered_at: float = 0.0
    due: float = 0.0
    waiter: asyncio.Future[None] | None = None
    refusable: bool = False
    """Whether a full queue is told to who waits, instead of being tried again."""
    listed: bool = False
    """It stands in the window; otherwise it is read back from disk when its turn comes."""
    journalled: bool = False
    settled: bool = False
    """The broker has it, or nobody ever will."""

    @property
    def durable(self) -> bool:
        """Whether a crash of this process cannot take it any more."""
        return self.settled or self.journalled

    def succeed(self) -> None:
        """Let who waits for it go on."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def fail(self, error: Exception) -> bool:
        """Tell who waits for it; False when nobody does any more."""
        if self.waiter is None or self.waiter.done():
            return False
        self.waiter.set_exception(error)
        return True


def sequence_of(message: Message) -> tuple[str, int] | None:
    """PBX and `seq` of an event that came from one."""
    headers = message.properties.headers
    source, seq = headers.get("x-source"), headers.get("x-seq")
    return (source, seq) if isinstance(source, str) and isinstance(seq, int) else None


def lane_of(message: Message) -> str:
    """A PBX's events are one lane, as is each other kind of message."""
    sequence = sequence_of(message)
    return sequence[0] if sequence is not None else f"{message.exchange} {message.routing_key}"


def pack(message: Message, most_bytes: int) -> tuple[bytes, int]:
    """The properties as the spool keeps them, and how many bytes the whole message takes.

    Raises
    ------
    MessageError
        It is too big, a name is too long or no UTF-8, `x-seq` has more than 64 bits, or a header cannot be written.
    """
    key = message.routing_key
    for name in (key, message.exchange):
        size = _utf8_bytes(name)
        if size is None:
            raise MessageError(
                f"the routing key {key[:40]!r} to {message.exchange[:40]!r} is no UTF-8 (half of a surrogate pair): "
                f"decode it anew where it comes from"
            )
        if size > _MOST_NAME:
            raise MessageError(f"the routing key {key[:40]!r}… to {message.exchange[:40]!r} is longer than 255 bytes")
    sequence = sequence_of(message)
    if sequence is not None and not -_WHOLE <= sequence[1] < _WHOLE:
        raise MessageError(
            f"the x-seq {sequence[1]} of a message {key!r} is out of range: give a whole number of 64 bits"
        )
    properties = message.properties
    for value in (
        properties.message_id,
        properties.type,
        properties.app_id,
        properties.correlation_id,
        properties.reply_to,
        properties.content_type,
        properties.content_encoding,
    ):
        if value is None:
            continue
        size = _utf8_bytes(value)
        if size is None:
            raise MessageError(
                f"the property {value[:40]!r} of a message {key!r} is no UTF-8 (half of a surrogate pair): "
                f"decode it anew where it comes from"
            )
        if size > _MOST_NAME:
            raise MessageError(f"the property {value[:40]!r}… of a message {key!r} is longer than 255 bytes")
    if properties.priority is not None and not 0 <= properties.priority <= 255:
        raise MessageError(f"the priority {properties.priority} of a message {key!r} is not between 0 and 255")
    try:
        packed = _encoder.encode(properties)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MessageError(f"a header of a message {key!r} cannot be written: {error}") from error
    size = len(message.body) + len(packed)
    if size > most_bytes:
        raise MessageError(f"a message {key!r} of {size} bytes is too big: at most {most_bytes} bytes can be published")
    return packed, size + len(key) + len(message.exchange) + _ROW_BYTES


def _utf8_bytes(text: str) -> int | None:
    """None where half of a pair of surrogates stands in it, which neither AMQP nor the file can keep."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None


def unpack(packed: bytes) -> Properties:
    """The properties that `pack` made these bytes of."""
    fields = _decoder.decode(packed)
    return Properties(**fields)
