"""How virtual time follows the clock on the wall."""

import math
from collections.abc import Callable
from typing import Final

__all__ = ["Pace"]

LATE_SECONDS: Final = 0.5
"""Seconds of the clock the simulation may lag before it lets the difference go."""


class Pace:
    """Virtual time, `speed` times as fast as `clock` (monotonic seconds); infinity: it waits to be pushed."""

    def __init__(self, clock: Callable[[], float], speed: float, virtual: float) -> None:
        self._clock = clock
        self._speed = speed
        self._anchor = (clock(), virtual)

    def set(self, virtual: float) -> None:
        """It is `virtual` now."""
        self._anchor = (self._clock(), virtual)

    def now(self) -> float:
        """The virtual time by the clock, Unix seconds."""
        at, virtual = self._anchor
        return virtual if math.isinf(self._speed) else virtual + (self._clock() - at) * self._speed

    def due(self, reached: float) -> float:
        """How far a simulation that has reached a time may go now."""
        if math.isinf(self._speed):
            return reached
        most = reached + LATE_SECONDS * max(self._speed, 1.0)
        if self.now() > most:
            # Better late calls than a flood that makes everybody late.
            self.set(most)
        return max(self.now(), reached)
