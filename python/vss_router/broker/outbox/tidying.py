"""Keeps the file in step, off everybody's way: settled rows go, the dead are moved, marks are written.

A crash in between costs nothing but duplicates: a row that still stands is published again, a mark that is old makes
the next gap a little wider.
"""

import asyncio
from collections.abc import Callable
from typing import Final, final

from vss_router.broker.outbox.entry import Entry
from vss_router.broker.outbox.marks import Marks
from vss_router.broker.outbox.settling import Settling
from vss_router.broker.outbox.spool import MOST_DEAD, Spool
from vss_router.errors import JournalError

__all__ = ["Tidying"]

_EVERY_SECONDS: Final = 0.1
_MARKS_EVERY: Final = 10
"""Marks alone are written once in so many rounds."""


@final
class Tidying:
    """`gone(entries)` is called with those whose rows are deleted; `clock` is Unix time in seconds."""

    def __init__(
        self,
        spool: Spool,
        settling: Settling,
        marks: Marks,
        *,
        gone: Callable[[list[Entry]], None],
        failed: Callable[[JournalError], None],
        clock: Callable[[], float],
        dead: int = 0,
    ) -> None:
        self._spool = spool
        self._settling = settling
        self._marks = marks
        self._gone = gone
        self._failed = failed
        self._clock = clock
        self.dead = dead

    async def run(self) -> None:
        """Tidy for ever."""
        turn = 0
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            turn += 1
            await self.tidy(marks=turn % _MARKS_EVERY == 0)

    async def tidy(self, *, marks: bool = True) -> None:
        """Do what has come together; what the disk refuses is tried again."""
        await self._bury()
        forgettable = self._settling.forgettable
        moved = self._marks.unwritten() if marks or forgettable else {}
        if not (forgettable or moved) or not self._spool.forget([entry.position for entry in forgettable], moved):
            return
        self._settling.forgettable = []
        self._marks.written(moved)
        self._gone(forgettable)

    async def _bury(self) -> None:
        dying, self._settling.dying = self._settling.dying, []
        if not dying:
            return
        try:
            await self._spool.bury(dying, self._clock())
        except JournalError as error:
            self._settling.dying = dying + self._settling.dying
            self._failed(error)
        else:
            self.dead = min(self.dead + len(dying), MOST_DEAD)
