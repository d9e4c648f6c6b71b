"""Two connections as one transport at a live RabbitMQ: what the parts of a router rely on, and why there are two."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.transport_consuming_contract import ConsumingContract
from tests.contract.transport_publishing_contract import PublishingContract
from tests.contract.transport_rig import LONGEST, consumed, publish, ready_messages, to_queue, until, with_queues
from tests.contract.transport_topology_contract import TopologyContract
from tests.integration.rabbitmq_rig import RabbitMqRig
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.duplex_transport import DuplexTransport
from vss_router.broker.endpoint import BrokerEndpoint
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.message import Outcome
from vss_router.broker.topology import Binding, Exchange, Queue, Topology

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]  # RabbitMQ alone may take a minute to start


def duplex(endpoint: BrokerEndpoint) -> DuplexTransport:
    ours = random.Random(1).random
    return DuplexTransport(
        outgoing=LapinTransport(endpoint, random=ours), incoming=LapinTransport(endpoint, random=ours)
    )


class DuplexRig(RabbitMqRig):
    """Both connections are cut, and both stand again."""

    async def cut(self) -> None:
        before = self.transport.status.connects
        await asyncio.to_thread(self._server.close_connections, self._endpoint.vhost, at_least=2)
        async with asyncio.timeout(LONGEST):
            await until(lambda: self.transport.status.connects >= before + 2)
            await self.transport.ready()


@pytest.fixture
async def rig(rabbitmq: RabbitMqServer) -> AsyncIterator[DuplexRig]:
    rig = DuplexRig(rabbitmq, duplex)
    await rig.transport.connect()
    yield rig
    await rig.transport.close()


class TestDuplexTransport(TopologyContract, PublishingContract, ConsumingContract):
    """Two of lapin's."""


async def test_an_exclusive_queue_is_declared_read_and_deleted_where_it_is_read(rig: DuplexRig) -> None:
    mine = Topology(
        exchanges=(Exchange(name="x", kind="topic"),),
        queues=(Queue(name="mine", durable=False, exclusive=True), Queue(name="shared")),
        bindings=(
            Binding(exchange="x", queue="mine", routing_key="#"),
            Binding(exchange="x", queue="shared", routing_key="#"),
        ),
    )
    await rig.transport.declare(mine)
    arrivals, consumption = await consumed(rig.transport, "mine", ack=True)
    await publish(rig.transport, *to_queue("mine", "1"))
    await rig.cut()
    await until(lambda: consumption.trouble is None)
    await publish(rig.transport, *to_queue("mine", "2"))
    await until(lambda: arrivals.texts()[-1:] == ["2"])
    await rig.transport.delete_queue("mine")
    assert await rig.transport.inspect("mine") is None
    assert await rig.transport.inspect("shared") is not None
    assert rig.transport.status.trouble is None


@pytest.fixture
def alarmed(rabbitmq: RabbitMqServer) -> Iterator[RabbitMqServer]:
    """A server that can be alarmed, and is calm in the end whatever happens."""
    try:
        yield rabbitmq
    finally:
        rabbitmq.calm()


async def test_acks_go_out_and_messages_come_while_the_broker_takes_no_publishes(
    rig: DuplexRig, alarmed: RabbitMqServer
) -> None:
    await with_queues(rig.transport, "work", "other")
    await publish(rig.transport, *to_queue("work", *(str(number) for number in range(50))))
    await asyncio.to_thread(alarmed.alarm)
    # The broker blocks a connection at its next publish; this one waits until the alarm is over.
    waiting = asyncio.create_task(rig.transport.publish(to_queue("other", "late")))
    await until(lambda: rig.transport.status.blocked is not None)
    arrivals, _ = await consumed(rig.transport, "work", prefetch=5, ack=True)
    await until(lambda: len(arrivals.all) == 50)
    await ready_messages(rig.transport, "work", 0)
    assert not waiting.done()
    assert rig.transport.status.state == "ready"
    await asyncio.to_thread(alarmed.calm)
    async with asyncio.timeout(LONGEST):
        assert [confirm.outcome for confirm in await waiting] == [Outcome.CONFIRMED]
    await until(lambda: rig.transport.status.blocked is None)
