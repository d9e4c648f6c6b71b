"""Writes one batch into the tables, in the transaction of the connection it is given."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import Executable, Table, and_, bindparam, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.database import tables
from vss_router.database.write_batch import Values, WriteBatch

__all__ = ["upsert", "write"]

TOGETHER: Final = 200
"""Rows per statement: preparing more at once would hold the event loop up."""
_VISITS_IN_A_ROW: Final = 64
"""So many visits a call's row remembers; those before them stay as they were written."""


async def write(connection: AsyncConnection, batch: WriteBatch) -> int:
    """Write the batch; gives back how many rows were sent."""
    dialect = connection.dialect.name

    async def send(statement: Executable, rows: Iterable[Values]) -> int:
        sent, following = 0, iter(rows)
        while chunk := list(islice(following, TOGETHER)):
            await connection.execute(statement, chunk)
            sent += len(chunk)
        return sent

    def places(found: Iterable[tuple[str, str]]) -> Iterable[Values]:
        return ({"of_source": source, "of_key": key} for source, key in found)

    rows = await send(upsert(tables.sources, dialect), batch.sources.values())
    rows += await send(upsert(tables.operators, dialect), batch.operators.values())
    # All go before any comes: a device may have changed its operator.
    await send(_members_of_operator(), places(batch.members))
    rows += await send(upsert(tables.queue_members, dialect), _each(batch.members.values()))
    rows += await send(upsert(tables.queues, dialect), batch.queues.values())
    for table, gone in ((tables.operators, batch.gone_operators), (tables.queues, batch.gone_queues)):
        places_gone = ({"of_source": of, "of_key": key, "at": at} for (of, key), at in gone.items())
        rows += await send(_gone(table), places_gone)
    await send(_members_of_operator(), places(batch.gone_operators))
    rows += await send(upsert(tables.calls, dialect), batch.calls.values())
    # A visit may have moved to another call with its channel.
    since = (
        {"of_source": source, "of_key": key, "of_since": _remembered_since(visits)}
        for (source, key), visits in batch.visits.items()
    )
    await send(_visits_of_call(), since)
    rows += await send(upsert(tables.queue_visits, dialect), _each(batch.visits.values()))
    rows += await send(upsert(tables.call_legs, dialect), batch.legs.values())
    sets = (
        {"source": source, "id": queue_set, "queue_key": key}
        for (source, queue_set), keys in batch.queue_sets.items()
        for key in sorted(keys)
    )
    rows += await send(upsert(tables.queue_sets, dialect), sets)
    return rows + await send(upsert(tables.status_history, dialect), batch.intervals)


@cache
def upsert(table: Table, dialect: str) -> Executable:
    """Insert a row or replace the one of the same key, unless that one has a higher `seq`."""
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    if not rest:
        return statement.on_conflict_do_nothing()  # type: ignore[no-any-return]
    newer = statement.excluded.seq >= table.c.seq if "seq" in rest else None
    return statement.on_conflict_do_update(index_elements=keys, set_=rest, where=newer)  # type: ignore[no-any-return]


@cache
def _members_of_operator() -> Executable:
    members = tables.queue_members.c
    return delete(tables.queue_members).where(
        and_(members.source == bindparam("of_source"), members.operator_key == bindparam("of_key"))
    )


@cache
def _gone(table: Table) -> Executable:
    place = and_(table.c.source == bindparam("of_source"), table.c.key == bindparam("of_key"))
    return update(table).where(place).values(gone_at=bindparam("at"))


@cache
def _visits_of_call() -> Executable:
    visits = tables.queue_visits.c
    return delete(tables.queue_visits).where(
        and_(
            visits.source == bindparam("of_source"),
            visits.call_key == bindparam("of_key"),
            visits.joined_at >= bindparam("of_since"),
        )
    )


def _remembered_since(visits: Sequence[Values]) -> int:
    return visits[0]["joined_at"] if len(visits) >= _VISITS_IN_A_ROW else 0


def _each(groups: Iterable[Iterable[Values]]) -> Iterable[Values]:
    return (row for group in groups for row in group)
