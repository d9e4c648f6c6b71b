"""The contract of transports, held by aio-pika at a live RabbitMQ."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.contract.transport_contract import TransportContract
from tests.integration.rabbitmq_rig import RabbitMqRig
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.aio_pika import AioPikaTransport

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]  # RabbitMQ alone may take a minute to start


class TestAioPikaTransport(TransportContract):
    """aio-pika."""

    @pytest.fixture
    async def rig(self, rabbitmq: RabbitMqServer) -> AsyncIterator[RabbitMqRig]:
        rig = RabbitMqRig(rabbitmq, lambda endpoint: AioPikaTransport(endpoint, random=random.Random(1).random))
        await rig.transport.connect()
        yield rig
        await rig.transport.close()
