"""The RabbitMQ that the tests of faults share, one a worker: nothing a test does to it is too much."""

from collections.abc import Iterator

import pytest

from tests.services.rabbitmq_server import RabbitMqServer


@pytest.fixture(scope="session")
def worker_rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMqServer]:
    """The worker's RabbitMQ; tests take `server`."""
    server = RabbitMqServer(tmp_path_factory.mktemp("rough"))
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def server(worker_rabbitmq: RabbitMqServer) -> RabbitMqServer:
    """A RabbitMQ that runs and is empty, to be stopped, killed, hung and cut at will; it need not be left running."""
    if worker_rabbitmq.process.runs():
        worker_rabbitmq.resume()
    if not worker_rabbitmq.answers():
        worker_rabbitmq.restart()
    worker_rabbitmq.clear()
    return worker_rabbitmq
