"""Removes what is older than the retention, a little at a time: nobody waits long for a table."""

import asyncio
from datetime import datetime
from typing import Final

from sqlalchemy import Delete, Table, delete, select, tuple_

from vss_router.database import tables
from vss_router.database.engine import Database

__all__ = ["expire", "expire_inbox", "expire_message_log"]

TOGETHER: Final = 500
"""Rows per transaction."""
_ENDS: Final = (
    (tables.status_history, "ended"),
    (tables.call_legs, "ended_at"),
    (tables.calls, "ended_at"),
    (tables.operators, "gone_at"),
    (tables.queues, "gone_at"),
)


async def expire(database: Database, before: int, together: int = TOGETHER) -> int:
    """Remove what ended before that time (milliseconds); gives back how many rows. What still lasts stays."""
    removed = 0
    for table, ends in _ENDS:
        removed += await _removed(database, table, ends, before, together)
    return removed


async def expire_inbox(database: Database, before: int, together: int = TOGETHER) -> int:
    """Forget the messages whose claim ended before that time (milliseconds), handled or not; how many."""
    return await _removed(database, tables.inbox, "claimed_until", before, together)


async def expire_message_log(database: Database, before: datetime, together: int = TOGETHER) -> int:
    """Remove the lines of the message log from before that time; how many."""
    return await _removed(database, tables.rabbitmq_log, "timestamp", before, together)


async def _removed(database: Database, table: Table, ends: str, before: int | datetime, together: int) -> int:
    removed = 0
    while True:
        async with database.writing() as connection:
            gone = (await connection.execute(_some(table, ends, before, together))).rowcount
        removed += gone
        if gone < together:
            return removed
        await asyncio.sleep(0)


def _some(table: Table, ends: str, before: int | datetime, together: int) -> Delete:
    key = list(table.primary_key)
    found = select(*key).where(table.c[ends] < before).limit(together)
    return delete(table).where(tuple_(*key).in_(found))
