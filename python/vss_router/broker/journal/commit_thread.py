"""The thread that commits: whatever came while the last commit was under way shares the next one.

```
  event loop ── put ──▶ jobs ── take all that wait ──▶ one transaction ── fsync ──▶ done(jobs) back in the loop
```
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from vss_router.broker.journal.sqlite_file import SqliteFile
from vss_router.broker.journal.write import SqlValue, Write
from vss_router.errors import JournalError

__all__ = ["Append", "CommitThread", "Read"]

_LOG: Final = logging.getLogger(__name__)
_MOST_ROWS: Final = 20_000
"""Rows of one commit: what comes meanwhile need not wait for more than this."""
_LINGER_SECONDS: Final = 1.0
"""So long nothing came: time to give free pages back."""


class Append(msgspec.Struct, eq=False):
    """Writes that belong together; `error` when they could not be written."""

    writes: Sequence[Write]
    rows: int
    ticket: int
    error: JournalError | None = None


class Read(msgspec.Struct, eq=False):
    """A question, answered after all writes put before it; `error` when it could not be."""

    sql: str
    values: Sequence[SqlValue]
    ticket: int
    found: list[tuple[SqlValue, ...]] = []
    error: JournalError | None = None


class CommitThread:
    """Owns the file. `opened`, `done` and `ended` are called in the thread; they hand over to whoever waits."""

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        *,
        version: int,
        disk_bytes: int | None,
        opened: Callable[[JournalError | None, int], None],
        done: Callable[[list[Append | Read], int], None],
        ended: Callable[[], None],
    ) -> None:
        self._path = path
        self._schema = schema
        self._version = version
        self._disk_bytes = disk_bytes
        self._opened = opened
        self._done = done
        self._ended = ended
        self._jobs: queue.SimpleQueue[Append | Read | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"journal {path.name}", daemon=True)
        self.commits = 0
        self.largest_commit_rows = 0

    def start(self) -> None:
        """Open the file in the thread; `opened` tells how it went."""
        self._thread.start()

    def put(self, job: Append | Read) -> None:
        """Have a job done after all before it."""
        self._jobs.put(job)

    def stop(self) -> None:
        """End after the jobs that were put; `ended` tells."""
        self._jobs.put(None)

    def _run(self) -> None:
        try:
            file = SqliteFile(self._path, self._schema, version=self._version, disk_bytes=self._disk_bytes)
        except Exception as error:  # noqa: BLE001 - whoever waits for the opening must hear of it
            self._opened(error if isinstance(error, JournalError) else self._unforeseen(error), 0)
            self._ended()
            return
        self._opened(None, file.salvaged_rows)
        try:
            while self._turn(file):
                pass
        except Exception:  # noqa: BLE001 - told, and then whoever waits hears by `ended`
            _LOG.exception("the journal %s ended, which it must not", self._path)
        finally:
            file.close()
            self._ended()

    def _unforeseen(self, error: Exception) -> JournalError:
        return JournalError(
            f"the journal {self._path} cannot be opened ({error}): correct the rights of its folder, "
            f"or choose another data folder"
        )

    def _turn(self, file: SqliteFile) -> bool:
        jobs, go_on = self._waiting(file)
        appends: list[Append] = []
        for job in jobs:
            if isinstance(job, Append):
                appends.append(job)
            else:
                self._commit(file, appends)
                appends = []
                self._answer(file, job)
        self._commit(file, appends)
        if jobs:
            self._done(jobs, file.bytes_used())
        return go_on

    def _waiting(self, file: SqliteFile) -> tuple[list[Append | Read], bool]:
        """Wait for a job, then take all that wait; False with them when they are the last."""
        try:
            job = self._jobs.get(timeout=_LINGER_SECONDS)
        except queue.Empty:
            while self._jobs.empty() and file.give_back():
                pass
            job = self._jobs.get()
        jobs: list[Append | Read] = []
        rows = 0
        try:
            while job is not None:
                jobs.append(job)
                rows += job.rows if isinstance(job, Append) else 0
                if rows >= _MOST_ROWS:
                    return jobs, True
                job = self._jobs.get_nowait()
        except queue.Empty:
            return jobs, True
        return jobs, False

    def _commit(self, file: SqliteFile, appends: list[Append]) -> None:
        if not appends:
            return
        outcomes = file.commit([append.writes for append in appends])
        for append, error in zip(appends, outcomes, strict=True):
            append.error = None if error is None else file.sentence(error)
        self.commits += 1
        self.largest_commit_rows = max(self.largest_commit_rows, sum(append.rows for append in appends))

    def _answer(self, file: SqliteFile, question: Read) -> None:
        try:
            question.found = file.read(question.sql, question.values)
        except Exception as error:  # noqa: BLE001 - also what SQLite cannot bind, which is no sqlite3.Error
            question.error = JournalError(f"the journal {self._path} cannot be read ({error}): check its disk")
