"""What AMQP 0-9-1 cannot carry, found before it is sent: on the wire it would cost the connection."""

import datetime
from collections.abc import Mapping
from typing import Final

from vss_router.broker.message import HeaderValue, Message

__all__ = ["unsendable"]

_SHORT: Final = 255  # bytes of a name, a key and most properties
_SURE: Final = _SHORT // 4  # so many characters fit whatever they are
_WHOLE: Final = 1 << 63
_DEEPEST: Final = 16
_TEXTS: Final = (
    "content_type",
    "content_encoding",
    "correlation_id",
    "reply_to",
    "message_id",
    "type",
    "user_id",
    "app_id",
)


def unsendable(message: Message) -> str | None:
    """Why a message can never be sent, as one sentence; None when it can."""
    properties = message.properties
    too_long = _too_long("exchange", message.exchange) or _too_long("routing key", message.routing_key)
    for name in _TEXTS:
        value: str | None = getattr(properties, name)
        if value is not None and len(value) > _SURE and too_long is None:
            too_long = _too_long(name, value)
    if too_long is not None:
        return too_long
    for name, number, most in (
        ("priority", properties.priority, 255),
        ("expiration_ms", properties.expiration_ms, (1 << 32) - 1),
        ("timestamp", properties.timestamp, _WHOLE - 1),
    ):
        if number is not None and not 0 <= number <= most:
            return f"the {name} {number} of {_shown(message.routing_key)} cannot be sent: give 0 to {most}"
    for name, header in properties.headers.items():
        if _too_long("header", name) is not None or not _is_header(header, 0):
            return (
                f"header {_shown(name)} of {_shown(message.routing_key)} cannot be sent: AMQP takes texts, bytes, "
                "numbers of 64 bits, times, and lists and mappings of these"
            )
    return None


def _too_long(name: str, text: str) -> str | None:
    if len(text) <= _SURE or len(text.encode(errors="replace")) <= _SHORT:
        return None
    return f"the {name} {_shown(text)} cannot be sent: AMQP takes at most {_SHORT} bytes"


def _shown(text: str) -> str:
    return text if len(text) <= _SURE else f"{text[:_SURE]}…"


def _is_header(value: HeaderValue, depth: int) -> bool:
    if value is None or isinstance(value, str | bytes | bool | float | datetime.datetime):
        return True
    if isinstance(value, int):
        return -_WHOLE <= value < _WHOLE
    if depth >= _DEEPEST:
        return False
    if isinstance(value, Mapping):
        return all(_too_long("header", name) is None and _is_header(inner, depth + 1) for name, inner in value.items())
    return all(_is_header(inner, depth + 1) for inner in value)
