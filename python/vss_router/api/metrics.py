"""`/metrics` for Prometheus. Everything is read at the scrape; no request and no event pays for it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from litestar import Router, get
from litestar.params import HeaderParameter
from litestar.response.base import ASGIResponse
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from vss_router.ami.link_status import LinkStatus
from vss_router.api.links import CountedBoard, Links

__all__ = ["StatusCollector", "metrics_registry", "metrics_routes"]

_ROWS: Final = ("operators", "channels", "calls", "queues", "callers")
_BOARD_COUNTERS: Final = {
    "messages": "AMI messages decoded.",
    "events_applied": "AMI events that the board understood.",
    "events_ignored": "AMI events that carry no status.",
    "skipped": "AMI messages skipped because they were over a limit.",
    "emitted": "Typed events published.",
    "gaps": "Times the board could no longer be sure to agree with Asterisk.",
    "resyncs": "Resyncs completed.",
    "late_events": "AMI events about what had already ended.",
    "impossible_values": "AMI events that contradict what the board knows.",
}
_LINK_COUNTERS: Final = {
    "reconnects": "Sessions logged in again after the first.",
    "resyncs_failed": "Resyncs given up.",
    "overflows": "Times the router fell behind so far that events had to be dropped.",
    "dropped_bytes": "Bytes of events dropped by overflows.",
    "handler_errors": "Times a handler of events raised.",
}
_LINK_GAUGES: Final = {
    "connected": "Whether the session of events is logged in.",
    "synchronized": "Whether the board agrees with Asterisk as far as is known.",
    "ring_bytes": "Bytes read from Asterisk that wait for the board.",
    "ring_peak": "The most bytes that ever waited.",
    "ping_seconds": "Round trip of the last Ping.",
    "clock_offset": "Seconds Asterisk's clock is ahead of ours.",
    "resync_last_seconds": "How long the last resync took.",
    "resync_last_at": "When the last resync was done, Unix seconds.",
    "last_event_at": "When the last AMI event came, Unix seconds.",
}


class StatusCollector(Collector):
    """The boards' and links' counters as metrics named `vss_router_…`, labelled by source."""

    def __init__(self, boards: Mapping[str, CountedBoard], links: Links) -> None:
        self._boards = boards
        self._links = links

    def describe(self) -> Iterator[Metric]:
        """Nothing is collected just to learn the names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        yield from self._of_boards()
        yield from self._of_links(self._links())

    def _of_boards(self) -> Iterator[Metric]:
        counted = {source: board.stats() for source, board in sorted(self._boards.items())}
        for name, meaning in _BOARD_COUNTERS.items():
            counter = CounterMetricFamily(f"vss_router_{name}", meaning, labels=["source"])
            for source, stats in counted.items():
                counter.add_metric([source], stats.get(name, 0))
            yield counter
        rows = GaugeMetricFamily("vss_router_rows", "Rows on the board.", labels=["source", "table"])
        seq = GaugeMetricFamily("vss_router_seq", "The sequence number of the newest change.", labels=["source"])
        drift = GaugeMetricFamily(
            "vss_router_drift", "Differences that the last comparison with Asterisk found.", labels=["source", "field"]
        )
        for source, board in sorted(self._boards.items()):
            for table in _ROWS:
                rows.add_metric([source, table], counted[source].get(table, 0))
            seq.add_metric([source], board.seq)
            for field, differences in sorted(board.drift().items()):
                drift.add_metric([source, field], differences)
        yield from (rows, seq, drift)

    @staticmethod
    def _of_links(links: Mapping[str, LinkStatus]) -> Iterator[Metric]:
        for name, meaning in _LINK_COUNTERS.items():
            counter = CounterMetricFamily(f"vss_router_link_{name}", meaning, labels=["source"])
            for source, status in sorted(links.items()):
                counter.add_metric([source], getattr(status, name))
            yield counter
        for name, meaning in _LINK_GAUGES.items():
            gauge = GaugeMetricFamily(f"vss_router_link_{name}", meaning, labels=["source"])
            for source, status in sorted(links.items()):
                value = getattr(status, name)
                # What has not been measured yet has no sample, rather than a false 0.
                if value is not None:
                    gauge.add_metric([source], float(value))
            yield gauge
        total = CounterMetricFamily(
            "vss_router_link_drift", "Differences found by all comparisons.", labels=["source", "field"]
        )
        for source, status in sorted(links.items()):
            for field, differences in sorted(status.drift_total.items()):
                total.add_metric([source, field], differences)
        yield total


def metrics_registry(boards: Mapping[str, CountedBoard], links: Links) -> CollectorRegistry:
    """A registry of its own: a program that embeds the router keeps its default one to itself."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(boards, links))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def metrics_routes(registry: CollectorRegistry) -> Router:
    """The route `/metrics`, as text or OpenMetrics, whichever `Accept` prefers."""

    @get("/metrics", include_in_schema=False, sync_to_thread=False)
    def metrics(accept: Annotated[str, HeaderParameter(name="Accept")] = "") -> ASGIResponse:
        encode, content_type = choose_encoder(accept)
        return ASGIResponse(body=encode(registry), headers={"content-type": content_type})

    return Router("/", route_handlers=[metrics])
