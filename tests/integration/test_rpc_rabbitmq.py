"""Remote calls at RabbitMQ, over lapin."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.contract.rpc_contract import RpcContract, desk
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import vss_topology

__all__ = ["desk"]


@pytest.fixture
async def transport(rabbitmq: RabbitMqServer) -> AsyncIterator[Transport]:
    lapin = LapinTransport(parse_broker_url(rabbitmq.new_vhost()), random=random.random)
    await lapin.connect()
    await lapin.declare(vss_topology())
    yield lapin
    await lapin.close()


class TestLapin(RpcContract):
    pass
