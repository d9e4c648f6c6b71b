"""How long to wait before the next attempt: longer each time, never the same for two routers, never giving up."""

from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Full jitter over a growing ceiling, above a floor.

    The n-th delay lies evenly between `first_seconds / 2` and `first_seconds * 2**n`, at most `most_seconds`.
    `random` gives numbers in [0, 1).
    """

    def __init__(self, first_seconds: float, most_seconds: float, random: Callable[[], float]) -> None:
        self._floor = first_seconds / 2
        self._first = first_seconds
        self._most = most_seconds
        self._random = random
        self._attempts = 0

    @property
    def attempts(self) -> int:
        """Delays handed out since the last `reset`."""
        return self._attempts

    def next(self) -> float:
        """Seconds to wait now."""
        # 2**n is bounded before it is taken: a PBX may be away for weeks.
        ceiling = min(self._most, self._first * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        return self._floor + (ceiling - self._floor) * self._random()

    def reset(self) -> None:
        """What was tried has worked: the next delay is a short one again."""
        self._attempts = 0


def jittered(seconds: float, random: Callable[[], float]) -> float:
    """`seconds`, give or take a fifth, so that routers and PBXs do not fall into step."""
    return seconds * (0.8 + 0.4 * random())
