"""Ids of messages: UUIDv7, so that they sort by time."""

from collections.abc import Callable
from uuid import UUID

__all__ = ["new_id"]

_VERSION = 7 << 76
_VARIANT = 2 << 62


def new_id(now: float, random: Callable[[int], bytes]) -> str:
    """A UUIDv7 (RFC 9562) of Unix time `now`; `random(n)` gives n random bytes, such as `os.urandom`."""
    milliseconds = int(now * 1000) & (1 << 48) - 1
    noise = int.from_bytes(random(10), "big")
    high = noise >> 68  # 12 bits
    low = noise & (1 << 62) - 1
    return str(UUID(int=milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low))
