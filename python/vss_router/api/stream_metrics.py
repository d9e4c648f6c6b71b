"""The streams' counters as Prometheus metrics named `vss_router_streams_…`."""

from collections.abc import Iterator
from typing import Final, final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vss_router.api.streams import StreamStats

__all__ = ["StreamCollector"]

_COUNTERS: Final = {
    "opened": "Streams that were opened.",
    "resumed": "Streams that took up after the id their client sent.",
    "refused": "Streams refused because as many were open as may be.",
    "stalled": "Streams ended because their client took nothing any more.",
    "snapshots": "Snapshots sent by streams.",
    "messages": "Messages of changes sent by streams.",
    "bytes": "Bytes sent by streams.",
}


@final
class StreamCollector(Collector):
    """Read at the scrape."""

    def __init__(self, stats: StreamStats) -> None:
        self._stats = stats

    def describe(self) -> Iterator[Metric]:
        """Nothing is collected just to learn the names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        yield GaugeMetricFamily("vss_router_streams_open", "Streams that are open.", value=self._stats.open)
        for name, meaning in _COUNTERS.items():
            yield CounterMetricFamily(f"vss_router_streams_{name}", meaning, value=getattr(self._stats, name))
