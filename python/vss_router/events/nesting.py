"""How deep a message may be nested: so deep that nobody means it, so shallow that no stack ends."""

from typing import Any, Final

__all__ = ["DEEPEST", "is_deeper"]

DEEPEST: Final = 64
"""Objects and lists in one another, the message itself being the first."""


def is_deeper(value: Any) -> bool:
    """Whether a decoded JSON value is nested deeper than `DEEPEST`."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            held
            for container in level
            for held in (container.values() if isinstance(container, dict) else container)
            if isinstance(held, dict | list)
        ]
        if not level:
            return False
    return True
