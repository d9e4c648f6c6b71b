"""Metrics of messages: the broker's connection, the outbox, the consumers, the log of messages."""

from collections.abc import Iterator
from typing import Final, final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vss_router.messaging import RouterMessaging

__all__ = ["MessagingCollector"]

_OUTBOX_COUNTERS: Final = {
    "accepted": "Messages taken to be published.",
    "inherited": "Messages found on disk at the start.",
    "confirmed": "Messages the broker confirmed.",
    "journalled": "Messages written to disk because no confirm came in time.",
    "republished": "Messages sent again after a connection was lost.",
    "nacked": "Messages a full queue did not take.",
    "full_queue": "Commands whose senders were told that the queue is full.",
    "returned": "Mandatory messages that no queue took.",
    "refused": "Messages the broker will never take.",
    "dropped": "Events lost because the outbox was full.",
    "telemetry_dropped": "Oldest telemetry deleted from the disk to make room.",
    "journal_failures": "Attempts to write to the disk that failed.",
}
_OUTBOX_GAUGES: Final = {
    "waiting_messages": "Messages not confirmed yet, in memory and on disk.",
    "memory_messages": "Messages in memory.",
    "disk_messages": "Messages on disk.",
    "disk_bytes": "What they take there.",
    "under_way": "Messages sent and not answered yet.",
    "held_messages": "Messages behind one that a full queue does not take.",
    "dead_messages": "Messages kept on disk that the broker will not take.",
}
_EVENT_COUNTERS: Final = {
    "published": "Typed events of PBXs given to the outbox.",
    "missed": "Typed events for which there was no room; each lies in a gap.",
    "withheld": "Typed events left to another router to publish.",
    "gaps": "Gaps published because events were missed.",
}
_CONSUMER_COUNTERS: Final = {
    "delivered": "Messages delivered.",
    "handled": "Messages handled.",
    "duplicates": "Commands that had been handled before.",
    "retried": "Messages that come again after a failure.",
    "later": "Messages that come again because now was not the time.",
    "dead_lettered": "Messages given up to the queue's dead letters.",
    "parked": "Messages parked.",
    "requeued": "Messages put back.",
    "failed": "Failures of the handler.",
    "timed_out": "Handlers that took too long.",
    "expired": "Messages that came too late to be handled.",
    "undecodable": "Messages that could not be read.",
    "unconfirmed": "Copies that the broker did not confirm.",
    "late": "Messages settled after their connection was gone.",
    "inbox_failures": "Times the inbox could not be asked.",
    "seconds": "Time spent in the handler.",
}
_CONSUMER_GAUGES: Final = {
    "waiting": "Messages fetched and not begun.",
    "in_flight": "Messages in the handler.",
    "stuck": "Handlers past their time that do not end.",
    "consuming": "Whether messages can come: connected, and the queue is there.",
}
_RPC_COUNTERS: Final = {
    "answered": "Remote calls answered.",
    "failed": "Those of them that were answered with an error.",
    "unanswerable": "Remote calls that named nobody who may be answered.",
    "unsent": "Answers that the broker did not take in their callers' time.",
}
_LOG_COUNTERS: Final = {
    "sampled": "Messages taken for the log.",
    "written": "Messages written to the log.",
    "dropped": "Messages lost to the log because it could not be written.",
    "failures": "Attempts to write the log that failed.",
}


@final
class MessagingCollector(Collector):
    """Metrics `vss_router_broker_…`, `…_outbox_…`, `…_consumer_…` (by queue and handler), `…_rpc_…` and the log's."""

    def __init__(self, messaging: RouterMessaging) -> None:
        self._messaging = messaging

    def describe(self) -> Iterator[Metric]:
        """Nothing is collected just to learn the names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        status = self._messaging.transport.status
        yield _gauge("broker_connected", "Whether the broker is connected.", float(status.state == "ready"))
        yield _gauge("broker_blocked", "Whether the broker takes no publishes now.", float(status.blocked is not None))
        yield _counter("broker_connects", "Connections to the broker made.", status.connects)
        yield _counter("broker_failures", "Connections to the broker lost or not made.", status.failures)
        yield _counter("broker_redeclares", "Times all was declared again: others held a queue.", status.redeclares)
        outbox = self._messaging.outbox.stats
        for name, meaning in _OUTBOX_COUNTERS.items():
            yield _counter(f"outbox_{name}", meaning, getattr(outbox, name))
        for name, meaning in _OUTBOX_GAUGES.items():
            yield _gauge(f"outbox_{name}", meaning, getattr(outbox, name))
        for name, meaning in _EVENT_COUNTERS.items():
            yield _counter(f"published_events_{name}", meaning, getattr(self._messaging.ami.stats, name))
        if self._messaging.log is not None:
            for name, meaning in _LOG_COUNTERS.items():
                yield _counter(f"message_log_{name}", meaning, getattr(self._messaging.log.stats, name))
        server = self._messaging.rpc_server
        if server is not None:
            for name, meaning in _RPC_COUNTERS.items():
                yield _counter(f"rpc_{name}", meaning, getattr(server.stats, name))
            yield _gauge("rpc_running", "Remote calls being answered now.", server.stats.running)
        yield from self._consumers()

    def _consumers(self) -> Iterator[Metric]:
        consumers = self._messaging.consumers.stats()
        labels = ["queue", "handler"]
        for name, meaning in _CONSUMER_COUNTERS.items():
            counter = CounterMetricFamily(f"vss_router_consumer_{name}", meaning, labels=labels)
            for stats in consumers:
                counter.add_metric([stats.queue, stats.handler], getattr(stats, name))
            yield counter
        for name, meaning in _CONSUMER_GAUGES.items():
            gauge = GaugeMetricFamily(f"vss_router_consumer_{name}", meaning, labels=labels)
            for stats in consumers:
                gauge.add_metric([stats.queue, stats.handler], getattr(stats, name))
            yield gauge


def _counter(name: str, meaning: str, value: float) -> Metric:
    counter = CounterMetricFamily(f"vss_router_{name}", meaning)
    counter.add_metric([], value)
    return counter


def _gauge(name: str, meaning: str, value: float) -> Metric:
    gauge = GaugeMetricFamily(f"vss_router_{name}", meaning)
    gauge.add_metric([], value)
    return gauge
