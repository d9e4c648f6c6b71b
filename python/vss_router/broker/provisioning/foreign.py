"""What stands on a broker under names like ours and is none of ours: neither of the topology nor made while running."""

from collections.abc import Iterator
from typing import Final, Literal

from vss_router.broker.consumers.lanes import RETRY_EXCHANGE, is_lane_queue
from vss_router.broker.consumers.registration import READER_LIMITS
from vss_router.broker.provisioning.found import Found, FoundQueue
from vss_router.broker.rpc.wire import server_queue
from vss_router.broker.topology import Topology
from vss_router.broker.vss_topology import PARKED

__all__ = ["foreign"]

_OURS: Final = "vss."
_RPC: Final = server_queue("")
"""Roles are chosen by whoever serves them; replies wait under it too."""
_READER: Final = READER_LIMITS.as_arguments()


def foreign(topology: Topology, found: Found) -> Iterator[tuple[Literal["exchange", "queue"], str]]:
    """Exchanges, then queues, by name."""
    exchanges = {*(exchange.name for exchange in topology.exchanges), RETRY_EXCHANGE}
    for name in sorted(found.exchanges):
        if name.startswith(_OURS) and name not in exchanges:
            yield "exchange", name
    queues = {queue.name for queue in topology.queues}
    for name, queue in sorted(found.queues.items()):
        if name.startswith(_OURS) and name not in queues and not _made_while_running(queue):
            yield "queue", name


def _made_while_running(queue: FoundQueue) -> bool:
    name = queue.name
    if name == PARKED or is_lane_queue(name) or name.startswith(_RPC):
        return True
    # The names of readers are their own: their queues are known by the limits that no other is declared with.
    return _READER.items() <= queue.arguments.items()
