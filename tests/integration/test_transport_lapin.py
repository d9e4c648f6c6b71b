"""The contract of transports, held by lapin at a live RabbitMQ."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.contract.transport_contract import TransportContract
from tests.integration.rabbitmq_rig import RabbitMqRig
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.lapin import LapinTransport

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]  # RabbitMQ alone may take a minute to start


class TestLapinTransport(TransportContract):
    """lapin."""

    @pytest.fixture
    async def rig(self, rabbitmq: RabbitMqServer) -> AsyncIterator[RabbitMqRig]:
        rig = RabbitMqRig(rabbitmq, lambda endpoint: LapinTransport(endpoint, random=random.Random(1).random))
        await rig.transport.connect()
        yield rig
        await rig.transport.close()
