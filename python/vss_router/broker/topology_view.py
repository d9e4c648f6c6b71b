"""The topology as the AsyncAPI document tells it."""

from vss_router.broker.topology import Queue, Topology
from vss_router.events.topology_view import ExchangeView, QueueView, TopologyView

__all__ = ["topology_view"]


def topology_view(topology: Topology, *, virtual_host: str = "/vss") -> TopologyView:
    """What `asyncapi_document` is given."""
    return TopologyView(
        exchanges=tuple(
            ExchangeView(name=exchange.name, kind=exchange.kind, durable=exchange.durable)
            for exchange in topology.exchanges
        ),
        queues=tuple(_queue(queue, topology) for queue in topology.queues),
        virtual_host=virtual_host,
    )


def _queue(queue: Queue, topology: Topology) -> QueueView:
    limits = queue.limits
    dead_letter = limits.dead_letter
    return QueueView(
        name=queue.name,
        durable=queue.durable,
        bindings=tuple(
            (binding.exchange, binding.routing_key) for binding in topology.bindings if binding.queue == queue.name
        ),
        ttl_seconds=None if limits.ttl_ms is None else limits.ttl_ms / 1000,
        max_length=limits.max_length,
        overflow=limits.overflow,
        dead_letter=None if dead_letter is None else (dead_letter.exchange, dead_letter.routing_key),
    )
