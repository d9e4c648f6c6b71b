"""Analytics: time in state, handling times, service level, computed in the database from the history."""

from datetime import datetime
from typing import Any, Final, final, get_args

import msgspec
from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.database import tables
from vss_router.database.asking import Found, asked, found_one, in_time, known_sources
from vss_router.database.engine import Database
from vss_router.database.figures import mean_seconds, seconds, spread_of
from vss_router.database.history_rows import HandlingTimes, ServiceReport, StateTime, Step, TimeInState
from vss_router.database.row_keys import moment
from vss_router.database.service_level import service_intervals
from vss_router.database.spans import Span, checked_span, intervals_of
from vss_router.database.state_intervals import OPERATOR_KIND
from vss_router.errors import StatusQueryError
from vss_router.status.rows import OperatorState

__all__ = ["Analytics"]

RECENT_MS: Final = 30 * 86_400_000
"""Of 90 days that are kept, a third."""
_STATES: Final = get_args(OperatorState)


class _Asked(msgspec.Struct, frozen=True):
    """Whom a question is about."""

    source: str
    seen_at: int
    queue: Found | None
    operator: Found | None


@final
class Analytics:
    """Figures over a span of time; parameters and errors as `History` has them.

    None stands for an unknown operator or queue.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @in_time
    async def operator_states(
        self, operator_id: str, since: datetime, until: datetime, *, source: str | None = None
    ) -> TimeInState | None:
        """How long an operator was in each state."""
        return await self._states(checked_span(since, until), source, operator=operator_id)

    @in_time
    async def queue_states(
        self, name: str, since: datetime, until: datetime, *, source: str | None = None
    ) -> TimeInState | None:
        """How long a queue's operators were in each state, summed over the operators."""
        return await self._states(checked_span(since, until), source, queue=name)

    @in_time
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
        span = checked_span(since, until)
        async with asked(self._database) as connection:
            about = await _about(connection, source, queue, operator)
            if about is None:
                return None
            wait, _ = await spread_of(connection, _answered(about, span, tables.queue_visits.c.wait_ms))
            talk, talked = await spread_of(connection, _answered(about, span, tables.queue_visits.c.talk_ms))
            hold, _ = await spread_of(connection, _served(about, span, "on_hold"))
            wrap_up, wrapped = await spread_of(connection, _served(about, span, "wrap_up"))
        return HandlingTimes(
            source=about.source,
            queue=about.queue.id if about.queue else None,
            operator=about.operator.id if about.operator else None,
            since=moment(span.since),
            until=moment(span.until),
            answered=wait.count,
            wait=wait,
            talk=talk,
            hold=hold,
            wrap_up=wrap_up,
            handling_mean=mean_seconds(talked + wrapped, wait.count),
        )

    @in_time
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

        A visit counts in the interval it began in.

        Raises
        ------
        StatusQueryError
            Besides: an unknown `time_zone` or `step`, or a span of more intervals than one report holds.
        """
        span = checked_span(since, until)
        cut = intervals_of(span, step, time_zone)
        queues = tables.queues.c
        async with asked(self._database) as connection:
            about = await _about(connection, source, name, None)
            if about is None or about.queue is None:
                return None
            place = and_(queues.source == about.source, queues.key == about.queue.key)
            in_time = (await connection.execute(select(queues.service_level_seconds).where(place))).scalar_one()
            intervals = await service_intervals(connection, about.source, about.queue.key, cut, in_time)
            (total,) = await service_intervals(connection, about.source, about.queue.key, [span], in_time)
        return ServiceReport(
            source=about.source,
            queue=about.queue.id,
            time_zone=time_zone,
            step=step,
            service_level_seconds=in_time,
            intervals=intervals,
            total=total,
        )

    async def _states(
        self, span: Span, source: str | None, *, operator: str | None = None, queue: str | None = None
    ) -> TimeInState | None:
        of = tables.status_history.c
        async with asked(self._database) as connection:
            about = await _about(connection, source, queue, operator)
            if about is None:
                return None
            begins = _later(of.since, span.since)
            ends = _earlier(func.coalesce(of.ended, about.seen_at), span.until)
            entered = and_(of.watched, ~of.continues, of.since >= span.since)
            rows = (
                select(
                    of.state,
                    of.watched,
                    func.sum(case((ends > begins, ends - begins), else_=0)).label("spent"),
                    func.sum(case((entered, 1), else_=0)).label("entered"),
                )
                .where(*_of_operators(connection, about, span), *_whose(about))
                .where(or_(of.ended.is_(None), and_(of.ended > span.since, of.ended > of.since)))
                .group_by(of.state, of.watched)
            )
            read = (await connection.execute(rows)).all()
        states = [
            StateTime(state=row.state, seconds=seconds(row.spent), entered=int(row.entered))
            for row in sorted(read, key=lambda row: _STATES.index(row.state))
            if row.watched and (row.spent or row.entered)
        ]
        return TimeInState(
            source=about.source,
            operator=about.operator.id if about.operator else None,
            queue=about.queue.id if about.queue else None,
            since=moment(span.since),
            until=moment(span.until),
            states=states,
            unwatched_seconds=seconds(sum(row.spent for row in read if not row.watched)),
        )


async def _about(
    connection: AsyncConnection, source: str | None, queue: str | None, operator: str | None
) -> _Asked | None:
    known = await known_sources(connection, source)
    found_queue = await found_one(connection, "queue", queue, known, gone=True) if queue is not None else None
    if found_queue is not None:
        known = {found_queue.source: known[found_queue.source]}
    found = await found_one(connection, "operator", operator, known, gone=True) if operator is not None else None
    if (queue is not None and found_queue is None) or (operator is not None and found is None):
        return None
    whose = found_queue or found
    if whose is None and len(known) > 1:
        raise StatusQueryError("source", "There is more than one PBX: choose one by `source`, or name a queue.")
    name = whose.source if whose is not None else next(iter(known))
    return _Asked(name, known[name].seen_at, found_queue, found)


def _of_operators(connection: AsyncConnection, about: _Asked, span: Span) -> tuple[ColumnElement[bool], ...]:
    """The intervals of this PBX that began before the span ended."""
    of = tables.status_history.c
    recent = about.seen_at - span.since < RECENT_MS
    if about.operator is None and recent and connection.dialect.name == "sqlite":
        # It would take the index of the begins, that is all of the history before. As expressions they have no index,
        # and what it takes is that of the ends: few for a span that began not long ago.
        return (of.source.concat("") == about.source, of.kind.concat("") == OPERATOR_KIND, of.since + 0 < span.until)
    return (of.source == about.source, of.kind == OPERATOR_KIND, of.since < span.until)


def _whose(about: _Asked) -> list[ColumnElement[bool]]:
    """The intervals of the operator, or of all while they were in the queue."""
    of, sets = tables.status_history.c, tables.queue_sets.c
    conditions: list[ColumnElement[bool]] = []
    if about.operator is not None:
        conditions.append(of.key == about.operator.key)
    if about.queue is not None:
        having = select(sets.id).where(sets.source == about.source, sets.queue_key == about.queue.key)
        conditions.append(of.queue_set.in_(having))
    return conditions


def _answered(about: _Asked, span: Span, column: ColumnElement[int]) -> Select[Any]:
    of = tables.queue_visits.c
    values = select(column.label("value")).where(of.source == about.source, of.outcome == "answered")
    values = values.where(of.joined_at >= span.since, of.joined_at < span.until)
    if about.queue is not None:
        values = values.where(of.queue_key == about.queue.key)
    if about.operator is not None:
        values = values.where(of.operator_key == about.operator.key)
    return values


def _served(about: _Asked, span: Span, state: str) -> Select[Any]:
    """Time in the state for each call that was served, pieces of one put together."""
    of = tables.status_history.c
    values = (
        select(func.sum(of.ended - of.since).label("value"))
        .where(of.source == about.source, of.kind == OPERATOR_KIND, of.state == state, of.watched)
        .where(of.since >= span.since, of.since < span.until, of.ended > of.since, of.queue_key.is_not(None))
        .group_by(of.key, func.coalesce(of.call, cast(of.seq, Text)))
    )
    if about.queue is not None:
        values = values.where(of.queue_key == about.queue.key)
    if about.operator is not None:
        values = values.where(of.key == about.operator.key)
    return values


def _later(at: ColumnElement[int], bound: int) -> ColumnElement[int]:
    return case((at > bound, at), else_=bound)


def _earlier(at: ColumnElement[int], bound: int) -> ColumnElement[int]:
    return case((at < bound, at), else_=bound)
