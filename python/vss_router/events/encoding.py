"""Typed messages to bytes: one flat JSON object, as the guide shows them."""

import math
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from vss_router.errors import MessageError
from vss_router.events.envelope import UNSTAMPED, OpenStruct
from vss_router.events.nesting import DEEPEST
from vss_router.events.registry import AnyMessage, name_of
from vss_router.events.shapes import shape_of

__all__ = ["encode"]

_PLAIN: Final = (str, int, bool, type(None))
_WRITE: Final = msgspec.json.Encoder()


def encode(message: AnyMessage) -> bytes:
    """The body of a message.

    Raises
    ------
    MessageError
        It has no timestamp, or holds what JSON cannot say: the sentence names the field.
    """
    if message.timestamp == UNSTAMPED:
        raise MessageError(
            f"The message {name_of(message)} has no timestamp: publish it through a Publisher, or set one."
        )
    try:
        return _WRITE.encode(_object(message, 1))
    except (TypeError, ValueError, OverflowError) as error:
        reason = str(error)
    raise MessageError(f"The message {name_of(message)} cannot be written ({reason}): change what it holds.")


def _object(message: OpenStruct, depth: int) -> dict[str, Any]:
    shape = shape_of(type(message))
    written: dict[str, Any] = {}
    for name in shape.fields:
        value = getattr(message, name)
        if value is None and name in shape.left_out:
            continue
        written[name] = _object(value, depth + 1) if isinstance(value, OpenStruct) else _value(value, name, depth)
    for name, value in message.extra.items():
        if name in shape.fields:
            raise ValueError(f"extra: {name} is a field of its own")
        written[name] = _value(value, name, depth)
    return written


def _value(value: Any, name: str, depth: int) -> Any:
    """As JSON's own types, times in UTC."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{name}: {value} is no number for JSON")
        return value
    if isinstance(value, datetime):
        return _time(value, name)
    if isinstance(value, dict | list | tuple):
        if depth >= DEEPEST:
            raise ValueError(f"{name}: nested more than {DEEPEST} deep")
        if isinstance(value, dict):
            return {key: _value(held, f"{name}.{key}", depth + 1) for key, held in value.items()}
        return [_value(held, name, depth + 1) for held in value]
    plain = msgspec.to_builtins(value, builtin_types=(datetime,))
    return plain if type(plain) in _PLAIN else _value(plain, name, depth)


def _time(value: datetime, name: str) -> str:
    if value.tzinfo is None:
        raise ValueError(f"{name}: a time without its offset from UTC")
    utc = value.astimezone(UTC)
    # Whole milliseconds are written as such: that is how the board writes them.
    precision = "microseconds" if utc.microsecond % 1000 else "milliseconds"
    return f"{utc.replace(tzinfo=None).isoformat(timespec=precision)}Z"
