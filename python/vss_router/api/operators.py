"""`/operators`: who works, and in which state."""

from litestar import Router, get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from vss_router.api.answers import list_response, row_id, row_response, settled
from vss_router.api.examples import OPERATOR, page_of
from vss_router.api.openapi import (
    CursorParameter,
    LimitParameter,
    QueueParameter,
    SourceParameter,
    StateParameter,
    StatusOperation,
    described,
)
from vss_router.api.pages import OperatorPage
from vss_router.api.problems import UnknownRow
from vss_router.status.reader import StatusReader
from vss_router.status.rows import OperatorRow

__all__ = ["operator_routes"]


def operator_routes(reader: StatusReader) -> Router:
    """The routes under `/operators`, and `/queues/{name}/operators`."""

    @get(
        "/operators",
        summary="All operators",
        operation_class=StatusOperation,
        responses=described(OperatorPage, page_of(OPERATOR), 404, 422, 503),
    )
    async def operators(
        operator_state: StateParameter = None,
        queue: QueueParameter = None,
        source: SourceParameter = None,
        limit: LimitParameter = None,
        cursor: CursorParameter = None,
    ) -> ASGIResponse:
        return await list_response(
            reader.operators(state=operator_state, queue=queue, source=source, limit=limit, cursor=cursor)
        )

    @get(
        "/operators/{operator_id:path}",
        summary="One operator",
        description="By id, `PJSIP/1001` (percent-encoded or not), or by extension, `1001`.",
        operation_class=StatusOperation,
        responses=described(OperatorRow, OPERATOR, 404, 409, 503),
    )
    async def operator(operator_id: FromPath[str], source: SourceParameter = None) -> ASGIResponse:
        key = row_id(operator_id)
        return await row_response(reader.operator(key, source), "operator", key)

    @get(
        ["/operators/queue/{queue_name:str}", "/queues/{queue_name:str}/operators"],
        summary="The operators of a queue",
        operation_class=StatusOperation,
        responses=described(OperatorPage, page_of(OPERATOR), 404, 409, 422, 503),
    )
    async def operators_of_queue(
        queue_name: FromPath[str],
        operator_state: StateParameter = None,
        source: SourceParameter = None,
        limit: LimitParameter = None,
        cursor: CursorParameter = None,
    ) -> ASGIResponse:
        name = row_id(queue_name)
        queue = await settled(reader.queue(name, source))
        if queue is None:
            raise UnknownRow("queue", name)
        return await list_response(
            reader.operators(state=operator_state, queue=name, source=queue.source, limit=limit, cursor=cursor)
        )

    return Router("/", route_handlers=[operators, operator, operators_of_queue], tags=["operators"])
