"""Whether what somebody gave is a number at all: Python does not hold callers to their types."""

from typing import TypeGuard

__all__ = ["is_count", "is_number"]


def is_count(given: object) -> TypeGuard[int]:
    """Whether it is a whole number; True and False are none here."""
    return isinstance(given, int) and not isinstance(given, bool)


def is_number(given: object) -> TypeGuard[float]:
    """Whether it is a number of any kind, also no finite one."""
    return isinstance(given, int | float) and not isinstance(given, bool)
