"""Consumers and dead letters at RabbitMQ, over both of its transports."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.contract.consumers_contract import ConsumersContract, group
from tests.contract.consumers_foreign_contract import ForeignContract, stranger
from tests.contract.consumers_waiting_contract import WaitingContract
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import vss_topology

__all__ = ["group", "stranger"]


@pytest.fixture
def broker_url(rabbitmq: RabbitMqServer) -> str:
    """Where a client that is not ours finds what the transport of a test finds."""
    return rabbitmq.new_vhost()


class TestLapin(ConsumersContract, WaitingContract, ForeignContract):
    @pytest.fixture
    async def transport(self, broker_url: str) -> AsyncIterator[Transport]:
        async for ready in made_ready(LapinTransport(parse_broker_url(broker_url), random=random.random)):
            yield ready


class TestAioPika(ConsumersContract, WaitingContract, ForeignContract):
    @pytest.fixture
    async def transport(self, broker_url: str) -> AsyncIterator[Transport]:
        async for ready in made_ready(AioPikaTransport(parse_broker_url(broker_url), random=random.random)):
            yield ready


async def made_ready(transport: Transport) -> AsyncIterator[Transport]:
    await transport.connect()
    await transport.declare(vss_topology())
    yield transport
    await transport.close()
