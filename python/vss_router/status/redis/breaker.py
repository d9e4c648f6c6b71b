"""A circuit breaker: a Redis that does not answer is not asked by every request, but by one now and then.

```
              `failures` in a row                     the wait is over, one caller
   closed ─────────────────────────▶ open ─────────────────────────────▶ half_open
     ▲                                ▲                                      │  │
     │                                └──────── it failed: a longer wait ────┘  │
     └────────────────────────────────────────── it succeeded ──────────────────┘
```

Open, it refuses at once. Half open, one caller tries and the others are still refused.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar, final

import msgspec

__all__ = ["BreakerOpenError", "BreakerStats", "CircuitBreaker"]

_T = TypeVar("_T")
BreakerState = Literal["closed", "open", "half_open"]


class BreakerOpenError(Exception):
    """Nothing was asked: the last attempts failed, and the next one is not due yet."""


class BreakerStats(msgspec.Struct, kw_only=True):
    """Counted since the start."""

    failures: int = 0
    opened: int = 0
    refused: int = 0


@final
class CircuitBreaker:
    """Stands before one server.

    Parameters
    ----------
    failures
        How many in a row open it.
    first_seconds, most_seconds
        The first wait, and the longest: each failed attempt doubles it.
    clock
        Monotonic seconds.
    random
        Numbers in [0, 1): waits differ by a fifth, so that processes do not fall into step.
    """

    def __init__(
        self,
        *,
        failures: int = 2,
        first_seconds: float = 0.25,
        most_seconds: float = 5.0,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.stats: Final = BreakerStats()
        self._allowed = failures
        self._first = first_seconds
        self._most = most_seconds
        self._clock = clock
        self._random = random
        self._state: BreakerState = "closed"
        self._in_a_row = 0
        self._waits = 0
        self._until = 0.0

    @property
    def state(self) -> BreakerState:
        """Where it stands; `open` also when the wait is over and nobody has come yet."""
        return self._state

    async def run(self, ask: Callable[[], Awaitable[_T]], failure: type[Exception]) -> _T:
        """What `ask()` gives; an error of the type `failure` counts against the server, any other one does not.

        Raises
        ------
        BreakerOpenError
            It was not asked.
        """
        if self._state != "closed" and not self._admits():
            self.stats.refused += 1
            raise BreakerOpenError
        try:
            answer = await ask()
        except failure:
            self._failed()
            raise
        except Exception:
            self._answered()
            raise
        except BaseException:
            # Cancelled: nothing is known, the next one tries.
            if self._state == "half_open":
                self._state = "open"
            raise
        self._answered()
        return answer

    def _admits(self) -> bool:
        if self._state == "half_open" or self._clock() < self._until:
            return False
        self._state = "half_open"
        return True

    def _answered(self) -> None:
        self._state = "closed"
        self._in_a_row = self._waits = 0

    def _failed(self) -> None:
        self.stats.failures += 1
        self._in_a_row += 1
        # Those that were under way when it opened change nothing any more.
        if self._state == "open" or (self._state == "closed" and self._in_a_row < self._allowed):
            return
        # 2**n is bounded before it is taken.
        seconds = min(self._most, self._first * 2.0 ** min(self._waits, 30))
        self._until = self._clock() + seconds * (0.8 + 0.4 * self._random())
        self._waits += 1
        self._state = "open"
        self.stats.opened += 1
