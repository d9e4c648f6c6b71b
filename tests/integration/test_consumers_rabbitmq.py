"""Consumers and dead letters at RabbitMQ, over lapin."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.contract.consumers_contract import ConsumersContract, group
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import vss_topology

__all__ = ["group"]


@pytest.fixture
async def transport(rabbitmq: RabbitMqServer) -> AsyncIterator[Transport]:
    lapin = LapinTransport(parse_broker_url(rabbitmq.new_vhost()), random=random.random)
    await lapin.connect()
    await lapin.declare(vss_topology())
    yield lapin
    await lapin.close()


class TestLapin(ConsumersContract):
    pass
