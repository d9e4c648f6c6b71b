"""The outbox's disk side: what goes to the file, comes back from it, and how much of it may be there."""

import asyncio
import contextlib
import random as random_module
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, final

from vss_router.ami.backoff import Backoff
from vss_router.broker.outbox.entry import Entry
from vss_router.broker.outbox.journalling import Journalling
from vss_router.broker.outbox.marks import Mark, Marks
from vss_router.broker.outbox.paging import Paging
from vss_router.broker.outbox.settling import Settling
from vss_router.broker.outbox.spool import DeadMessage, Spool
from vss_router.broker.outbox.stats import OutboxStats
from vss_router.broker.outbox.tidying import Tidying
from vss_router.broker.outbox.troubles import Troubles
from vss_router.broker.outbox.window import Window
from vss_router.errors import JournalError

__all__ = ["Backlog"]

_EVICT_AT: Final = 0.9
"""How full the disk may be before telemetry makes room for the rest."""
_LONGEST_TIDYING: Final = 5.0
"""Seconds at the end: what a disk that hangs does not delete is only published again."""


@final
class Backlog:
    """Messages on disk. `changed` is called whenever there may be more room, or more to send.

    Parameters
    ----------
    memory_messages, memory_bytes
        How much `window` holds, and as much may wait for the disk.
    disk_bytes
        How much may be on disk; beyond nine tenths of it the oldest telemetry goes.
    """

    def __init__(
        self,
        path: Path,
        window: Window,
        marks: Marks,
        settling: Settling,
        stats: OutboxStats,
        troubles: Troubles,
        *,
        memory_messages: int,
        memory_bytes: int,
        disk_bytes: int,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._spool = Spool(path, disk_bytes=disk_bytes)
        self._settling = settling
        self._stats = stats
        self._troubles = troubles
        self._memory_messages = memory_messages
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes
        self._changed = changed
        self.messages = 0
        """On disk, also those that stand in memory too."""
        self.bytes = 0
        self.inherited: Mapping[str, Mark] = {}
        """The marks of an earlier process."""
        self._journalling = Journalling(
            self._spool, marks, written=self._written, failed=self._failed, backoff=Backoff(0.1, 5.0, random)
        )
        self._paging = Paging(
            self._spool,
            window,
            self._journalling,
            messages=memory_messages,
            memory_bytes=memory_bytes,
            row_bytes=lambda: self.bytes // max(1, self.messages),
            loaded=changed,
            evicted=self._evicted,
            failed=self._failed,
            backoff=Backoff(0.1, 5.0, random),
        )
        self._tidying = Tidying(
            self._spool,
            settling,
            marks,
            gone=self._gone,
            failed=self._failed,
            clock=clock,
            backoff=Backoff(0.1, 5.0, random),
        )

    async def open(self) -> int:
        """Open the file; the first position that is free.

        Raises
        ------
        JournalError
            It cannot be used.
        """
        found = await self._spool.open()
        self.inherited = found.marks
        self.messages, self.bytes = found.messages, found.size
        self._stats.inherited = found.messages
        self._tidying.dead = found.dead
        self._paging.spooling = found.messages > 0
        return found.next_position

    def runs(self) -> Sequence[tuple[str, Coroutine[Any, Any, None]]]:
        """What must run beside, by name."""
        return (
            ("outbox journalling", self._journalling.run()),
            ("outbox paging", self._paging.run()),
            ("outbox tidying", self._tidying.run()),
        )

    async def close(self, seconds: float) -> None:
        """Put on disk what is not confirmed and close the file; what `runs` gave must have ended."""
        await self._journalling.write()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._tidying.tidy(), _LONGEST_TIDYING)
        await self._spool.close(seconds)

    @property
    def spooling(self) -> bool:
        """Whether some messages stand on disk alone."""
        return self._paging.spooling

    def unlisted(self) -> list[Entry]:
        """What is neither on disk nor in the window."""
        return self._journalling.unlisted()

    @property
    def unwritten(self) -> int:
        """Messages that wait for the disk, confirmed or not."""
        return len(self._journalling)

    @property
    def dead_messages(self) -> int:
        """Those nobody will take."""
        return self._tidying.dead

    def refusal(self, size: int, *, spare: int = 0) -> str | None:
        """Why a message of `size` bytes cannot be taken now; `spare` ones more may wait for the disk."""
        waiting = self._journalling.bytes + size
        on_disk = self.bytes + waiting
        if on_disk > self._disk_bytes * _EVICT_AT:
            self._paging.evict(max(on_disk - int(self._disk_bytes * _EVICT_AT), self._disk_bytes // 100))
        if len(self._journalling) >= self._memory_messages + spare or (waiting > self._memory_bytes and not spare):
            return f"{len(self._journalling)} messages wait for the disk: see why it is slow or full"
        if on_disk > self._disk_bytes and not spare:
            return (
                f"{self.messages} messages wait on disk, and {self._disk_bytes} bytes are all they may take: "
                f"see why the broker does not take them"
            )
        return None

    def add(self, entry: Entry, *, at_once: bool) -> None:
        """Take a new entry: into the window or not, and to disk when it is due, or `at_once`."""
        self._paging.add(entry)
        self._journalling.add(entry)
        if at_once:
            self._journalling.hurry()

    def settled(self) -> None:
        """Some were confirmed, or will never be."""
        self._journalling.drop_settled()
        self._paging.wake()

    async def dead(self, most: int) -> list[DeadMessage]:
        """The newest of those nobody will take, newest first."""
        return await self._spool.dead(most)

    async def dig_up(self, positions: Sequence[int]) -> None:
        """Forget some of those nobody will take."""
        await self._spool.dig_up(positions)
        self._tidying.dead = max(0, self._tidying.dead - len(positions))

    def _written(self, entries: list[Entry]) -> None:
        self._stats.journalled += len(entries)
        self.messages += len(entries)
        self.bytes += sum(entry.size for entry in entries)
        self._settling.written(entries)
        self._paging.written(entries)
        self._changed()

    def _gone(self, count: int, size: int) -> None:
        self.messages -= count
        self.bytes -= size
        self._changed()

    def _evicted(self, count: int, size: int) -> None:
        self.messages -= count
        self.bytes -= size
        self._stats.telemetry_dropped += count
        self._troubles.happened(
            "telemetry_dropped",
            f"{count} of the oldest telemetry messages were deleted from disk to make room for others",
            count,
        )
        self._changed()

    def _failed(self, error: JournalError) -> None:
        self._stats.journal_failures += 1
        self._troubles.happened("journal", str(error))
