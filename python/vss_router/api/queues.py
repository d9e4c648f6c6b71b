"""`/queues`: how each queue stands, and who waits in it."""

from litestar import Router, get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from vss_router.api.answers import list_response, row_id, row_response
from vss_router.api.examples import CALLER, QUEUE, page_of
from vss_router.api.openapi import CursorParameter, LimitParameter, SourceParameter, StatusOperation, described
from vss_router.api.pages import CallerPage, QueuePage
from vss_router.status.reader import StatusReader
from vss_router.status.rows import QueueRow

__all__ = ["queue_routes"]


def queue_routes(reader: StatusReader) -> Router:
    """The routes under `/queues`; a `/` in a queue's name is written `%2F`."""

    @get(
        "/queues",
        summary="All queues",
        operation_class=StatusOperation,
        responses=described(QueuePage, page_of(QUEUE), 404, 422, 503),
    )
    async def queues(
        source: SourceParameter = None, limit: LimitParameter = None, cursor: CursorParameter = None
    ) -> ASGIResponse:
        return await list_response(reader.queues(source=source, limit=limit, cursor=cursor))

    @get(
        "/queues/{queue_name:str}",
        summary="One queue",
        operation_class=StatusOperation,
        responses=described(QueueRow, QUEUE, 404, 409, 503),
    )
    async def queue(queue_name: FromPath[str], source: SourceParameter = None) -> ASGIResponse:
        name = row_id(queue_name)
        return await row_response(reader.queue(name, source), "queue", name)

    @get(
        "/queues/{queue_name:str}/callers",
        summary="Who waits in a queue",
        description="First in line first.",
        operation_class=StatusOperation,
        responses=described(CallerPage, page_of(CALLER), 404, 409, 503),
    )
    async def callers(queue_name: FromPath[str], source: SourceParameter = None) -> ASGIResponse:
        name = row_id(queue_name)
        return await row_response(reader.callers(name, source), "queue", name)

    return Router("/", route_handlers=[queues, queue, callers], tags=["queues"])
