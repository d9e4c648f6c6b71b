"""One run of a handler, bounded in time whatever the handler does.

```
 running ─▶ returned                                   it took the message
    │  └──▶ raised, cancelled itself ─▶ failed
    │ time is over, or the drain's grace is
    ▼
 cancelled ─▶ ended (also by returning: it was told to stop) ─▶ hung
    │ ignores it
    ▼
  stuck ─ it goes on alone; what it does then changes nothing
```
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal, final

import msgspec

from vss_router.broker.consumers.retry import RetryLater
from vss_router.broker.consumers.trail import error_text

__all__ = ["Ended", "HandlerRun"]

CANCEL_SECONDS: Final = 1.0
"""How long a handler that was cancelled may take to clean up."""


class Ended(msgspec.Struct, frozen=True):
    """How a run ended; `error` says why it failed, `later` is what `Retry.later` asked for (seconds)."""

    how: Literal["returned", "failed", "hung", "stuck", "drained", "later"]
    error: str = ""
    later: float = 0.0


class _Raised(msgspec.Struct, frozen=True):
    error: BaseException


@final
class HandlerRun:
    """A run that has begun, in a task of its own with the caller's context."""

    def __init__(self, call: Callable[[], Awaitable[object]], name: str) -> None:
        self._task = asyncio.get_running_loop().create_task(_caught(call), name=f"handler {name}")
        self._told_to_stop = False
        self._drained = False

    def stop(self) -> None:
        """The router ends: cancel the handler, its message goes back."""
        if not self._task.done():
            self._drained = True
            self._cancel()

    async def ended(self, seconds: float) -> Ended:
        """Wait until it ends, at most `seconds` and what cleaning up takes then."""
        await asyncio.wait({self._task}, timeout=seconds)
        timed_out = not self._task.done() and not self._told_to_stop
        if not self._task.done():
            self._cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_SECONDS)
        if not self._task.done():
            return Ended("stuck", f"the handler did not end within {seconds:g} s and ignores its cancellation")
        if timed_out:
            return Ended("hung", f"the handler did not end within {seconds:g} s")
        return self._result()

    def when_over(self, call: Callable[[], None]) -> None:
        """Call that once the handler has really ended."""
        self._task.add_done_callback(lambda _: call())

    def _cancel(self) -> None:
        self._told_to_stop = True
        self._task.cancel()

    def _result(self) -> Ended:
        if self._drained:
            return Ended("drained")
        if self._task.cancelled():
            return Ended("failed", "the handler was cancelled from within")
        result = self._task.result()
        if isinstance(result, RetryLater):
            return Ended("later", later=result.seconds)
        if isinstance(result, _Raised):
            return Ended("failed", error_text(result.error))
        return Ended("returned")


async def _caught(call: Callable[[], Awaitable[object]]) -> object:
    try:
        return await call()
    except RetryLater as later:
        return later
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - a SystemExit would end the loop with every other message in it
        return _Raised(error)
