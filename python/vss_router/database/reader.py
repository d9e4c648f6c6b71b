"""Reads last known rows: what answers when neither this process nor Redis knows.

A row is as it was last recorded, so every answer is stale. Live channels are not kept: their lists are empty, and a
hung-up one is found in the history of its call. Of calls the lists hold those that were live; `call` finds any.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, final

import msgspec
from sqlalchemy import ColumnElement, Table, and_, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.database import tables
from vss_router.database.asking import KINDS, asked, found_one, in_time, known_sources
from vss_router.database.engine import Database
from vss_router.database.row_json import said_at
from vss_router.database.row_keys import key_of, moment
from vss_router.status.cursor import Cursor
from vss_router.status.questions import check_limit, check_state, page
from vss_router.status.reader_protocols import Answer

__all__ = ["DatabaseReader"]

_ID: Final = {
    tables.operators: tables.operators.c.id,
    tables.calls: tables.calls.c.id,
    tables.queues: tables.queues.c.name,
}


class _Callers(msgspec.Struct):
    callers: msgspec.Raw


_CALLERS: Final = msgspec.json.Decoder(_Callers)


@final
class DatabaseReader:
    """The `StatusReader` over a database; `sources` are the configured PBXs, without them all that were recorded.

    Errors are those of `StatusReader`; `StatusUnavailableError` also when the database does not answer in time.
    """

    def __init__(self, database: Database, sources: Sequence[str] | None = None) -> None:
        self._database = database
        self._configured = None if sources is None else tuple(sorted(sources))
        self._seen: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the PBXs, in order; without configured ones those that the last answer found."""
        return self._configured if self._configured is not None else self._seen

    @in_time
    async def operator(self, operator_id: str, source: str | None = None) -> Answer | None:
        """One operator by id (`PJSIP/1001`) or extension (`1001`): an `OperatorRow`."""
        return await self._one("operator", operator_id, source)

    @in_time
    async def channel(self, channel_id: str, source: str | None = None) -> Answer | None:  # noqa: ARG002
        """Always None: the database keeps no live channels."""
        async with asked(self._database) as connection:
            await self._chosen(connection, source)
        return None

    @in_time
    async def call(self, call_id: str, source: str | None = None) -> Answer | None:
        """One call by Linkedid, ended ones too: a `CallRow`."""
        return await self._one("call", call_id, source)

    @in_time
    async def queue(self, name: str, source: str | None = None) -> Answer | None:
        """One queue by name: a `QueueRow`."""
        return await self._one("queue", name, source)

    @in_time
    async def callers(self, queue: str, source: str | None = None) -> Answer | None:
        """Who waited in a queue when it was last heard of: `{"items": [Caller, …], "next_cursor": null}`."""
        found = await self._one("queue", queue, source)
        if found is None:
            return None
        waiting = bytes(_CALLERS.decode(found.body).callers)
        return msgspec.structs.replace(found, body=b'{"items":' + waiting + b',"next_cursor":null}')

    @in_time
    async def operators(
        self,
        *,
        state: str | None = None,
        queue: str | None = None,
        source: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Answer:
        """Operators in order of source and id, those last seen in `state` and members of `queue`: `OperatorRow`s."""
        check_state(state)
        operators, members = tables.operators.c, tables.queue_members.c
        wanted: list[ColumnElement[bool]] = [operators.gone_at.is_(None)]
        if state is not None:
            wanted.append(operators.state == state)
        if queue is not None:
            place = and_(
                members.source == operators.source,
                members.operator_key == operators.key,
                members.queue_key == key_of(queue),
            )
            wanted.append(exists(select(members.queue_key).where(place)))
        return await self._list(tables.operators, wanted, source, limit, cursor)

    @in_time
    async def channels(
        self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Answer:
        """Always empty: the database keeps no live channels."""
        return await self._list(None, [], source, limit, cursor)

    @in_time
    async def calls(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Answer:
        """Calls that were live when last heard of, in order of source and id: `CallRow`s."""
        return await self._list(tables.calls, [tables.calls.c.status != "ended"], source, limit, cursor)

    @in_time
    async def queues(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Answer:
        """Queues in order of source and name: `QueueRow`s."""
        return await self._list(tables.queues, [tables.queues.c.gone_at.is_(None)], source, limit, cursor)

    @in_time
    async def snapshot(self, source: str | None = None) -> Answer:
        """Everything as last recorded: a `SourceSnapshot`, or `{"sources": {name: SourceSnapshot}}` of several PBXs."""
        async with asked(self._database) as connection:
            await _at_one_moment(connection)
            chosen = await self._chosen(connection, source)
            bodies = [(name, await _snapshot(connection, row)) for name, row in chosen.items()]
        version = "database," + ",".join(f"{name}:{chosen[name].seq}-{len(body)}" for name, body in bodies)
        if len(bodies) == 1:
            return _answer(bodies[0][1], chosen, version)
        named = [msgspec.json.encode(name) + b":" + body for name, body in bodies]
        return _answer(b'{"sources":{' + b",".join(named) + b"}}", chosen, version)

    async def _one(self, kind: Literal["operator", "call", "queue"], row_id: str, source: str | None) -> Answer | None:
        table = KINDS[kind]
        async with asked(self._database) as connection:
            row = await self._by_key(connection, table, row_id, source)
            if row is None:
                chosen = await self._chosen(connection, source)
                found = await found_one(connection, kind, row_id, chosen, gone=False)
                row = found and await self._by_key(connection, table, found.id, found.source)
            if row is None:
                return None
        # A call has no time of its own: it is as of the PBX's last fact.
        as_of = row.source_as_of if table is tables.calls else row.as_of
        return Answer(
            body=_stale(row.row),
            as_of=said_at(moment(as_of)),
            position=f"{row.source}:{row.seq}",
            seq=row.seq,
            stale=True,
            source=row.source,
            source_of_truth="database",
        )

    async def _by_key(self, connection: AsyncConnection, table: Table, row_id: str, source: str | None) -> Any:
        """The usual case in one question: the row of that very id, where the PBX is given or the only one."""
        of = source
        if self._configured is not None:
            if of is None and len(self._configured) == 1:
                of = self._configured[0]
            if of not in self._configured:
                return None
        standing = true() if table is tables.calls else table.c.gone_at.is_(None)
        as_of = tables.sources.c.as_of.label("source_as_of")
        row = (
            select(table, as_of, select(func.count()).select_from(tables.sources).scalar_subquery().label("pbxs"))
            .join(tables.sources, tables.sources.c.source == table.c.source)
            .where(table.c.key == key_of(row_id), standing)
        )
        if of is not None:
            return (await connection.execute(row.where(table.c.source == of))).one_or_none()
        found = (await connection.execute(row.limit(2))).all()
        return found[0] if found and found[0].pbxs == 1 else None

    async def _list(
        self, table: Table | None, wanted: list[Any], source: str | None, limit: int | None, cursor: str | None
    ) -> Answer:
        check_limit(limit)
        start = Cursor.decode(cursor) if cursor is not None else None
        async with asked(self._database) as connection:
            chosen = await self._chosen(connection, source)
            if table is None:
                return _answer(page([], None), chosen)
            bodies: list[bytes] = []
            last: Cursor | None = None
            for name in chosen:
                if start is not None and name < start.source:
                    continue
                rows = select(_ID[table], table.c.row).where(table.c.source == name, *wanted)
                if start is not None and name == start.source:
                    rows = rows.where(table.c.key > key_of(start.after))
                rows = rows.order_by(table.c.key)
                if limit is not None:
                    # One row more than wanted tells whether another page follows.
                    rows = rows.limit(limit - len(bodies) + 1)
                for row_id, body in await connection.execute(rows):
                    if limit is not None and len(bodies) == limit:
                        return _answer(page(bodies, last.encode() if last else None), chosen)
                    bodies.append(_stale(body))
                    last = Cursor(name, row_id)
        return _answer(page(bodies, None), chosen)

    async def _chosen(self, connection: AsyncConnection, source: str | None) -> dict[str, Any]:
        chosen = await known_sources(connection, source, self._configured)
        if source is None:
            self._seen = tuple(chosen)
        return chosen


def _stale(row: bytes) -> bytes:
    """The last known row, marked: whoever passes it on cannot lose the header that says so."""
    return row[:-1] + b',"stale":true}'


def _answer(body: bytes, read: dict[str, Any], version: str | None = None) -> Answer:
    only = next(iter(read.values())) if len(read) == 1 else None
    return Answer(
        body=body,
        as_of=said_at(moment(min(row.as_of for row in read.values()))),
        position=",".join(f"{name}:{row.seq}" for name, row in read.items()),
        seq=None if only is None else only.seq,
        stale=True,
        source=None if only is None else only.source,
        source_of_truth="database",
        version=version,
    )


async def _at_one_moment(connection: AsyncConnection) -> None:
    """What follows sees the tables as they are now, whatever is written meanwhile."""
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    else:
        await connection.exec_driver_sql("BEGIN")


async def _snapshot(connection: AsyncConnection, source: Any) -> bytes:
    parts = []
    for table, wanted in (
        (tables.operators, tables.operators.c.gone_at.is_(None)),
        (None, None),
        (tables.queues, tables.queues.c.gone_at.is_(None)),
        (tables.calls, tables.calls.c.status != "ended"),
    ):
        rows: Sequence[bytes] = ()
        if table is not None and wanted is not None:
            found = select(table.c.row).where(table.c.source == source.source, wanted).order_by(table.c.key)
            rows = (await connection.execute(found)).scalars().all()
        parts.append(b",".join(_stale(row) for row in rows))
    head = msgspec.json.encode({"source": source.source, "seq": source.seq, "as_of": said_at(moment(source.as_of))})[
        :-1
    ]
    return head + b',"operators":[%b],"channels":[%b],"queues":[%b],"calls":[%b]}' % tuple(parts)
