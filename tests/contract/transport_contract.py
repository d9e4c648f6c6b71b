"""What every transport does, from the words of `broker/transport.py`: written once, run against each of them.

A subclass gives the fixture `rig`, a `TransportRig` with an empty broker. RabbitMQ is the reference: what the embedded
broker does otherwise is a defect of it, or stands in docs/embedded-broker.md.
"""

from tests.contract.transport_consuming_contract import ConsumingContract
from tests.contract.transport_dead_letter_contract import DeadLetterContract
from tests.contract.transport_limits_contract import LimitsContract
from tests.contract.transport_publishing_contract import PublishingContract
from tests.contract.transport_recovery_contract import RecoveryContract
from tests.contract.transport_routing_contract import RoutingContract
from tests.contract.transport_topology_contract import TopologyContract

__all__ = ["TransportContract"]


class TransportContract(
    RoutingContract,
    TopologyContract,
    PublishingContract,
    ConsumingContract,
    LimitsContract,
    DeadLetterContract,
    RecoveryContract,
):
    """The tests; a fixture `rig` is the subclass's."""
