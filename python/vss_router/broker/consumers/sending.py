"""The sending of one consumer's copies: each goes out once, and the slot is held until the broker has said what of it.

```
 ─▶ the broker takes nothing (an alarm) ─▶ look again ─ drain, connection lost ─▶ no copy: the original comes again
       │ it takes messages
       ▼
     sent ─▶ waits for the broker's word, or for the connection's end
```

A copy whose answer nobody waits for is still under way: when the original is handled again, there are two of it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

from vss_router.ami.backoff import Backoff
from vss_router.broker.consumers.copies import Copies
from vss_router.broker.consumers.stats import ConsumerStats
from vss_router.broker.message import Confirm, Delivery

__all__ = ["Sending"]

LOOK_FIRST_SECONDS: Final = 0.1
LOOK_MOST_SECONDS: Final = 2.0
CONFIRM_SECONDS: Final = 30.0
"""A broker that takes longer to confirm a copy is told of."""

_log = logging.getLogger(__name__)


@final
class Sending:
    """How copies of one consumer go out; `draining` ends the wait for a broker that takes nothing."""

    def __init__(
        self, copies: Copies, stats: ConsumerStats, draining: asyncio.Event, random: Callable[[], float]
    ) -> None:
        self._copies = copies
        self._stats = stats
        self._draining = draining
        self._random = random

    async def is_worth_it(self, delivery: Delivery) -> bool:
        """Whether to make a copy; waits while the broker takes none. Not of what comes again by itself."""
        backoff = Backoff(LOOK_FIRST_SECONDS, LOOK_MOST_SECONDS, self._random)
        waited = False
        while not delivery.is_stale and (why := self._copies.blocked) is not None:
            if self._draining.is_set():
                return False
            waited = True
            self._tell(f"the broker takes no messages now: {why}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), backoff.next())
        if waited:
            self._stats.trouble = None
        return not delivery.is_stale

    async def confirmed(self, sending: Coroutine[Any, Any, Confirm]) -> Confirm:
        """What the broker says to a copy, however long it takes: until then it may go out at any time."""
        task = asyncio.get_running_loop().create_task(sending, name=f"copy of {self._stats.queue}")
        try:
            await asyncio.wait({task}, timeout=CONFIRM_SECONDS)
            if not task.done():
                self._tell(f"the broker has not confirmed a copy for {CONFIRM_SECONDS:g} s")
            return await task
        finally:
            task.cancel()

    def _tell(self, trouble: str) -> None:
        if self._stats.trouble != trouble:
            _log.warning("a message waits to be copied", extra={"queue": self._stats.queue, "trouble": trouble})
        self._stats.trouble = trouble
