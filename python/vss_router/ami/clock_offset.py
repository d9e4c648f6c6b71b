"""How far Asterisk's clock is ahead of ours, from the `Timestamp` of its answers to Ping."""

from collections import deque
from typing import Final, final

__all__ = ["ClockOffset"]

_SAMPLES: Final = 8


@final
class ClockOffset:
    """The offset of the Ping with the shortest round trip among the last eight.

    A sample is wrong by half its round trip at most, so one fast answer says more than the mean of many slow ones.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)
        self.round_trip: float | None = None
        """Seconds the last answer took."""

    def add(self, sent: float, answered: float, timestamp: float) -> None:
        """One Ping: when it left and came back by our clock, and Asterisk's time in the answer."""
        round_trip = max(answered - sent, 0.0)
        self.round_trip = round_trip
        self._samples.append((round_trip, timestamp - (sent + answered) / 2))

    def reset(self) -> None:
        """Another Asterisk may answer from now on."""
        self._samples.clear()
        self.round_trip = None

    @property
    def seconds(self) -> float | None:
        """Seconds Asterisk is ahead; None before the first answer."""
        return min(self._samples)[1] if self._samples else None
