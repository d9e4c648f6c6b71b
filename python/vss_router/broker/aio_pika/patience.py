"""How long to wait between two connections, as `amqp/patience.rs` of the core has it."""

import time
from collections.abc import Callable
from typing import Final, final

from vss_router.ami.backoff import Backoff

__all__ = ["Patience"]

_PROVED_SECONDS: Final = 3.0


@final
class Patience:
    """Waits that begin anew only after a connection that was of use.

    One that ends as soon as it stands, again and again, is no better than none: a message that ends it comes again on
    the next one. `clock` gives seconds.
    """

    def __init__(self, backoff: Backoff, clock: Callable[[], float] = time.monotonic) -> None:
        self._backoff = backoff
        self._clock = clock
        self._since: float | None = None

    def stands(self) -> None:
        """A connection has everything it was to have."""
        self._since = self._clock()

    def next(self) -> float:
        """Seconds to wait now that there is no connection."""
        if self._since is not None and self._clock() - self._since >= _PROVED_SECONDS:
            self._backoff.reset()
        self._since = None
        return self._backoff.next()
