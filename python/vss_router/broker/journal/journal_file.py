"""What the event loop sees of a journal."""

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from vss_router.broker.journal.commit_thread import Append, CommitThread, Read
from vss_router.broker.journal.write import SqlValue, Write
from vss_router.errors import JournalError

__all__ = ["JournalFile", "JournalStats"]

_LOG: Final = logging.getLogger(__name__)
_LONGEST_OPENING: Final = 10.0  # seconds


class JournalStats(msgspec.Struct, frozen=True, kw_only=True):
    """How a journal is doing. Counters count since the start; bytes are those of rows, without free pages."""

    commits: int
    rows: int
    failed_rows: int
    waiting_rows: int
    largest_commit_rows: int
    bytes_used: int
    salvaged_rows: int
    trouble: str | None


class JournalFile:
    """A SQLite file with a thread of its own; appends that come together share one commit and its fsync.

    `schema` is the owner's: `CREATE TABLE IF NOT EXISTS …`, `version` its format. At most `waiting_rows` rows wait for
    the disk; further calls wait until it has caught up. `disk_bytes` bounds the file (None: the disk does). A file that
    was torn is put aside as `<name>.torn-N` and what can still be read of it is kept; `stats.salvaged_rows` tells how
    much.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        *,
        version: int = 1,
        disk_bytes: int | None = None,
        waiting_rows: int = 100_000,
    ) -> None:
        self._path = path
        self._most_waiting = waiting_rows
        self._thread = CommitThread(
            path,
            schema,
            version=version,
            disk_bytes=disk_bytes,
            opened=self._from_thread(self._on_opened),
            done=self._from_thread(self._on_done),
            ended=self._from_thread(self._on_ended),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Future[None] | None = None
        self._ended: asyncio.Event = asyncio.Event()
        self._open = False
        self._tickets = itertools.count()
        self._waiters: dict[int, asyncio.Future[Any]] = {}
        self._held: deque[Append] = deque()
        self._waiting = 0
        self._rows = 0
        self._failed = 0
        self._bytes = 0
        self._salvaged = 0
        self._trouble: str | None = None

    @property
    def stats(self) -> JournalStats:
        """How it is doing now."""
        return JournalStats(
            commits=self._thread.commits,
            rows=self._rows,
            failed_rows=self._failed,
            waiting_rows=self._waiting,
            largest_commit_rows=self._thread.largest_commit_rows,
            bytes_used=self._bytes,
            salvaged_rows=self._salvaged,
            trouble=self._trouble,
        )

    async def start(self) -> None:
        """Open the file, or make it.

        Raises
        ------
        JournalError
            Another process has it, it is of a newer format, or its folder cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        self._opening = self._loop.create_future()
        self._thread.start()
        try:
            await asyncio.shield(self._opening)
        except asyncio.CancelledError:
            # Opening cannot be broken off; once it has ended the file is free for whoever tries next.
            self._thread.stop()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _LONGEST_OPENING)
            if self._opening.done():
                self._opening.exception()  # nobody asks for it any more
            raise
        self._open = not self._ended.is_set()

    async def append(self, writes: Sequence[Write]) -> None:
        """Write them in one transaction; when this returns they are on disk. Calls are written in their order.

        A call that is cancelled while it waits for its commit is written all the same.

        Raises
        ------
        JournalError
            They are not written: no space, no right, the journal is closed. The next call is tried again.
        """
        rows = sum(len(write.rows) for write in writes)
        self._refuse_closed()
        future, ticket = self._ticket()
        append = Append(writes, rows, ticket)
        if self._held or self._waiting >= self._most_waiting:
            self._held.append(append)
        else:
            self._put(append)
        await future

    async def read(self, sql: str, values: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        """All rows of a question; it sees every append called before it.

        Raises
        ------
        JournalError
            The file cannot be read, or the journal is closed.
        """
        self._refuse_closed()
        future, ticket = self._ticket()
        self._thread.put(Read(sql, values, ticket))
        found: list[tuple[Any, ...]] = await future
        return found

    async def stop(self, seconds: float = 5.0) -> None:
        """Commit what waits and close the file; waits up to `seconds`. A second call does nothing."""
        if not self._open:
            return
        self._open = False
        while self._held:
            self._put(self._held.popleft())
        self._thread.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        self._fail_waiters()

    def _refuse_closed(self) -> None:
        if not self._open:
            raise self._closed()

    def _closed(self) -> JournalError:
        return JournalError(f"the journal {self._path} is closed: nothing can be written to it or read from it")

    def _ticket(self) -> tuple[asyncio.Future[Any], int]:
        ticket = next(self._tickets)
        future = self._waiters[ticket] = asyncio.get_running_loop().create_future()
        return future, ticket

    def _put(self, append: Append) -> None:
        self._waiting += append.rows
        self._thread.put(append)

    def _from_thread(self, call: Callable[..., None]) -> Callable[..., None]:
        def hand_over(*arguments: Any) -> None:
            # The loop may be closed already when a router is torn down hard; nobody waits then.
            if self._loop is not None:
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(call, *arguments)

        return hand_over

    def _on_opened(self, error: JournalError | None, salvaged: int) -> None:
        self._salvaged = salvaged
        if self._opening is None or self._opening.done():
            return
        if error is None:
            self._opening.set_result(None)
        else:
            self._opening.set_exception(error)

    def _on_done(self, jobs: list[Append | Read], bytes_used: int) -> None:
        self._bytes = bytes_used
        for job in jobs:
            if isinstance(job, Append):
                self._count(job)
            future = self._waiters.pop(job.ticket, None)
            if future is None or future.done():
                continue
            if job.error is not None:
                future.set_exception(job.error)
            else:
                future.set_result(job.found if isinstance(job, Read) else None)
        while self._held and self._waiting < self._most_waiting:
            self._put(self._held.popleft())

    def _count(self, append: Append) -> None:
        self._waiting -= append.rows
        if append.error is None:
            self._rows += append.rows
            self._trouble = None
            return
        self._failed += append.rows
        if self._trouble is None:
            _LOG.error("%s", append.error)
        self._trouble = str(append.error)

    def _on_ended(self) -> None:
        self._ended.set()
        if self._open:
            # Not by `stop`: whatever ended the thread, nobody must wait for it any more.
            self._open = False
            self._trouble = str(self._closed())
        self._held.clear()
        self._fail_waiters()

    def _fail_waiters(self) -> None:
        for future in self._waiters.values():
            if not future.done():
                future.set_exception(JournalError(f"the journal {self._path} was closed before it could be written"))
        self._waiters.clear()
