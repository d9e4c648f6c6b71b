"""How many rows of a PBX the database holds, for whoever compares the stores."""

from typing import Final, final

from sqlalchemy import TableClause, func, select

from vss_router.database import tables
from vss_router.database.asking import asked, in_time
from vss_router.database.engine import Database
from vss_router.status.reader_protocols import Table

__all__ = ["RowCounts"]

_COUNTED: Final[tuple[tuple[Table, TableClause], ...]] = (
    ("operators", tables.operators),
    ("queues", tables.queues),
    ("calls", tables.calls),
)


@final
class RowCounts:
    """Counts rows; those of operators and queues that are gone do not count, ended calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @in_time
    async def counts(self, source: str) -> dict[Table, int]:
        """Rows by table; there are no channels, which the database does not keep while they live.

        Raises
        ------
        StatusUnavailableError
            The database does not answer.
        """
        found: dict[Table, int] = {}
        async with asked(self._database) as connection:
            for name, table in _COUNTED:
                query = select(func.count()).select_from(table).where(table.c.source == source)
                if "gone_at" in table.c:
                    query = query.where(table.c.gone_at.is_(None))
                found[name] = (await connection.execute(query)).scalar_one()
        return found
