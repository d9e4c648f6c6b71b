"""The application: all resources, the problems, the edge in front of them."""

import time
from collections.abc import Callable, Mapping

from litestar import Litestar, Router
from prometheus_client import CollectorRegistry

from vss_router.api.access import Access, OneToken, OpenAccess
from vss_router.api.analytics import AnalyticsReader, analytics_routes
from vss_router.api.broker_metrics import QueueInspector, broker_metrics_routes
from vss_router.api.calls import call_routes
from vss_router.api.channels import channel_routes
from vss_router.api.dead_letters import DeadLettersDesk, dead_letter_routes
from vss_router.api.edge import Edge
from vss_router.api.feeds import BoardFeed, ChangeFeed
from vss_router.api.health import Followed, health_routes
from vss_router.api.history import HistoryReader, history_routes
from vss_router.api.links import CountedBoard, Links
from vss_router.api.messages import message_routes
from vss_router.api.metrics import metrics_registry, metrics_routes
from vss_router.api.openapi import openapi_config
from vss_router.api.operators import operator_routes
from vss_router.api.problems import problem_from
from vss_router.api.queries import check_query
from vss_router.api.queues import queue_routes
from vss_router.api.resynchronization import resynchronization_routes
from vss_router.api.row_lane import RowLane
from vss_router.api.snapshot import snapshot_routes
from vss_router.api.stream import stream_routes
from vss_router.api.stream_metrics import StreamCollector
from vss_router.api.streams import Streams
from vss_router.api.synchronization import synchronization_routes
from vss_router.api.writers import Comparing, Counters, Writers
from vss_router.api.writes import write_routes
from vss_router.broker.topology_view import topology_view
from vss_router.broker.vss_topology import vss_topology
from vss_router.events.topology_view import TopologyView
from vss_router.status.reader import StatusReader
from vss_router.status.store_protocols import StatusStore

__all__ = ["STATUS_PREFIX", "build_app"]

STATUS_PREFIX = "/api/queue-status"


def build_app(
    reader: StatusReader,
    *,
    boards: Mapping[str, CountedBoard],
    links: Links = dict,
    token: str | None = None,
    registry: CollectorRegistry | None = None,
    store: StatusStore | None = None,
    feed: ChangeFeed | None = None,
    history: HistoryReader | None = None,
    analytics: AnalyticsReader | None = None,
    writers: Writers = dict,
    counters: Counters | None = None,
    comparing: Mapping[str, Comparing] | None = None,
    followed: Followed | None = None,
    topology: TopologyView | None = None,
    dead_letters: DeadLettersDesk | None = None,
    inspector: QueueInspector | None = None,
    clock: Callable[[], float] = time.time,
) -> Litestar:
    """The REST interface as an ASGI application, for `HttpServer` or for mounting in another program.

    Parameters
    ----------
    reader
        Answers the status routes.
    boards, links
        Counters for `/metrics` and `/sync/status`, by source; `/ready` asks `links`.
    token
        The bearer token every request but `/health` must carry; None leaves the interface open.
    registry
        Prometheus registry to serve; by default one with the boards, the links and the process in it.
    store
        Takes rows by hand; without one there are no routes that write rows.
    feed
        What `/stream` reads; by default the journals of `boards`.
    history, analytics
        Answer the routes of the same names; without them those answer 503.
    writers, counters
        The writers to Redis by source, and who counts the rows in Redis and in the database, for `/sync/status`.
    comparing
        The links that `/sync/resync` asks, by source; looked at anew by each request.
    followed
        In a process without a PBX of its own: what `/ready` asks instead of `links`.
    topology
        The broker's exchanges and queues as `/asyncapi.json` tells them; by default those without a setting.
    inspector
        The transport that says how full the queues are; without one `/api/rabbitmq/metrics` answers 503.
    dead_letters
        Answers `/api/dead-letters`; without a broker those answer 503.
    clock
        Unix time in seconds.
    """
    access: Access = OpenAccess() if token is None else OneToken(token)
    streams = Streams(feed if feed is not None else BoardFeed(boards))
    metrics = registry if registry is not None else metrics_registry(boards, links)
    metrics.register(StreamCollector(streams.stats))
    status = Router(
        STATUS_PREFIX,
        before_request=check_query,
        route_handlers=[
            operator_routes(reader),
            channel_routes(reader),
            call_routes(reader),
            queue_routes(reader),
            snapshot_routes(reader),
            stream_routes(streams),
            *([] if store is None else [write_routes(store)]),
            history_routes(history, clock),
            analytics_routes(analytics, reader, clock),
            synchronization_routes(boards, links, writers, counters if counters is not None else {}, clock),
            resynchronization_routes(comparing if comparing is not None else {}, writers, boards),
        ],
    )
    app = Litestar(
        route_handlers=[
            status,
            health_routes(links, followed),
            metrics_routes(metrics),
            dead_letter_routes(dead_letters),
            broker_metrics_routes(inspector, [queue.name for queue in vss_topology().queues]),
            message_routes(topology if topology is not None else topology_view(vss_topology())),
        ],
        exception_handlers={Exception: problem_from},
        # For the document only: the edge asks before any of this is reached.
        security=[{"token": []}] if token is not None else [],
        openapi_config=openapi_config(protected=token is not None),
        logging_config=None,
    )
    app.asgi_handler = Edge(app.asgi_handler, access, RowLane(STATUS_PREFIX, reader))
    return app
