"""`/calls`: conversations, with those that ended a moment ago."""

from functools import partial
from typing import Annotated

from litestar import Router, get
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from vss_router.api.answers import list_response, row_id, row_response
from vss_router.api.examples import CALL, page_of
from vss_router.api.openapi import (
    CursorParameter,
    LimitParameter,
    RowQueueParameter,
    SourceParameter,
    StatusOperation,
    described,
)
from vss_router.api.pages import CallPage
from vss_router.api.row_filters import CallFields, picked
from vss_router.status.reader import StatusReader
from vss_router.status.rows import CallRow, CallStatus

__all__ = ["call_routes"]

CallStateParameter = Annotated[
    CallStatus | None, QueryParameter(name="state", description="Only those whose `status` is this one.")
]


def call_routes(reader: StatusReader) -> Router:
    """The routes under `/calls`."""

    @get(
        "/calls",
        summary="All calls",
        operation_class=StatusOperation,
        responses=described(CallPage, page_of(CALL), 404, 422, 503),
    )
    async def calls(
        call_state: CallStateParameter = None,
        queue: RowQueueParameter = None,
        source: SourceParameter = None,
        limit: LimitParameter = None,
        cursor: CursorParameter = None,
    ) -> ASGIResponse:
        if call_state is not None or queue is not None:
            everything = partial(reader.calls, source=source, cursor=cursor)
            return await list_response(picked(everything, CallFields, state=call_state, queue=queue, limit=limit))
        return await list_response(reader.calls(source=source, limit=limit, cursor=cursor))

    @get(
        "/calls/{call_id:path}",
        summary="One call",
        description="By Linkedid.",
        operation_class=StatusOperation,
        responses=described(CallRow, CALL, 404, 409, 503),
    )
    async def call(call_id: FromPath[str], source: SourceParameter = None) -> ASGIResponse:
        key = row_id(call_id)
        return await row_response(reader.call(key, source), "call", key)

    return Router("/", route_handlers=[calls, call], tags=["calls"])
