"""What of a message may be sent again: a broker carries, and a client reads, more than one may write."""

import msgspec

from vss_router.broker.amqp_limits import TEXTS, header_bytes, is_short_text
from vss_router.broker.message import Headers, HeaderValue, Properties

__all__ = ["fitting_headers", "fitting_properties"]

_PRIORITIES = range(256)
_TIMES = range(1 << 63)


def fitting_properties(properties: Properties) -> Properties:
    """The same without texts and numbers that cannot be sent; headers are not looked at."""
    left_out = {
        name: None for name in TEXTS if (text := getattr(properties, name)) is not None and not is_short_text(text)
    }
    if properties.priority is not None and properties.priority not in _PRIORITIES:
        left_out["priority"] = None
    if properties.timestamp is not None and properties.timestamp not in _TIMES:
        left_out["timestamp"] = None
    return msgspec.structs.replace(properties, **left_out) if left_out else properties


def fitting_headers(headers: Headers, room: int) -> tuple[dict[str, HeaderValue], int]:
    """The headers that can be sent, in their order, as many as `room` bytes take; and how many are left out."""
    kept: dict[str, HeaderValue] = {}
    for name, value in headers.items():
        size = header_bytes(name, value)
        if size is not None and size <= room:
            kept[name] = value
            room -= size
    return kept, len(headers) - len(kept)
