"""Two transports as one: how the pair stands when the two do not stand alike, and what is refused."""

import pytest

from tests.transport_double import ScriptedTransport
from vss_router.broker.duplex_transport import DuplexTransport
from vss_router.broker.message import Message, Outcome
from vss_router.broker.topology import Queue, Topology
from vss_router.errors import TopologyError

MESSAGE = Message("x", "call.start", b"{}")


@pytest.fixture
def outgoing() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
def incoming() -> ScriptedTransport:
    return ScriptedTransport(connected=False)


@pytest.fixture
def duplex(outgoing: ScriptedTransport, incoming: ScriptedTransport) -> DuplexTransport:
    return DuplexTransport(outgoing=outgoing, incoming=incoming)


def test_the_pair_is_ready_when_both_are(
    duplex: DuplexTransport, outgoing: ScriptedTransport, incoming: ScriptedTransport
) -> None:
    seen = [duplex.status.state]
    incoming.restore()
    seen.append(duplex.status.state)
    outgoing.cut()
    seen.append(duplex.status.state)
    assert seen == ["connecting", "ready", "connecting"]


def test_each_new_connection_is_seen_in_the_number_of_them(
    duplex: DuplexTransport, outgoing: ScriptedTransport, incoming: ScriptedTransport
) -> None:
    assert duplex.status.connects == 1
    incoming.restore()
    outgoing.cut()
    outgoing.restore()
    assert duplex.status.connects == 3


async def test_what_is_published_goes_out_by_one_of_them_alone(
    duplex: DuplexTransport, outgoing: ScriptedTransport, incoming: ScriptedTransport
) -> None:
    assert [confirm.outcome for confirm in await duplex.publish([MESSAGE])] == [Outcome.CONFIRMED]
    assert (outgoing.queue, incoming.queue) == ([MESSAGE], [])


class Declaring(ScriptedTransport):
    """Remembers what it was given to declare, and refuses a queue that is there otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.declared: list[str] = []

    async def declare(self, topology: Topology) -> None:
        self.declared += [queue.name for queue in topology.queues]
        if "other" in self.declared:
            raise TopologyError("queue other exists with other arguments")


async def test_an_exclusive_queue_stays_with_the_side_that_reads() -> None:
    outgoing, incoming = Declaring(), Declaring()
    topology = Topology(queues=(Queue(name="mine", durable=False, exclusive=True), Queue(name="shared")))
    await DuplexTransport(outgoing=outgoing, incoming=incoming).declare(topology)
    assert (outgoing.declared, incoming.declared) == (["shared"], ["mine", "shared"])


async def test_what_one_side_is_refused_is_declared_on_the_other_all_the_same_and_told_once() -> None:
    outgoing, incoming = Declaring(), Declaring()
    with pytest.raises(TopologyError, match="other arguments"):
        await DuplexTransport(outgoing=outgoing, incoming=incoming).declare(Topology(queues=(Queue(name="other"),)))
    assert outgoing.declared == incoming.declared == ["other"]
