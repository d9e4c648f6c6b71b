"""Frames out of bytes, where pamqp would rather end the connection than read what a stranger has published.

RabbitMQ delivers texts that are no UTF-8, times beyond the year 9999 and tables as deep as a frame is long. A frame
that cannot be read costs the connection, the message comes again on the next one, and so on without an end. So all of
this is read, as the compiled core reads it (`amqp/texts.rs`): the message reaches whoever can park it.
"""

import datetime
import struct
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pamqp.frame
from aiormq.exceptions import InvalidFrameError
from pamqp import commands, constants, decode
from pamqp.base import Frame
from pamqp.exceptions import PAMQPException
from pamqp.frame import FrameTypes
from pamqp.header import ContentHeader

__all__ = ["Received", "unmarshal"]

Received: TypeAlias = tuple[int, int, FrameTypes]
"""Bytes, channel and frame, as pamqp gives them."""

_HEAD: Final = struct.Struct(">BHI")
_BODY_SIZE: Final = struct.Struct(">HHQH")  # class, weight, size of the body, flags of the properties
_LENGTH: Final = struct.Struct(">I")
_TIMESTAMP: Final = struct.Struct(">Q")
_DECIMAL: Final = struct.Struct(">BI")
_SHORT: Final = 255  # bytes of a short text
_DEEPEST: Final = 31  # tables within the table of headers that can be sent again, see `amqp_limits`


def unmarshal(data: bytes) -> Received:
    """Read one whole frame. Raises InvalidFrameError for bytes that are none."""
    try:
        kind, channel, size = _HEAD.unpack_from(data)
        if kind == constants.FRAME_HEADER:
            if len(data) != _HEAD.size + size + 1 or data[-1] != constants.FRAME_END:
                raise InvalidFrameError("a frame does not end where it should")
            return len(data), channel, _content_header(data)
        try:
            return pamqp.frame.unmarshal(data)
        except PAMQPException:
            if kind != constants.FRAME_METHOD:
                raise
            return len(data), channel, _method(data)
    except (PAMQPException, ValueError, LookupError, struct.error) as error:
        raise InvalidFrameError(str(error)) from error


def _method(data: bytes) -> Frame:
    """A method frame with a text that is no UTF-8."""
    at = _HEAD.size + _LENGTH.size
    frame: Frame = commands.INDEX_MAPPING[_LENGTH.unpack_from(data, _HEAD.size)[0]]()
    bits = 0
    for argument in frame.attributes():
        kind = frame.amqp_type(argument)
        if kind == "bit":
            _, value = decode.bit(data[at : at + 1], bits)
            bits += 1
        else:
            at, bits = at + bool(bits), 0
            value, at = _argument(kind, data, at)
        setattr(frame, argument, value)
    return frame


def _content_header(data: bytes) -> ContentHeader:
    at = _HEAD.size
    *_, body_size, flags = _BODY_SIZE.unpack_from(data, at)
    at += _BODY_SIZE.size
    properties = commands.Basic.Properties()
    for name, flag in properties.flags.items():
        if flags & flag:
            value, at = _argument(properties.amqp_type(name), data, at)
            setattr(properties, name, value)
    return ContentHeader(body_size=body_size, properties=properties)


def _argument(kind: str, data: bytes, at: int) -> tuple[Any, int]:
    match kind:
        case "shortstr":
            return _short_text(data, at)
        case "table":
            return _table(data, at, 0)
        case "timestamp":
            return _TIMESTAMP.unpack_from(data, at)[0], at + _TIMESTAMP.size
    consumed, value = decode.by_type(data[at:], kind)
    return value, at + consumed


def _short_text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    raw = data[at + 1 : end]
    try:
        return raw.decode(), end
    except UnicodeDecodeError:
        # Of different bytes different texts, for as long as there is room: a message_id tells messages apart.
        text = raw.decode(errors="backslashreplace").encode()[:_SHORT]
        return text.decode(errors="ignore"), end


def _table(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    end = _end(data, at)
    at += _LENGTH.size
    table = {}
    while at < end:
        name, at = _short_text(data, at)
        table[name], at = _value(data, at, depth)
    return table, end


def _array(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    end = _end(data, at)
    at += _LENGTH.size
    items = []
    while at < end:
        item, at = _value(data, at, depth)
        items.append(item)
    return items, end


def _end(data: bytes, at: int) -> int:
    end: int = at + _LENGTH.size + _LENGTH.unpack_from(data, at)[0]
    if end >= len(data):
        raise InvalidFrameError("a table is longer than its frame")
    return end


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    kind = data[at : at + 1]
    nested = _NESTED.get(kind)
    if nested is not None:
        # What is deeper could not be sent again, to where messages are parked: it is left out.
        return nested(data, at + 1, depth + 1) if depth < _DEEPEST else (None, _end(data, at + 1))
    if kind == b"T":
        return _time(_TIMESTAMP.unpack_from(data, at + 1)[0]), at + 1 + _TIMESTAMP.size
    if kind == b"D":
        scale, digits = _DECIMAL.unpack_from(data, at + 1)
        return digits / 10.0**scale, at + 1 + _DECIMAL.size
    if kind in _LONG:
        end = _end(data, at + 1)
        return decode.TABLE_MAPPING[kind](data[at + 1 : end])[1], end
    consumed, value = decode.TABLE_MAPPING[kind](data[at + 1 : at + 1 + _LARGEST])
    return value, at + 1 + consumed


_NESTED: Final[dict[bytes, Callable[[bytes, int, int], tuple[Any, int]]]] = {b"F": _table, b"A": _array}
_LONG: Final = frozenset({b"S", b"x"})
_LARGEST: Final = 8  # bytes of any other value


def _time(seconds: int) -> datetime.datetime | int:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):  # no year of Python's: it stays a number
        return seconds
