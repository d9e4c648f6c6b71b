"""`GET /asyncapi.json` and `/asyncapi`: which messages travel, for tools and for people."""

from functools import cache

import msgspec
from litestar import MediaType, Response, Router, get

from vss_router._core import __version__
from vss_router.api.asyncapi_page import asyncapi_page
from vss_router.events.asyncapi import asyncapi_document
from vss_router.events.topology_view import TopologyView

__all__ = ["message_routes"]


def message_routes(topology: TopologyView) -> Router:
    """The document of a router whose queues are those of `topology`; it is made once, when first asked for."""

    @cache
    def made() -> tuple[bytes, bytes]:
        document = asyncapi_document(topology, version=__version__)
        return msgspec.json.encode(document), asyncapi_page(document)

    @get("/asyncapi.json", include_in_schema=False, sync_to_thread=False)
    def asyncapi_json() -> Response[bytes]:
        return Response(made()[0], media_type=MediaType.JSON)

    @get("/asyncapi", include_in_schema=False, sync_to_thread=False)
    def page() -> Response[bytes]:
        return Response(made()[1], media_type=MediaType.HTML)

    return Router("/", route_handlers=[asyncapi_json, page])
