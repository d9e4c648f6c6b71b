"""Analytics: time in state, handling times, service level, computed from the history."""

from datetime import datetime
from typing import final

from vss_router.database.engine import Database
from vss_router.database.history_rows import HandlingTimes, ServiceReport, Step, TimeInState

__all__ = ["Analytics"]


@final
class Analytics:
    """Figures over a span of time; parameters and errors as `History` has them.

    None stands for an unknown operator or queue.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def operator_states(
        self, operator_id: str, since: datetime, until: datetime, *, source: str | None = None
    ) -> TimeInState | None:
        """How long an operator was in each state."""
        raise NotImplementedError

    async def queue_states(
        self, name: str, since: datetime, until: datetime, *, source: str | None = None
    ) -> TimeInState | None:
        """How long a queue's operators were in each state, summed over the operators."""
        raise NotImplementedError

    async def handling(
        self,
        since: datetime,
        until: datetime,
        *,
        queue: str | None = None,
        operator: str | None = None,
        source: str | None = None,
    ) -> HandlingTimes | None:
        """Wait, talk, hold and wrap-up of a queue, an operator, both, or of the whole PBX."""
        raise NotImplementedError

    async def service_level(
        self,
        name: str,
        since: datetime,
        until: datetime,
        *,
        step: Step = "hour",
        time_zone: str = "UTC",
        source: str | None = None,
    ) -> ServiceReport | None:
        """Offered, answered, abandoned, timed out and service level of a queue per interval.

        Raises, besides
        ------
        StatusQueryError
            An unknown `time_zone` or `step`, or a span of more intervals than one report holds.
        """
        raise NotImplementedError
