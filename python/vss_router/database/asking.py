"""What reading status, history and analytics share: whom a question is about, and what an outage is called."""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

import msgspec
from sqlalchemy import Select, Table, and_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.database import tables
from vss_router.database.engine import Database
from vss_router.database.row_keys import key_of
from vss_router.errors import DatabaseError, StatusUnavailableError
from vss_router.status.questions import ambiguous, list_of_names, unknown_source

__all__ = ["KINDS", "Found", "asked", "found_one", "in_time", "known_sources"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Self = TypeVar("_Self", bound="_Asking")

KINDS: Final[dict[str, Table]] = {"operator": tables.operators, "queue": tables.queues, "call": tables.calls}


class Found(msgspec.Struct, frozen=True):
    """A row by its PBX and key."""

    source: str
    key: str
    id: str


class _Asking(Protocol):
    _database: Database


def in_time(
    method: Callable[Concatenate[_Self, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[_Self, _P], Coroutine[Any, Any, _T]]:
    """A method that is given up when the database takes too long: `StatusUnavailableError`."""

    @functools.wraps(method)
    async def bounded(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await self._database.in_time(method(self, *args, **kwargs))
        except DatabaseError as error:
            raise StatusUnavailableError(f"The database cannot be read now: {error}.") from error

    return bounded


@contextlib.asynccontextmanager
async def asked(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection for one question.

    Raises
    ------
    StatusUnavailableError
        The database does not answer.
    """
    try:
        async with database.reading() as connection:
            yield connection
    except DatabaseError as error:
        raise StatusUnavailableError(f"The database cannot be read now: {error}.") from error


async def known_sources(
    connection: AsyncConnection, source: str | None, configured: Iterable[str] | None = None
) -> dict[str, Any]:
    """The PBXs a question is about, in order of name: rows of `sources`.

    Raises
    ------
    StatusQueryError
        There is no PBX of that name.
    StatusUnavailableError
        Nothing was ever recorded of them.
    """
    rows = (await connection.execute(select(tables.sources).order_by(tables.sources.c.source))).all()
    known = {row.source: row for row in rows}
    names = set(known) if configured is None else set(configured)
    if source is not None and source not in names:
        raise unknown_source(source, names)
    chosen = {name: row for name, row in known.items() if name in names and source in {None, name}}
    if not chosen:
        said = list_of_names(names if source is None else [source]) or "any PBX"
        raise StatusUnavailableError(
            f"The database holds nothing of {said} yet: wait until the router has recorded it."
        )
    return chosen


async def found_one(
    connection: AsyncConnection, kind: str, row_id: str, sources: Iterable[str], *, gone: bool
) -> Found | None:
    """The operator (by id or extension), queue or call of that id; `gone` finds those too that are no more.

    Raises
    ------
    AmbiguousSourceError
        More than one PBX has it.
    """
    table, key = KINDS[kind], key_of(row_id)
    names = tuple(sources)
    found = (await connection.execute(_by(table, names, table.c.key == key, gone=gone))).all()
    if kind == "operator" and len({row.source for row in found}) < len(names):
        extension = _by(table, names, table.c.extension_key == key, gone=gone)
        having = {row.source for row in found}
        found += [row for row in (await connection.execute(extension)).all() if row.source not in having]
    # Of several with one extension the first, as the board does.
    by_source = {row.source: row for row in reversed(found)}
    if len(by_source) > 1:
        raise ambiguous(kind, row_id, tuple(sorted(by_source)))
    for row in by_source.values():
        return Found(row.source, row.key, row[2])
    return None


def _by(table: Table, sources: tuple[str, ...], condition: Any, *, gone: bool) -> Select[Any]:
    name = table.c.name if table is tables.queues else table.c.id
    standing = true() if gone or table is tables.calls else table.c.gone_at.is_(None)
    chosen = select(table.c.source, table.c.key, name).where(and_(table.c.source.in_(sources), condition, standing))
    return chosen.order_by(table.c.source, table.c.key).limit(100)
