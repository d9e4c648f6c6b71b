"""Metrics of what stands behind the boards: the Redis writers and the recorder of the database."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vss_router._core import WriterStatus
from vss_router.database.recorder_stats import RecorderStats

__all__ = ["RecorderCollector", "WriterCollector"]

_WRITER_COUNTERS: Final = {
    "rows_written": "Rows written to Redis.",
    "flushes": "Flushes to Redis.",
    "connects": "Connections to Redis made.",
    "failures": "Connections to Redis lost or not made.",
    "fenced": "Flushes refused because another router holds the lease.",
    "rewrites_done": "Times all rows were written anew.",
}
_RECORDER_COUNTERS: Final = {
    "events": "Typed events taken for the database.",
    "rows": "Rows written to the database.",
    "batches": "Transactions committed.",
    "dropped": "Events and channels lost because the database fell too far behind.",
    "failures": "Attempts to write to the database that failed and were tried again.",
    "refused": "Batches given up because the database does not take them.",
    "unreadable": "Events and rows that could not be read.",
    "expired": "Rows removed from the database because they were too old.",
}
_RECORDER_GAUGES: Final = {
    "waiting": "Events that wait for the database.",
    "lag_seconds": "How long the oldest waiting event has waited.",
    "batch_seconds": "How long the last transaction took.",
}


class _StoreCollector(Collector):
    def describe(self) -> Iterator[Metric]:
        """Nothing is collected just to learn the names."""
        return iter(())


@final
class WriterCollector(_StoreCollector):
    """The Redis writers as metrics `vss_router_redis_…`, labelled by source."""

    def __init__(self, writers: Callable[[], Mapping[str, WriterStatus]]) -> None:
        self._writers = writers

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        writers = sorted(self._writers().items())
        for name, meaning in _WRITER_COUNTERS.items():
            counter = CounterMetricFamily(f"vss_router_redis_{name}", meaning, labels=["source"])
            for source, status in writers:
                counter.add_metric([source], getattr(status, name))
            yield counter
        writing = GaugeMetricFamily("vss_router_redis_writing", "Whether this router writes.", labels=["source"])
        seq = GaugeMetricFamily("vss_router_redis_seq", "The newest sequence number in Redis.", labels=["source"])
        for source, status in writers:
            writing.add_metric([source], float(status.state == "writing"))
            seq.add_metric([source], status.seq)
        yield from (writing, seq)


@final
class RecorderCollector(_StoreCollector):
    """The recorder as metrics `vss_router_database_…`."""

    def __init__(self, stats: Callable[[], RecorderStats]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        stats = self._stats()
        for name, meaning in _RECORDER_COUNTERS.items():
            counter = CounterMetricFamily(f"vss_router_database_{name}", meaning)
            counter.add_metric([], getattr(stats, name))
            yield counter
        for name, meaning in _RECORDER_GAUGES.items():
            gauge = GaugeMetricFamily(f"vss_router_database_{name}", meaning)
            gauge.add_metric([], getattr(stats, name))
            yield gauge
