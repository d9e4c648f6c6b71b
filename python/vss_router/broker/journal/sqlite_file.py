"""The SQLite file of a journal: opening it, saving what a torn one has, one group of writes in one transaction."""

import contextlib
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vss_router.broker.journal.write import SqlValue, Write, merged, steps
from vss_router.errors import JournalError

__all__ = ["SqliteFile"]

_LOG: Final = logging.getLogger(__name__)
_PAGE: Final = 4096
_WAL_PAGES: Final = 4_000
_GIVE_BACK_PAGES: Final = 1_024
"""Free pages that are worth giving back to the disk, and how many go in one go (4 MiB)."""
_TORN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DATABASE_AT_FAULT: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, *_TORN}
)


def _code(error: Exception) -> int:
    """The primary result code, 0 where there is none; the extended ones carry it in their low byte."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _refuse_torn(connection: sqlite3.Connection) -> None:
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        torn = sqlite3.OperationalError(said)
        torn.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise torn


class SqliteFile:
    """One open file. Only the thread that opened it may use it.

    WAL and `synchronous=FULL`: a commit is fsynced before it returns, so it survives the process and the power. The
    lock is exclusive: a second process is refused instead of writing the same journal.
    """

    def __init__(self, path: Path, schema: Sequence[str], *, version: int, disk_bytes: int | None) -> None:
        self._path = path
        self._schema = schema
        self._version = version
        self._disk_bytes = disk_bytes
        self._bytes_used = 0
        self.salvaged_rows = 0
        self._connection = self._opened()

    def _opened(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise JournalError(
                f"the journal {self._path} cannot be opened ({error.strerror}): correct the rights of its folder, "
                f"or choose another data folder"
            ) from error
        try:
            return self._connected()
        except sqlite3.Error as error:
            if _code(error) not in _TORN:
                raise self._cannot_open(error) from error
        try:
            return self._salvaged()
        except (sqlite3.Error, OSError) as error:
            raise self._cannot_open(error) from error

    def _cannot_open(self, error: Exception) -> JournalError:
        if isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_BUSY:
            return JournalError(
                f"the journal {self._path} is in use by another process: stop that one, or choose another data folder"
            )
        return JournalError(
            f"the journal {self._path} cannot be opened ({error}): correct the rights of its folder, "
            f"or choose another data folder"
        )

    def _connected(self) -> sqlite3.Connection:
        unclean = self._path.with_name(self._path.name + "-wal").exists()
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=1.0, cached_statements=256)
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            # Before the first table, or it never holds.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit={_WAL_PAGES * _PAGE}")
            if self._disk_bytes is not None:
                connection.execute(f"PRAGMA max_page_count={max(self._disk_bytes // _PAGE, 16)}")
            if unclean:
                _refuse_torn(connection)
            self._refuse_newer(connection)
            connection.execute("BEGIN IMMEDIATE")
            for statement in self._schema:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={self._version}")
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_newer(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > self._version:
            raise JournalError(
                f"the journal {self._path} was written by a newer version (format {found}, this one knows "
                f"{self._version}): run that version, or move the file away"
            )

    def _salvaged(self) -> sqlite3.Connection:
        """Put the torn file aside, and what can still be read of it into a new one."""
        aside = next(
            place
            for number in range(1, 1_000_000)
            if not (place := self._path.with_name(f"{self._path.name}.torn-{number}")).exists()
        )
        self._path.rename(aside)
        for tail in ("-wal", "-shm"):
            beside = self._path.with_name(self._path.name + tail)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + tail))
        connection = self._connected()
        old = sqlite3.connect(aside, isolation_level=None, timeout=1.0)
        try:
            # Without it SQLite does not even look into a file that is shorter than its header says.
            old.execute("PRAGMA writable_schema=ON")
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            connection.execute("BEGIN IMMEDIATE")
            for table in tables:
                self.salvaged_rows += _copied(old, connection, table)
            connection.execute("COMMIT")
        finally:
            with contextlib.suppress(sqlite3.Error):
                old.close()
        _LOG.warning(
            "the journal %s was torn: %d rows could still be read, the torn file is kept as %s",
            self._path,
            self.salvaged_rows,
            aside.name,
        )
        return connection

    def commit(self, groups: Sequence[Sequence[Write]]) -> list[Exception | None]:
        """Write all groups in one transaction; if one cannot be, halves in their own, until it fails alone."""
        try:
            self._transaction([write for group in groups for write in group])
        except Exception as error:  # noqa: BLE001 - also what SQLite cannot bind, which is no sqlite3.Error
            if len(groups) == 1 or _code(error) in _DATABASE_AT_FAULT:
                return [error] * len(groups)
            middle = len(groups) // 2
            return self.commit(groups[:middle]) + self.commit(groups[middle:])
        return [None] * len(groups)

    def _transaction(self, writes: Sequence[Write]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for write in merged(writes):
                for sql, values in steps(write):
                    connection.execute(sql, values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise

    def sentence(self, error: Exception) -> JournalError:
        """What to tell whoever waits for a commit."""
        if not isinstance(error, sqlite3.Error):
            return JournalError(
                f"the journal {self._path} cannot keep a row ({error}): it takes UTF-8 texts, bytes and whole numbers "
                f"of 64 bits"
            )
        if _code(error) == sqlite3.SQLITE_FULL:
            limit = f" of {self._disk_bytes} bytes" if self._disk_bytes is not None else ""
            return JournalError(
                f"the journal {self._path} is full: its limit{limit} is reached or its disk has no space left; "
                f"free space, or let what is in it be delivered"
            )
        return JournalError(
            f"the journal {self._path} cannot be written ({error}): check its disk and the rights of its folder"
        )

    def read(self, sql: str, values: Sequence[SqlValue]) -> list[tuple[SqlValue, ...]]:
        """All rows of a question."""
        return self._connection.execute(sql, values).fetchall()

    def bytes_used(self) -> int:
        """What the rows take, without the pages that are free to be used again; what it last was while none tells."""
        with contextlib.suppress(sqlite3.Error):
            pages = self._connection.execute("PRAGMA page_count").fetchone()[0]
            free = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
            self._bytes_used = int(pages - free) * _PAGE
        return self._bytes_used

    def give_back(self) -> bool:
        """Return some free pages to the disk; False when there is nothing worth the while."""
        try:
            if self._connection.execute("PRAGMA freelist_count").fetchone()[0] < _GIVE_BACK_PAGES:
                return False
            self._connection.execute(f"PRAGMA incremental_vacuum({_GIVE_BACK_PAGES})").fetchall()
        except sqlite3.Error:
            return False  # tidying only; the next commit tells what is wrong
        return True

    def close(self) -> None:
        """Close; the last close moves the write-ahead log into the file and removes it."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


def _copied(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> int:
    """Row by row from the front and, where the tear is, from the back: both ends of a table are often whole."""
    copied = 0
    for order in ("ASC", "DESC"):
        try:
            for row in old.execute(f'SELECT * FROM "{table}" ORDER BY rowid {order}'):  # noqa: S608
                places = ", ".join("?" * len(row))
                changed = new.execute(f'INSERT OR IGNORE INTO "{table}" VALUES ({places})', row)  # noqa: S608
                copied += changed.rowcount
        except sqlite3.Error:
            continue
        break
    return copied
