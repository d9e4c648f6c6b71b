"""Consumers and dead letters at RabbitMQ, over both of its transports."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.contract.consumers_contract import ConsumersContract, group
from tests.contract.consumers_waiting_contract import WaitingContract
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import vss_topology

__all__ = ["group"]


class TestLapin(ConsumersContract, WaitingContract):
    @pytest.fixture
    async def transport(self, rabbitmq: RabbitMqServer) -> AsyncIterator[Transport]:
        async for ready in made_ready(LapinTransport(parse_broker_url(rabbitmq.new_vhost()), random=random.random)):
            yield ready


class TestAioPika(ConsumersContract, WaitingContract):
    @pytest.fixture
    async def transport(self, rabbitmq: RabbitMqServer) -> AsyncIterator[Transport]:
        async for ready in made_ready(AioPikaTransport(parse_broker_url(rabbitmq.new_vhost()), random=random.random)):
            yield ready


async def made_ready(transport: Transport) -> AsyncIterator[Transport]:
    await transport.connect()
    await transport.declare(vss_topology())
    yield transport
    await transport.close()
