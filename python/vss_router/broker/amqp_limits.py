"""What AMQP 0-9-1 cannot carry, found before it is sent: on the wire it would cost the connection."""

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Final

from vss_router.broker.message import HeaderValue, Message

__all__ = ["LARGEST_HEADERS", "NUMBERS", "TEXTS", "header_bytes", "is_short_text", "unsendable"]

LARGEST_HEADERS: Final = 128_000
"""Bytes of all headers on the wire: they and the other properties share one frame, RabbitMQ's have 131 072."""
TEXTS: Final = (
    "content_type",
    "content_encoding",
    "correlation_id",
    "reply_to",
    "message_id",
    "type",
    "user_id",
    "app_id",
)
"""The properties that are texts of at most 255 bytes."""
_WHOLE: Final = 1 << 63
NUMBERS: Final = {"priority": 255, "expiration_ms": (1 << 32) - 1, "timestamp": _WHOLE - 1}
"""The properties that are numbers, from 0 to this."""

_SHORT: Final = 255  # bytes of a name, a key and most properties
_DEEPEST: Final = 32  # as deep as the compiled core reads and writes
_LENGTH: Final = 4  # bytes of the length of a text, a list or a mapping
_TYPE: Final = 1
_FIRST_TIME: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LAST_TIME: Final = datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC)


def unsendable(message: Message) -> str | None:
    """Why a message can never be sent, as one sentence; None when it can."""
    properties = message.properties
    bad = _bad_text("exchange", message.exchange) or _bad_text("routing key", message.routing_key)
    for name in TEXTS:
        value: object = getattr(properties, name)
        if value is not None and bad is None:
            bad = _bad_text(name, value)
    if bad is not None:
        return bad
    for name, most in NUMBERS.items():
        number: object = getattr(properties, name)
        if number is not None and not (isinstance(number, int) and 0 <= number <= most):
            return f"the {name} {number} of {_shown(message.routing_key)} cannot be sent: give 0 to {most}"
    whole = 0
    for name, header in properties.headers.items():
        size = header_bytes(name, header)
        if size is None:
            return (
                f"header {_shown(name)} of {_shown(message.routing_key)} cannot be sent: AMQP takes texts, bytes, "
                "finite numbers of 64 bits, times from 1970 to 9999, and lists and mappings by text of these"
            )
        whole += size
    if whole > LARGEST_HEADERS:
        return (
            f"the headers of {_shown(message.routing_key)} cannot be sent: they have {whole} bytes, "
            f"{LARGEST_HEADERS} are the most"
        )
    return None


def header_bytes(name: str, value: HeaderValue) -> int | None:
    """How many bytes a header takes on the wire at most; None when it cannot be sent."""
    return _named_bytes(name, value, 0)


def is_short_text(text: str) -> bool:
    """Whether AMQP takes this as a name, a key or a property: UTF-8 of at most 255 bytes."""
    size = _text_bytes(text)
    return size is not None and size <= _SHORT


def _bad_text(name: str, text: object) -> str | None:
    if isinstance(text, str) and is_short_text(text):
        return None
    return f"the {name} {_shown(text)} cannot be sent: AMQP takes UTF-8 of at most {_SHORT} bytes"


def _shown(text: object) -> str:
    text = str(text).encode(errors="replace").decode()
    return text if len(text) <= _SHORT // 4 else f"{text[: _SHORT // 4]}…"


def _text_bytes(text: str) -> int | None:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:  # half of a pair of surrogates
        return None


def _named_bytes(name: object, value: object, depth: int) -> int | None:
    # What is checked here was given by anybody: the types above are a promise only.
    if not isinstance(name, str) or not is_short_text(name):
        return None
    size = _value_bytes(value, depth)
    return None if size is None else 1 + len(name.encode()) + size


def _value_bytes(value: object, depth: int) -> int | None:
    if depth >= _DEEPEST:
        return None
    if isinstance(value, str):
        size = _text_bytes(value)
        return None if size is None else _TYPE + _LENGTH + size
    if isinstance(value, bytes | bytearray):
        return _TYPE + _LENGTH + len(value)
    if value is None or isinstance(value, bool | int | float | datetime.datetime):
        return _TYPE + 8 if _fits(value) else None
    whole = _TYPE + _LENGTH
    if isinstance(value, Mapping):
        sizes = (_named_bytes(name, inner, depth + 1) for name, inner in value.items())
    elif isinstance(value, Sequence):
        sizes = (_value_bytes(inner, depth + 1) for inner in value)
    else:
        return None
    for size in sizes:
        if size is None:
            return None
        whole += size
    return whole


def _fits(value: object) -> bool:
    if isinstance(value, datetime.datetime):
        # Seconds since 1970 without a sign; RabbitMQ's management and Python read no year after 9999.
        aware = value.replace(tzinfo=datetime.UTC) if value.utcoffset() is None else value
        return _FIRST_TIME <= aware <= _LAST_TIME
    if isinstance(value, float):
        return math.isfinite(value)  # RabbitMQ cannot read another one, and closes the connection
    return not isinstance(value, int) or -_WHOLE <= value < _WHOLE
