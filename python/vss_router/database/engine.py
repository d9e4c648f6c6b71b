"""One database, SQLite or PostgreSQL: opened with its schema brought up to date, asked with bounded patience.

Opening is tried again by whoever asks next, so a router may start before its database does.
"""

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, final

from sqlalchemy import URL, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from vss_router.database.migrations.upgrade import upgrade
from vss_router.database.refusals import refusal, unopened
from vss_router.database.url import database_url, shown
from vss_router.errors import DatabaseError, DatabaseUnavailableError

__all__ = ["Database"]

_T = TypeVar("_T")

BUSY_SECONDS: Final = 5.0
"""How long SQLite waits for another process that writes."""
CLOSE_SECONDS: Final = 10.0
"""How long closing waits for what was begun."""
_PRAGMAS: Final = (
    "journal_mode=WAL",
    # With WAL this loses no committed transaction to a crash of the process, only to one of the machine.
    "synchronous=NORMAL",
    f"busy_timeout={int(BUSY_SECONDS * 1000)}",
    "foreign_keys=ON",
)
REST_SECONDS: Final = 1.0
"""After a failure questions are refused at once for so long: a dead server costs one time-out, not one each."""


@final
class Database:
    """One database, by the address `--database` takes.

    `connect_seconds` bounds a connection attempt, `answer_seconds` one question. `environ` is where `password_env` is
    looked up. `clock` gives monotonic seconds.

    Raises
    ------
    SettingsError
        The address cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        environ: Mapping[str, str] | None = None,
        connect_seconds: float = 3.0,
        answer_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parsed = database_url(url, environ)
        self.url = shown(parsed)
        """The address for people, without password."""
        self._file = _file_of(parsed)
        self._answer_seconds = answer_seconds
        self._clock = clock
        self._engine = _engine(parsed, connect_seconds, answer_seconds)
        self._opening: asyncio.Task[None] | None = None
        self._opened = False
        self._given_up: set[asyncio.Task[Any]] = set()
        self._rests_until: float | None = None
        self._trouble = ""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    async def open(self) -> None:
        """Connect and bring the schema up to date; a second call does nothing.

        Raises
        ------
        DatabaseUnavailableError
            It does not answer.
        DatabaseError
            It refuses, or its schema is newer than this version.
        """
        if self._opened:
            return
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open(), name="opening the database")
            # Whoever began it may have lost patience.
            self._opening.add_done_callback(lambda opened: opened.cancelled() or opened.exception())
        # A step of the schema takes as long as it takes: who loses patience does not take it back.
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        try:
            # Asked here, because the driver leaves a thread behind for a moment when it finds out itself.
            if self._file is not None:
                _make_private(self._file, self.url)
            with self._named_errors():
                async with self._engine.connect() as connection:
                    await upgrade(connection, self.url)
            self._opened = True
        finally:
            self._opening = None

    async def close(self) -> None:
        """Close all connections; a memory database is gone then."""
        if self._opening is not None:
            # Cut in the middle it would leave a connection behind that nobody closes.
            await asyncio.wait({self._opening}, timeout=CLOSE_SECONDS)
        if self._given_up:
            await asyncio.wait(self._given_up, timeout=CLOSE_SECONDS)
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one question; `in_time` bounds how long it may take.

        Raises
        ------
        DatabaseUnavailableError
            It does not answer, or did not a moment ago.
        DatabaseError
            It cannot be opened.
        """
        if self._rests_until is not None and self._clock() < self._rests_until:
            raise DatabaseUnavailableError(
                f"the database {self.url} did not answer a moment ago ({self._trouble}); it is tried again in a second"
            )
        with self._named_errors():
            await self.open()
            async with self._engine.connect() as connection:
                yield connection
        self._rests_until = None

    async def in_time(self, question: Coroutine[Any, Any, _T]) -> _T:
        """What the question answers, within `answer_seconds`.

        A driver takes seconds to let go of a connection that hangs; nobody waits for that here.

        Raises
        ------
        DatabaseUnavailableError
            It did not answer in time.
        """
        asking = asyncio.get_running_loop().create_task(question)
        try:
            await asyncio.wait({asking}, timeout=self._answer_seconds)
            if asking.done():
                return asking.result()
        finally:
            if not asking.done():
                asking.cancel()
                self._given_up.add(asking)
                asking.add_done_callback(self._let_go)
        with self._named_errors():
            raise TimeoutError

    def _let_go(self, asking: "asyncio.Task[Any]") -> None:
        self._given_up.discard(asking)
        if not asking.cancelled():
            asking.exception()  # nobody asks for it any more

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that is committed at the end. Errors of the statements come as they are.

        Raises
        ------
        DatabaseUnavailableError, DatabaseError
            As `open`.
        """
        await self.open()
        async with self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _named_errors(self) -> Any:
        try:
            yield
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            said = error if isinstance(error, DatabaseError) else refusal(self.url, error)
            if isinstance(said, DatabaseUnavailableError):
                self._rests_until = self._clock() + REST_SECONDS
                self._trouble = str(getattr(error, "orig", None) or error) or type(error).__name__
            raise said from error


def _file_of(url: URL) -> Path | None:
    """The file of an SQLite database; None of one in memory, and of PostgreSQL."""
    named = url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:"
    return Path(str(url.database)) if named else None


def _make_private(file: Path, url: str) -> None:
    """Make the file before SQLite does, which would let every user of the machine read the telephone numbers in it.

    Its companions, the log and its index, get the rights of the file.
    """
    if not file.parent.is_dir():
        raise unopened(url)
    with contextlib.suppress(OSError):  # there already, or SQLite says why not
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _engine(url: URL, connect_seconds: float, answer_seconds: float) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        return _postgresql(url, connect_seconds, answer_seconds)
    memory = not url.database or url.database == ":memory:"
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        # A memory database is its one connection: whoever asks waits for the transaction before to end.
        pool_size=1 if memory else 4,
        max_overflow=0 if memory else 4,
        pool_timeout=answer_seconds,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _postgresql(url: URL, connect_seconds: float, answer_seconds: float) -> AsyncEngine:
    arguments: dict[str, Any] = {"timeout": connect_seconds, "command_timeout": max(answer_seconds, 30.0)}
    mode, ca = url.query.get("sslmode"), url.query.get("ca")
    if isinstance(ca, str):
        context = ssl.create_default_context(cafile=ca)
        context.check_hostname = mode in {None, "verify-full"}
        arguments["ssl"] = context
    elif mode is not None:
        arguments["ssl"] = mode
    return create_async_engine(
        url.set(query={}),
        pool_size=4,
        max_overflow=4,
        pool_timeout=answer_seconds,
        # A connection that a restart of the server has cut is found before it is used.
        pool_pre_ping=True,
        connect_args=arguments,
    )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    except BaseException:
        # Nobody else closes a connection that did not come to be, and its thread waits for ever.
        connection.close()
        raise
    cursor.close()
