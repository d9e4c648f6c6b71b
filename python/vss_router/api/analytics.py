"""`/analytics`: time in state, handling times, waits and service level over a span, out of the database."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Protocol

import msgspec
from litestar import Router, get
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from vss_router.api.answers import row_id, settled
from vss_router.api.examples import page_of
from vss_router.api.history_examples import OPERATOR_REPORT, QUEUE_REPORT, QUEUE_SUMMARY
from vss_router.api.openapi import CursorParameter, DatabaseOperation, QueueParameter, SourceParameter, described
from vss_router.api.problems import UnknownRow
from vss_router.api.spans import FromParameter, ToParameter, answering, database_response, no_database, span
from vss_router.database.history_rows import HandlingTimes, ServiceReport, Step, TimeInState
from vss_router.status.reader import StatusReader

__all__ = [
    "AnalyticsReader",
    "OperatorReport",
    "OperatorReports",
    "QueueReport",
    "QueueSummaries",
    "QueueSummary",
    "analytics_routes",
]


class AnalyticsReader(Protocol):
    """What the routes need of `vss_router.database.Analytics`, which documents it."""

    # ruff: disable[D102]
    async def operator_states(
        self, operator_id: str, since: datetime, until: datetime, *, source: str | None = None
    ) -> TimeInState | None: ...
    async def queue_states(
        self, name: str, since: datetime, until: datetime, *, source: str | None = None
    ) -> TimeInState | None: ...
    async def handling(
        self,
        since: datetime,
        until: datetime,
        *,
        queue: str | None = None,
        operator: str | None = None,
        source: str | None = None,
    ) -> HandlingTimes | None: ...
    async def service_level(
        self,
        name: str,
        since: datetime,
        until: datetime,
        *,
        step: Step = "hour",
        time_zone: str = "UTC",
        source: str | None = None,
    ) -> ServiceReport | None: ...

    # ruff: enable[D102]


class OperatorReport(msgspec.Struct, frozen=True, kw_only=True):
    """An operator over a span: time in state, and the times of the calls they answered."""

    source: str
    id: str
    states: TimeInState | None
    handling: HandlingTimes | None


class QueueSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A queue over a span: its operators' time in state, and the times of the calls answered in it."""

    source: str
    name: str
    states: TimeInState | None
    handling: HandlingTimes | None


class QueueReport(msgspec.Struct, frozen=True, kw_only=True):
    """A queue over a span, with its service level per interval."""

    source: str
    name: str
    states: TimeInState | None
    handling: HandlingTimes | None
    service_level: ServiceReport


class OperatorReports(msgspec.Struct, frozen=True, kw_only=True):
    """Reports by operator; `next_cursor` leads to the following page."""

    items: list[OperatorReport]
    next_cursor: str | None


class QueueSummaries(msgspec.Struct, frozen=True, kw_only=True):
    """Summaries by queue; `next_cursor` leads to the following page."""

    items: list[QueueSummary]
    next_cursor: str | None


class _Named(msgspec.Struct):
    source: str
    id: str = ""
    name: str = ""


class _NamedPage(msgspec.Struct):
    items: list[_Named]
    next_cursor: str | None


_NAMES = msgspec.json.Decoder(_NamedPage)
PageParameter = Annotated[int, QueryParameter(ge=1, le=200, description="Items per page.")]
IntervalParameter = Annotated[
    Step, QueryParameter(name="interval", description="Length of the intervals: 15 minutes, an hour, a day.")
]
ZoneParameter = Annotated[
    str, QueryParameter(max_length=64, description="Where the hours and days begin: a name such as `Europe/Moscow`.")
]


