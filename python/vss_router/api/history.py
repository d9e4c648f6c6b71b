"""`/history`: what was, interval by interval and visit by visit, out of the database."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from litestar import Router, get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from vss_router.api.answers import row_id
from vss_router.api.history_examples import OPERATOR_HISTORY, QUEUE_HISTORY
from vss_router.api.openapi import CursorParameter, DatabaseOperation, SourceParameter, described
from vss_router.api.problems import UnknownRow
from vss_router.api.spans import (
    FromParameter,
    PageSizeParameter,
    ToParameter,
    answering,
    database_response,
    no_database,
    span,
)
from vss_router.database.history_rows import OperatorHistory, QueueHistory

__all__ = ["HistoryReader", "history_routes"]


class HistoryReader(Protocol):
    """What the routes need of `vss_router.database.History`, which documents it."""

    # ruff: disable[D102]
    async def operator(
        self,
        operator_id: str,
        since: datetime,
        until: datetime,
        *,
        source: str | None = None,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> OperatorHistory | None: ...
    async def queue(
        self,
        name: str,
        since: datetime,
        until: datetime,
        *,
        source: str | None = None,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> QueueHistory | None: ...

    # ruff: enable[D102]


def history_routes(history: HistoryReader | None, clock: Callable[[], float]) -> Router:
    """The routes under `/history`; `clock` gives Unix seconds."""

    @get(
        "/history/operators/{operator_id:path}",
        summary="An operator's states over time",
        description="Intervals in order of time, clipped to the span. By id or by extension, as the operator's row.",
        operation_class=DatabaseOperation,
        responses=described(OperatorHistory, OPERATOR_HISTORY, 404, 409, 422, "no-database"),
    )
    async def operator_history(
        operator_id: FromPath[str],
        begin: FromParameter = None,
        end: ToParameter = None,
        source: SourceParameter = None,
        limit: PageSizeParameter = 1000,
        cursor: CursorParameter = None,
    ) -> ASGIResponse:
        since, until = span(begin, end, clock)
        if history is None:
            raise no_database("history")
        key = row_id(operator_id)
        async with answering():
            found = await history.operator(key, since, until, source=source, limit=limit, cursor=cursor)
        if found is None:
            raise UnknownRow("operator", key)
        return database_response(found)

    @get(
        "/history/queues/{queue_name:str}",
        summary="The calls of a queue over time",
        description="One item per visit of a call that began in the span, in order of time.",
        operation_class=DatabaseOperation,
        responses=described(QueueHistory, QUEUE_HISTORY, 404, 409, 422, "no-database"),
    )
    async def queue_history(
        queue_name: FromPath[str],
        begin: FromParameter = None,
        end: ToParameter = None,
        source: SourceParameter = None,
        limit: PageSizeParameter = 1000,
        cursor: CursorParameter = None,
    ) -> ASGIResponse:
        since, until = span(begin, end, clock)
        if history is None:
            raise no_database("history")
        name = row_id(queue_name)
        async with answering():
            found = await history.queue(name, since, until, source=source, limit=limit, cursor=cursor)
        if found is None:
            raise UnknownRow("queue", name)
        return database_response(found)

    return Router("/", route_handlers=[operator_history, queue_history], tags=["history"])
