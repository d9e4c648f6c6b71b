"""The private RabbitMQ of the tests of faults: it hangs, is killed, comes back, and ends for good."""

import aiormq
import httpx
import pytest

from tests.services.certificates import Certificates
from tests.services.fixtures import StartRabbitMq
from tests.services.rabbitmq_server import RabbitMqServer

pytestmark = pytest.mark.timeout(400)


def declared(server: RabbitMqServer, vhost: str) -> list[str]:
    return [row["name"] for row in server.api("GET", f"queues/{vhost}")]


async def test_a_rabbitmq_with_tls_hangs_is_killed_and_comes_back_with_its_data(
    start_rabbitmq: StartRabbitMq, certificates: Certificates
) -> None:
    server = start_rabbitmq(tls=certificates)
    server.new_vhost("kept")
    connection = await aiormq.connect(f"amqps://vss:s3cret@localhost:{server.tls_port}/kept?cafile={certificates.ca}")
    channel = await connection.channel()
    await channel.queue_declare("mine", durable=True)
    await connection.close()
    server.pause()
    async with httpx.AsyncClient(timeout=0.1, trust_env=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(server.management_url)
    server.resume()
    assert server.answers()
    ports = (server.port, server.management_port)
    for end in (server.kill, server.stop):
        end()
        assert not server.answers()
        server.start()
        assert (server.port, server.management_port) == ports
        assert declared(server, "kept") == ["mine"]


def test_a_removed_rabbitmq_leaves_no_process_behind(start_rabbitmq: StartRabbitMq) -> None:
    server = start_rabbitmq()
    server.remove()
    assert not server.process.runs()
    assert not server.port_mapper.runs()
