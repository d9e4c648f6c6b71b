"""Attempts to do something with a database that may be down: again and again, longer each time, never in vain."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vss_router.ami.backoff import Backoff
from vss_router.database.recorder_stats import RecorderStats
from vss_router.database.refusals import refusal
from vss_router.errors import DatabaseError

__all__ = ["Attempts", "worth_a_line"]

RETRY_FIRST_SECONDS: Final = 0.2
RETRY_MOST_SECONDS: Final = 30.0
REFUSALS: Final = 3
"""So often something is tried that the database answers but does not take."""

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


@final
class Attempts:
    """The recorder's way to ask its database; failures go into `stats`, `stopping` cuts the pauses short."""

    def __init__(self, url: str, stats: RecorderStats, stopping: asyncio.Event, random: Callable[[], float]) -> None:
        self._url = url
        self._stats = stats
        self._stopping = stopping
        self._backoff = Backoff(RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS, random)
        self._in_a_row = 0

    async def until_done(self, action: Callable[[], Awaitable[_T]]) -> _T | None:
        """Do it, trying again while the database is down; None when it answers and refuses for good."""
        refusals = 0
        while True:
            try:
                result = await action()
            except Exception as error:  # noqa: BLE001 - a driver raises what it likes, and the recorder goes on
                self.failed(error)
                if _is_refusal(error):
                    refusals += 1
                if refusals >= REFUSALS:
                    self._stats.refused += 1
                    _log.exception("the database does not take a batch, it is given up")
                    return None
                await self._pause(self._backoff.next())
            else:
                self._backoff.reset()
                self._went_on()
                return result

    def _went_on(self) -> None:
        if self._in_a_row:
            _log.info("recording goes on", extra={"times": self._in_a_row, "waiting": self._stats.waiting})
        self._stats.trouble, self._in_a_row = None, 0

    async def _pause(self, seconds: float) -> None:
        if self._stopping.is_set():
            await asyncio.sleep(RETRY_FIRST_SECONDS)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def failed(self, error: Exception) -> None:
        """Count it and keep its sentence."""
        self._stats.failures += 1
        said = error if isinstance(error, DatabaseError) else refusal(self._url, error)
        self._stats.trouble = str(said)
        self._in_a_row += 1
        if worth_a_line(self._in_a_row):
            _log.warning(
                "recording waits for the database", extra={"trouble": str(said), "waiting": self._stats.waiting}
            )


def _is_refusal(error: Exception) -> bool:
    """Whether trying the same again is in vain: the database answered, and not that it is busy, full or ending."""
    if isinstance(error, IntegrityError | DataError | ProgrammingError):
        return True
    return not isinstance(error, DBAPIError | DatabaseError | OSError | PoolTimeout)


def worth_a_line(count: int) -> bool:
    """The first time and each tenfold: an outage must not fill the disk."""
    return str(count).rstrip("0") == "1"
