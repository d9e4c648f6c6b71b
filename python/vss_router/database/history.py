"""History: what was, interval by interval and visit by visit."""

from datetime import datetime
from typing import final

from vss_router.database.engine import Database
from vss_router.database.history_rows import OperatorHistory, QueueHistory

__all__ = ["History"]


@final
class History:
    """Reads state intervals and queue visits. Times given must carry a time zone.

    Raises, from every method
    ------
    StatusQueryError
        An unknown `source`, `since` not before `until`, a time without zone, a bad `limit` or `cursor`.
    AmbiguousSourceError
        The id stands in more than one PBX and no `source` picks one.
    StatusUnavailableError
        The database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def operator(
        self,
        operator_id: str,
        since: datetime,
        until: datetime,
        *,
        source: str | None = None,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> OperatorHistory | None:
        """An operator's state intervals, by id (`PJSIP/1001`) or extension (`1001`); None for an unknown one."""
        raise NotImplementedError

    async def queue(
        self,
        name: str,
        since: datetime,
        until: datetime,
        *,
        source: str | None = None,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> QueueHistory | None:
        """The visits of calls in a queue; None for an unknown queue."""
        raise NotImplementedError
