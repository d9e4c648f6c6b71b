"""The contract of transports, held by aio-pika at a live RabbitMQ."""

import random
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.transport_contract import TransportContract
from tests.integration.rabbitmq_rig import RabbitMqRig
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.aio_pika import AioPikaTransport

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]  # a restart of RabbitMQ alone may take a minute


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMqServer]:
    """One of this module's own: some tests restart it."""
    server = RabbitMqServer(tmp_path_factory.mktemp("rabbitmq"))
    try:
        yield server.start()
    finally:
        server.remove()


class TestAioPikaTransport(TransportContract):
    """aio-pika."""

    @pytest.fixture
    async def rig(self, server: RabbitMqServer) -> AsyncIterator[RabbitMqRig]:
        rig = RabbitMqRig(server, lambda endpoint: AioPikaTransport(endpoint, random=random.Random(1).random))
        await rig.transport.connect()
        yield rig
        await rig.transport.close()
        server.clear()
