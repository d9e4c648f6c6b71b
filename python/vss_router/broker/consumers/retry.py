"""When a message is handled again: how often, how late, and by which lanes."""

import math
from typing import Final

import msgspec

from vss_router.broker.quantities import is_count, is_number
from vss_router.errors import SettingsError

__all__ = ["Retry", "RetryLater"]

_NEIGHBOURS: Final = (0.8, 1.0, 1.2)
_GROWTH: Final = 40
"""Doublings, from the shortest delay there can be to far beyond the longest."""
_LADDER: Final = tuple(round(5000 * 2.0**step * part) for step in range(-6, 11) for part in _NEIGHBOURS)
"""Milliseconds, each a quarter to a third above the one before: 0.06 s to 1.7 h."""


class RetryLater(Exception):  # noqa: N818 - it is an answer, not an error
    """Nothing is wrong, only not now. A handler raises or returns it, made by `Retry.later`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"later, in {seconds:g} s")
        self.seconds = seconds


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How failures are tried again: first after `first_seconds`, then twice as long each time up to `most_seconds`.

    After `attempts` failures in all the message is given up. Each delay is a fifth shorter or longer, or as it is, by
    chance: what failed together does not come back together.

    Raises
    ------
    SettingsError
        `attempts` is not at least 1, or the delays are not 0.001 s to a day in order.
    """

    attempts: int = 8
    first_seconds: float = 5.0
    most_seconds: float = 320.0

    def __post_init__(self) -> None:
        """Refuse what no lane can be made for."""
        numbers = is_count(self.attempts) and is_number(self.first_seconds) and is_number(self.most_seconds)
        if not numbers or self.attempts < 1 or not 0.001 <= self.first_seconds <= self.most_seconds <= 86_400:
            raise SettingsError(
                "a Retry needs at least 1 attempt, and delays with 0.001 <= first_seconds <= most_seconds <= 86400"
            )

    def lanes_after(self, failures: int) -> tuple[int, ...]:
        """The delays to choose from after so many failures, in milliseconds."""
        seconds = min(self.most_seconds, self.first_seconds * 2.0 ** min(failures - 1, _GROWTH))
        return tuple(sorted({max(1, round(seconds * 1000 * part)) for part in _NEIGHBOURS}))

    def lanes(self) -> set[int]:
        """All delays it can ever choose, in milliseconds."""
        # They stop growing long before attempts that are meant as "for ever" are counted up.
        return {lane for failures in range(1, min(self.attempts, _GROWTH + 2)) for lane in self.lanes_after(failures)}

    @staticmethod
    def later(seconds: float = 5.0) -> RetryLater:
        """To be raised or returned by a handler: hand me this message again in `seconds`, this was no attempt.

        It comes back no earlier, and at most half as late again; after 1.7 hours at the latest.

        Raises
        ------
        SettingsError
            It is no number; raised in a handler, that is a failure. A time that has passed is "at once".
        """
        if not is_number(seconds) or math.isnan(seconds):
            raise SettingsError(f"Retry.later needs a number of seconds, not {seconds!r}")
        return RetryLater(seconds)


def lanes_later(seconds: float) -> tuple[int, ...]:
    """The delays to choose from for `Retry.later`, in milliseconds; out of a fixed ladder, so that lanes stay few."""
    asked = seconds * 1000
    late_enough = [lane for lane in _LADDER if lane >= asked]
    return tuple(late_enough[:2]) or _LADDER[-1:]
