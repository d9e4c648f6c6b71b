"""What of a message may be sent again: a broker carries, and a client reads, more than one may write."""

import msgspec

from vss_router.broker.amqp_limits import NUMBERS, TEXTS, header_bytes, is_short_text
from vss_router.broker.message import Headers, HeaderValue, Properties

__all__ = ["fitting_headers", "fitting_properties"]


def fitting_properties(properties: Properties) -> Properties:
    """The same without texts and numbers that cannot be sent; headers are not looked at."""
    texts = ((name, getattr(properties, name)) for name in TEXTS)
    numbers = ((name, getattr(properties, name), most) for name, most in NUMBERS.items())
    left_out: dict[str, None] = {name: None for name, text in texts if text is not None and not is_short_text(text)}
    left_out |= {name: None for name, number, most in numbers if number is not None and not 0 <= number <= most}
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
