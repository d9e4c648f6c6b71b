"""Keeps the file in step, off everybody's way: settled rows go, the dead are moved, marks are written.

A crash in between costs nothing but duplicates: a row that still stands is published again, a mark that is old makes
the next gap a little wider.
"""

import asyncio
from collections.abc import Callable
from typing import Final, final

from vss_router.ami.backoff import Backoff
from vss_router.broker.outbox.marks import Marks
from vss_router.broker.outbox.settling import Settling
from vss_router.broker.outbox.spool import MOST_DEAD, Spool
from vss_router.errors import JournalError

__all__ = ["Tidying"]

_EVERY_SECONDS: Final = 0.1
_MARKS_EVERY: Final = 10
"""Marks alone are written once in so many rounds."""
_MOST_ROWS: Final = 10_000
"""Deleted in one go: a disk that is short of space has to write these changes down first."""


@final
class Tidying:
    """`gone(count, bytes)` is told of the rows that are deleted; `clock` is Unix time in seconds."""

    def __init__(
        self,
        spool: Spool,
        settling: Settling,
        marks: Marks,
        *,
        gone: Callable[[int, int], None],
        failed: Callable[[JournalError], None],
        clock: Callable[[], float],
        backoff: Backoff,
        dead: int = 0,
    ) -> None:
        self._spool = spool
        self._settling = settling
        self._marks = marks
        self._gone = gone
        self._failed = failed
        self._clock = clock
        self._backoff = backoff
        self.dead = dead

    async def run(self) -> None:
        """Tidy for ever."""
        turn = 0
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            turn += 1
            if await self.tidy(marks=turn % _MARKS_EVERY == 0):
                self._backoff.reset()
            else:
                await asyncio.sleep(self._backoff.next())

    async def tidy(self, *, marks: bool = True) -> bool:
        """Do what has come together; False when the disk refused some, which is kept for the next time."""
        buried = await self._bury()
        return await self._forget(marks=marks) and buried

    async def _forget(self, *, marks: bool) -> bool:
        rows = _MOST_ROWS
        while rows == _MOST_ROWS:
            settled = self._settling.forgettable[:_MOST_ROWS]
            moved = self._marks.unwritten() if marks or settled else {}
            rows = len(settled)
            if not (settled or moved):
                break
            try:
                await self._spool.forget([position for position, _ in settled], moved)
            except JournalError as error:
                self._failed(error)
                return False
            # Not before: what a crash, a full disk or a cancelled task leaves in the file is published again.
            del self._settling.forgettable[:rows]
            self._marks.written(moved)
            self._gone(rows, sum(size for _, size in settled))
        return True

    async def _bury(self) -> bool:
        dying = self._settling.dying[:]
        if not dying:
            return True
        try:
            await self._spool.bury(dying, self._clock())
        except JournalError as error:
            self._failed(error)
            return False
        del self._settling.dying[: len(dying)]
        self.dead = min(self.dead + len(dying), MOST_DEAD)
        return True
