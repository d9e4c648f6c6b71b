"""A recorder and what it wrote, for tests of the database."""

from typing import Any

from sqlalchemy import delete, select

from tests.recorded_events import RecordedDouble, at
from vss_router.database.engine import Database
from vss_router.database.history import History
from vss_router.database.recorder import StatusRecorder
from vss_router.database.tables import METADATA
from vss_router.event_fanout import TypedEvent


async def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in all tables."""
    async with database.reading() as connection:
        return {
            table.name: [tuple(row) for row in await connection.execute(select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
        }


async def column(database: Database, table: str, name: str) -> list[Any]:
    """One column of a table in order of its key."""
    of = METADATA.tables[table]
    async with database.reading() as connection:
        return list((await connection.execute(select(of.c[name]).order_by(*of.primary_key))).scalars())


def recorder(database: Database, board: RecordedDouble | None = None, **more: Any) -> StatusRecorder:
    boards = {} if board is None else {"main": board}
    return StatusRecorder(database, boards, clock=lambda: 0.0, random=lambda: 0.0, **more)


async def record(database: Database, *events: TypedEvent, board: RecordedDouble | None = None) -> StatusRecorder:
    """A recorder that has written these events."""
    recording = recorder(database, board)
    recording.handle("main", list(events))
    await recording.flush()
    return recording


async def intervals(database: Database, operator: str = "PJSIP/1", until: float = 10_000) -> list[tuple[Any, ...]]:
    """(state, since, ended, watched, continues) of each, in seconds after the beginning."""
    found = await History(database).operator(operator, at(0), at(until))
    assert found is not None
    return [
        (
            item.state,
            (item.since - at(0)).total_seconds(),
            None if item.ended is None else (item.ended - at(0)).total_seconds(),
            item.watched,
            item.continues,
        )
        for item in found.items
    ]


async def emptied(database: Database) -> None:
    async with database.writing() as connection:
        for table in reversed(METADATA.sorted_tables):
            await connection.execute(delete(table))
