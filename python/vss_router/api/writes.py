"""Rows set and removed by hand, for tests and integrations: POST and DELETE beside the routes that read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from litestar import Request, Router, delete, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from vss_router.api.access import may_write
from vss_router.api.answers import row_id, row_response
from vss_router.api.bodies import read_change, writing_operation
from vss_router.api.examples import CHANNEL, OPERATOR, QUEUE
from vss_router.api.openapi import PlainOperation, SourceParameter, described, described_problems
from vss_router.api.problems import FieldError, Refusal, UnknownRow
from vss_router.status.manual_rows import ChannelChange, OperatorChange, QueueChange
from vss_router.status.rows import ChannelRow, OperatorRow, QueueRow
from vss_router.status.store_protocols import StatusStore

__all__ = ["RemovedCount", "write_routes"]

_OPERATOR: Final = msgspec.json.Decoder(OperatorChange)
_CHANNEL: Final = msgspec.json.Decoder(ChannelChange)
_QUEUE: Final = msgspec.json.Decoder(QueueChange)
_BODY_PROBLEMS: Final = (400, 403, 404, 408, 409, 413, 415, 422, 503)
_GONE: Final = {
    204: ResponseSpec(data_container=None, description="It is gone.", generate_examples=False)
} | described_problems(403, 404, 409, 503)
_BY_HAND: Final = (
    "Fields that the body leaves out stay as they are, or get a neutral value where no row stood. The row is marked "
    "`manual` until Asterisk's next fact about it takes its place."
)


class RemovedCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows were removed."""

    removed: int


def write_routes(store: StatusStore) -> Router:
    """The routes that change rows; each asks for a role that may."""

    @post(
        "/operators/{operator_id:path}",
        status_code=200,
        summary="Set an operator by hand",
        description=_BY_HAND,
        operation_class=writing_operation(OperatorChange, {"state": "paused", "reason": "training"}),
        responses=described(OperatorRow, OPERATOR | {"state": "paused", "manual": True}, *_BODY_PROBLEMS),
    )
    async def set_operator(
        operator_id: FromPath[str], request: Request[Any, Any, Any], source: SourceParameter = None
    ) -> ASGIResponse:
        key = row_id(operator_id)
        change = await read_change(request, _OPERATOR)
        async with _writing():
            return await row_response(store.set_operator(key, change, source), "operator", key)

    @post(
        "/channels/{channel_id:path}",
        status_code=200,
        summary="Set a channel by hand",
        description=_BY_HAND,
        operation_class=writing_operation(ChannelChange, {"state": 6, "queue": "support"}),
        responses=described(ChannelRow, CHANNEL | {"manual": True}, *_BODY_PROBLEMS),
    )
    async def set_channel(
        channel_id: FromPath[str], request: Request[Any, Any, Any], source: SourceParameter = None
    ) -> ASGIResponse:
        key = row_id(channel_id)
        change = await read_change(request, _CHANNEL)
        async with _writing():
            return await row_response(store.set_channel(key, change, source), "channel", key)

    @post(
        "/queues/{queue_name:str}",
        status_code=200,
        summary="Set a queue by hand",
        description=_BY_HAND,
        operation_class=writing_operation(QueueChange, {"strategy": "ringall", "service_level_seconds": 20}),
        responses=described(QueueRow, QUEUE | {"manual": True}, *_BODY_PROBLEMS),
    )
    async def set_queue(
        queue_name: FromPath[str], request: Request[Any, Any, Any], source: SourceParameter = None
    ) -> ASGIResponse:
        name = row_id(queue_name)
        change = await read_change(request, _QUEUE)
        async with _writing():
            return await row_response(store.set_queue(name, change, source), "queue", name)

    @delete(
        "/operators/{operator_id:path}",
        summary="Remove an operator's row",
        description="It comes back with Asterisk's next fact about it.",
        operation_class=PlainOperation,
        responses=_GONE,
    )
    async def remove_operator(operator_id: FromPath[str], source: SourceParameter = None) -> None:
        key = row_id(operator_id)
        if not await store.remove_operator(key, source):
            raise UnknownRow("operator", key)

    @delete(
        "/channels/{channel_id:path}",
        summary="Remove a channel's row",
        description="It comes back with Asterisk's next fact about it.",
        operation_class=PlainOperation,
        responses=_GONE,
    )
    async def remove_channel(channel_id: FromPath[str], source: SourceParameter = None) -> None:
        key = row_id(channel_id)
        if not await store.remove_channel(key, source):
            raise UnknownRow("channel", key)

    @delete(
        "/queues/{queue_name:str}",
        summary="Remove a queue's row",
        description="It comes back with Asterisk's next fact about it.",
        operation_class=PlainOperation,
        responses=_GONE,
    )
    async def remove_queue(queue_name: FromPath[str], source: SourceParameter = None) -> None:
        name = row_id(queue_name)
        if not await store.remove_queue(name, source):
            raise UnknownRow("queue", name)

    @delete(
        "/",
        status_code=200,
        summary="Remove all rows",
        description="Of one PBX or of all; Asterisk's next facts, or a resync, bring them back.",
        operation_class=PlainOperation,
        responses=described(RemovedCount, RemovedCount(removed=76), 403, 404, 503),
    )
    async def clear(source: SourceParameter = None) -> ASGIResponse:
        removed = RemovedCount(removed=await store.clear(source))
        return ASGIResponse(body=msgspec.json.encode(removed), media_type="application/json")

    handlers = [set_operator, set_channel, set_queue, remove_operator, remove_channel, remove_queue, clear]
    return Router("/", route_handlers=handlers, tags=["by hand"], guards=[may_write])


@asynccontextmanager
async def _writing() -> AsyncIterator[None]:
    """Around a write: what only shows when the whole row is put together is the sender's fault too."""
    try:
        yield
    except OverflowError as error:
        said = "A time is out of range: years 1 to 9999 in UTC can be kept."
        raise Refusal("bad-input", said, errors=[FieldError(field="change", detail=said)]) from error
