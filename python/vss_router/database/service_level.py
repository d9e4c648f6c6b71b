"""The service level of a queue, interval by interval, in one statement."""

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, case, cast, column, func, select, values
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.database import tables
from vss_router.database.figures import NOTHING, PERCENTILES, percent, rank_of, spread
from vss_router.database.history_rows import ServiceInterval
from vss_router.database.row_keys import moment
from vss_router.database.spans import Span
from vss_router.status.rows import ServiceLevel

__all__ = ["service_intervals"]

TIMED_OUT: Final = ("timeout", "left_empty")


async def service_intervals(
    connection: AsyncConnection, source: str, queue_key: str, cut: list[Span], in_time_seconds: int
) -> list[ServiceInterval]:
    """The visits that began in each span; one without any has zeros."""
    spans = (
        values(column("number", Integer), column("begins", BigInteger), column("ends", BigInteger), name="spans")
        .data([(number, span.since, span.until) for number, span in enumerate(cut)])
        .cte("spans")
    )
    of = tables.queue_visits.c
    alike = (spans.c.number, of.outcome)
    visits = (
        select(
            spans.c.number,
            of.outcome,
            of.wait_ms,
            func.row_number().over(partition_by=alike, order_by=of.wait_ms).label("place"),
            func.count().over(partition_by=alike).label("alike"),
        )
        .join(tables.queue_visits, and_(of.joined_at >= spans.c.begins, of.joined_at < spans.c.ends))
        .where(of.source == source, of.queue_key == queue_key)
        .subquery("visits")
    )
    answered, abandoned = visits.c.outcome == "answered", visits.c.outcome == "abandoned"
    in_time = visits.c.wait_ms <= in_time_seconds * 1000
    alike_count = cast(visits.c.alike, Integer)
    figures = select(
        visits.c.number,
        func.count().label("offered"),
        _count(answered).label("answered"),
        _count(and_(answered, in_time)).label("answered_in_time"),
        _count(abandoned).label("abandoned"),
        _count(and_(abandoned, in_time)).label("abandoned_in_time"),
        _count(visits.c.outcome.in_(TIMED_OUT)).label("timed_out"),
        func.sum(case((answered, visits.c.wait_ms), else_=0)).label("waited"),
        func.max(case((answered, visits.c.wait_ms))).label("longest"),
        *(
            func.max(case((and_(answered, visits.c.place == rank_of(alike_count, share)), visits.c.wait_ms))).label(
                f"p{share}"
            )
            for share in PERCENTILES
        ),
    ).group_by(visits.c.number)
    found = {row.number: row for row in await connection.execute(figures)}
    return [_interval(span, found.get(number)) for number, span in enumerate(cut)]


def _interval(span: Span, row: Any) -> ServiceInterval:
    begins, ends = moment(span.since), moment(span.until)
    if row is None:
        level = ServiceLevel(of_answered=None, of_offered=None)
        return ServiceInterval(
            begins=begins,
            ends=ends,
            offered=0,
            answered=0,
            abandoned=0,
            timed_out=0,
            service_level_percent=level,
            wait=NOTHING,
        )
    answered, abandoned = int(row.answered), int(row.abandoned)
    answered_in_time, abandoned_in_time = int(row.answered_in_time), int(row.abandoned_in_time)
    return ServiceInterval(
        begins=begins,
        ends=ends,
        offered=row.offered,
        answered=answered,
        abandoned=abandoned,
        timed_out=int(row.timed_out),
        service_level_percent=ServiceLevel(
            of_answered=percent(answered_in_time, answered),
            of_offered=percent(answered_in_time + abandoned_in_time, answered + abandoned),
        ),
        wait=spread(answered, row.waited, [row.p50, row.p90, row.p95, row.p99], row.longest),
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
