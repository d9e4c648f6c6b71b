"""The table `rabbitmq_log`: a sample of what was published and consumed, one row a message."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, final

from vss_router.broker.message_log import LoggedMessage
from vss_router.database.engine import Database
from vss_router.database.retention import expire_message_log
from vss_router.database.tables import rabbitmq_log

__all__ = ["DatabaseMessageLog"]

KEEP_DAYS: Final = 7.0
CLEAN_SECONDS: Final = 600.0


@final
class DatabaseMessageLog:
    """The store of a `MessageLog` in a database; keeps its rows for `keep_days`. `clock` gives Unix seconds."""

    def __init__(
        self, database: Database, *, keep_days: float = KEEP_DAYS, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._keep = timedelta(days=keep_days)
        self._clock = clock
        self._clean_at = 0.0

    async def append(self, messages: Sequence[LoggedMessage]) -> None:
        """Write these in one transaction.

        Raises
        ------
        DatabaseUnavailableError
            The database does not answer.
        """
        rows = [
            {
                "timestamp": datetime.fromtimestamp(message.timestamp, UTC),
                "service": message.service,
                "type": message.type,
                "routing_key": message.routing_key,
                "data": message.data,
            }
            for message in messages
        ]

        async def written() -> None:
            async with self._database.writing() as connection:
                await connection.execute(rabbitmq_log.insert(), rows)

        await self._database.in_time(written())
        now = self._clock()
        if now >= self._clean_at:
            self._clean_at = now + CLEAN_SECONDS
            await expire_message_log(self._database, datetime.fromtimestamp(now, UTC) - self._keep)
