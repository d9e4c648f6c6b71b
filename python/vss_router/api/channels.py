"""`/channels`: what is connected to the PBX right now."""

from functools import partial
from typing import Annotated

from litestar import Router, get
from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from vss_router.api.answers import list_response, row_id, row_response
from vss_router.api.examples import CHANNEL, page_of
from vss_router.api.openapi import (
    CursorParameter,
    LimitParameter,
    RowQueueParameter,
    SourceParameter,
    StatusOperation,
    described,
)
from vss_router.api.pages import ChannelPage
from vss_router.api.row_filters import ChannelFields, picked
from vss_router.status.reader import StatusReader
from vss_router.status.rows import ChannelRow

__all__ = ["channel_routes"]

ChannelStateParameter = Annotated[
    int | None,
    QueryParameter(
        name="state",
        ge=0,
        le=10,
        description="Only those in this state, Asterisk's number.",
        schema_extra={"minimum": 0},  # the document leaves out a bound of 0 otherwise
    ),
]


def channel_routes(reader: StatusReader) -> Router:
    """The routes under `/channels`."""

    @get(
        "/channels",
        summary="All channels",
        operation_class=StatusOperation,
        responses=described(ChannelPage, page_of(CHANNEL), 404, 422, 503),
    )
    async def channels(
        channel_state: ChannelStateParameter = None,
        queue: RowQueueParameter = None,
        source: SourceParameter = None,
        limit: LimitParameter = None,
        cursor: CursorParameter = None,
    ) -> ASGIResponse:
        if channel_state is not None or queue is not None:
            everything = partial(reader.channels, source=source, cursor=cursor)
            return await list_response(picked(everything, ChannelFields, state=channel_state, queue=queue, limit=limit))
        return await list_response(reader.channels(source=source, limit=limit, cursor=cursor))

    @get(
        "/channels/{channel_id:path}",
        summary="One channel",
        description="By Uniqueid or by channel name, `PJSIP/1001-00000007`.",
        operation_class=StatusOperation,
        responses=described(ChannelRow, CHANNEL, 404, 409, 503),
    )
    async def channel(channel_id: FromPath[str], source: SourceParameter = None) -> ASGIResponse:
        key = row_id(channel_id)
        return await row_response(reader.channel(key, source), "channel", key)

    return Router("/", route_handlers=[channels, channel], tags=["channels"])