def analytics_routes(analytics: AnalyticsReader | None, reader: StatusReader, clock: Callable[[], float]) -> Router:
    """The routes under `/analytics`; `reader` knows which operators and queues there are."""

    async def report_of(asked: AnalyticsReader, name: _Named, since: datetime, until: datetime) -> OperatorReport:
        return OperatorReport(
            source=name.source,
            id=name.id,
            states=await asked.operator_states(name.id, since, until, source=name.source),
            handling=await asked.handling(since, until, operator=name.id, source=name.source),
        )

    async def summary_of(asked: AnalyticsReader, name: _Named, since: datetime, until: datetime) -> QueueSummary:
        return QueueSummary(
            source=name.source,
            name=name.name,
            states=await asked.queue_states(name.name, since, until, source=name.source),
            handling=await asked.handling(since, until, queue=name.name, source=name.source),
        )

    @get(
        "/analytics/operators",
        summary="Time in state and handling times of all operators",
        operation_class=DatabaseOperation,
        responses=described(OperatorReports, page_of(OPERATOR_REPORT), 404, 422, 503, "no-database"),
    )
    async def operators(
        begin: FromParameter = None,
        end: ToParameter = None,
        queue: QueueParameter = None,
        source: SourceParameter = None,
        limit: PageParameter = 50,
        cursor: CursorParameter = None,
    ) -> ASGIResponse:
        since, until = span(begin, end, clock)
        if analytics is None:
            raise no_database("history")
        listed = await settled(reader.operators(queue=queue, source=source, limit=limit, cursor=cursor))
        page = _NAMES.decode(listed.body)
        async with answering():
            items = [await report_of(analytics, name, since, until) for name in page.items]
        return database_response(OperatorReports(items=items, next_cursor=page.next_cursor))

    @get(
        "/analytics/operators/{operator_id:path}",
        summary="Time in state and handling times of an operator",
        operation_class=DatabaseOperation,
        responses=described(OperatorReport, OPERATOR_REPORT, 404, 409, 422, "no-database"),
    )
    async def operator(
        operator_id: FromPath[str],
        begin: FromParameter = None,
        end: ToParameter = None,
        source: SourceParameter = None,
    ) -> ASGIResponse:
        since, until = span(begin, end, clock)
        if analytics is None:
            raise no_database("history")
        key = row_id(operator_id)
        async with answering():
            states = await analytics.operator_states(key, since, until, source=source)
            if states is None:
                raise UnknownRow("operator", key)
            known = states.operator or key
            handling = await analytics.handling(since, until, operator=known, source=states.source)
        return database_response(OperatorReport(source=states.source, id=known, states=states, handling=handling))

    @get(
        "/analytics/queues",
        summary="Time in state and handling times of all queues",
        operation_class=DatabaseOperation,
        responses=described(QueueSummaries, page_of(QUEUE_SUMMARY), 404, 422, 503, "no-database"),
    )
    async def queues(
        begin: FromParameter = None,
        end: ToParameter = None,
        source: SourceParameter = None,
        limit: PageParameter = 50,
        cursor: CursorParameter = None,
    ) -> ASGIResponse:
        since, until = span(begin, end, clock)
        if analytics is None:
            raise no_database("history")
        listed = await settled(reader.queues(source=source, limit=limit, cursor=cursor))
        page = _NAMES.decode(listed.body)
        async with answering():
            items = [await summary_of(analytics, name, since, until) for name in page.items]
        return database_response(QueueSummaries(items=items, next_cursor=page.next_cursor))

    @get(
        "/analytics/queues/{queue_name:str}",
        summary="Time in state, handling times and service level of a queue",
        description="The service level stands per `interval`, whose borders are those of `time_zone`.",
        operation_class=DatabaseOperation,
        responses=described(QueueReport, QUEUE_REPORT, 404, 409, 422, "no-database"),
    )
    async def queue_report(
        queue_name: FromPath[str],
        begin: FromParameter = None,
        end: ToParameter = None,
        step: IntervalParameter = "hour",
        time_zone: ZoneParameter = "UTC",
        source: SourceParameter = None,
    ) -> ASGIResponse:
        since, until = span(begin, end, clock)
        if analytics is None:
            raise no_database("history")
        name = row_id(queue_name)
        async with answering():
            level = await analytics.service_level(name, since, until, step=step, time_zone=time_zone, source=source)
            if level is None:
                raise UnknownRow("queue", name)
            found = await summary_of(analytics, _Named(source=level.source, name=name), since, until)
        return database_response(
            QueueReport(
                source=level.source, name=name, states=found.states, handling=found.handling, service_level=level
            )
        )

    return Router("/", route_handlers=[operators, operator, queues, queue_report], tags=["analytics"])
