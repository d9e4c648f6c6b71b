"""Messages between services: topology, transports with one surface, outbox, consumers, RPC."""

from vss_router.broker.message import Confirm, Delivery, Message, Outcome, Properties, Settlement
from vss_router.broker.topology import Binding, DeadLetter, Exchange, Limits, Queue, Topology
from vss_router.broker.transport import Consumption, QueueCounts, Transport, TransportStatus

__all__ = [
    "Binding",
    "Confirm",
    "Consumption",
    "DeadLetter",
    "Delivery",
    "Exchange",
    "Limits",
    "Message",
    "Outcome",
    "Properties",
    "Queue",
    "QueueCounts",
    "Settlement",
    "Topology",
    "Transport",
    "TransportStatus",
]
