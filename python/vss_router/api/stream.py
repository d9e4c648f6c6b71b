"""`/stream`: the snapshot, then every change, as Server-Sent Events."""

from typing import Annotated, Final

from litestar import Router, get
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, QueryParameter
from litestar.response.base import ASGIResponse

from vss_router.api.event_stream import EventStream
from vss_router.api.openapi import PlainOperation, SourceParameter, described_problems
from vss_router.api.problems import Refusal
from vss_router.api.stream_messages import positions_in
from vss_router.api.streams import Streams
from vss_router.errors import StatusUnavailableError
from vss_router.status.questions import unknown_source

__all__ = ["stream_routes"]

_FULL_RETRY_SECONDS: Final = 5
_EXAMPLE: Final = (
    "retry: 2000\n\n"
    'event: snapshot\nid: main:1795290561084012\ndata: {"source":"main","seq":1795290561084012,…}\n\n'
    "event: changes\nid: main:1795290561090377\n"
    'data: {"source":"main","seq_from":1795290561084013,"seq_to":1795290561090377,"operators":[…],"channels":[],'
    '"queues":[…],"calls":[],"removed":{"operators":[],"channels":["1795290557.41"],"queues":[],"calls":[]}}\n\n'
    ": alive\n\n"
)


def stream_routes(streams: Streams) -> Router:
    """The route `/stream`."""

    @get(
        "/stream",
        summary="Snapshot, then changes, as Server-Sent Events",
        description=(
            "First one `snapshot` message per PBX, then `changes`: the whole rows that changed and the ids of rows "
            "that went. After a break a browser sends the last id back as `Last-Event-ID` and gets what it missed, or "
            "a new snapshot when that is not remembered any more. Comments keep the connection open."
        ),
        operation_class=PlainOperation,
        responses={
            200: ResponseSpec(
                data_container=str,
                description="Messages until the client goes or the router stops.",
                media_type="text/event-stream",
                generate_examples=False,
                examples=[Example(value=_EXAMPLE)],
            )
        }
        | described_problems(404, 503, "too-many-streams"),
    )
    async def stream(
        source: SourceParameter = None,
        last_event_id: Annotated[
            str | None,
            QueryParameter(description="As the header `Last-Event-ID`, for clients that cannot set one."),
        ] = None,
        last_event_header: Annotated[
            str | None, HeaderParameter(name="Last-Event-ID", description="The id of the last message received.")
        ] = None,
    ) -> ASGIResponse:
        feed = streams.feed
        sources = feed.sources if source is None else (source,)
        if not sources:
            raise StatusUnavailableError("No PBX is set up, so there is no status to read: name one with `--ami`.")
        if source is not None and source not in feed.sources:
            raise unknown_source(source, feed.sources)
        if streams.full:
            streams.stats.refused += 1
            raise Refusal(
                "too-many-streams",
                "As many streams are open as this router serves at once: try again later, or read /snapshot.",
                retry_seconds=_FULL_RETRY_SECONDS,
            )
        _check_known(streams, sources)
        return EventStream(streams, sources, positions_in(last_event_header or last_event_id))

    return Router("/", route_handlers=[stream], tags=["stream"])


def _check_known(streams: Streams, sources: tuple[str, ...]) -> None:
    """Refuse as a problem now rather than by a stream that has nothing to say."""
    unknown: StatusUnavailableError | None = None
    for source in sources:
        try:
            streams.snapshot(source, fresh=False)
        except StatusUnavailableError as error:
            unknown = error
        else:
            return
    if unknown is not None:
        raise unknown
