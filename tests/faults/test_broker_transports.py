"""RabbitMQ is killed, hangs or cuts connections while both AMQP transports publish and consume."""

import asyncio
import random
from collections.abc import Callable

import msgspec
import pytest

from tests.contract.transport_rig import consumed, drained, until, with_queues
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.endpoint import BrokerEndpoint, parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.message import Message, Outcome
from vss_router.broker.transport import Transport

pytestmark = pytest.mark.timeout(400)

Make = Callable[[BrokerEndpoint], Transport]


@pytest.fixture(params=[LapinTransport, AioPikaTransport], ids=["lapin", "aio-pika"])
def make(request: pytest.FixtureRequest) -> Make:
    def made(endpoint: BrokerEndpoint) -> Transport:
        return request.param(endpoint, random=random.Random(1).random, connect_seconds=20.0)  # type: ignore[no-any-return]

    return made


class Publishing:
    """Publishes numbers in batches until each is confirmed, as the outbox does: what is lost goes out again first."""

    def __init__(self, transport: Transport, count: int, batch: int = 50) -> None:
        self._transport = transport
        self._left = list(range(count))
        self._batch = batch
        self.confirmed = 0
        self.lost = 0

    async def run(self) -> None:
        while self._left:
            numbers = self._left[: self._batch]
            confirms = await self._transport.publish([Message("", "a", str(number).encode()) for number in numbers])
            assert {confirm.outcome for confirm in confirms} <= {Outcome.CONFIRMED, Outcome.LOST}
            lost = [number for number, one in zip(numbers, confirms, strict=True) if one.outcome is Outcome.LOST]
            self.confirmed += len(numbers) - len(lost)
            self.lost += len(lost)
            self._left[: self._batch] = lost
            if lost:
                await asyncio.sleep(0.01)


def firsts(bodies: list[str]) -> list[int]:
    return list(dict.fromkeys(int(body) for body in bodies))


async def harmed(server: RabbitMqServer, make: Make, harm: Callable[[], object], *, count: int = 3_000) -> None:
    """Publish through three harms: nothing confirmed is missing, first appearances are in order."""
    transport = make(parse_broker_url(server.new_vhost()))
    await transport.connect()
    try:
        await with_queues(transport, "a")
        publishing = Publishing(transport, count)
        running = asyncio.create_task(publishing.run())
        for part in (0.1, 0.4, 0.7):
            await until(lambda wanted=count * part: publishing.confirmed >= wanted or running.done())  # type: ignore[misc]
            connects = transport.status.connects
            await asyncio.to_thread(harm)
            await until(lambda before=connects: transport.status.connects > before)  # type: ignore[misc]
            await asyncio.wait_for(transport.ready(), 90)
        await asyncio.wait_for(running, 120)
        assert publishing.confirmed == count
        assert firsts(await drained(transport, "a")) == list(range(count))
        assert transport.status.connects > 1
    finally:
        await transport.close()


async def test_a_broker_killed_while_it_is_published_to_loses_nothing_confirmed(
    server: RabbitMqServer, make: Make
) -> None:
    await harmed(server, make, server.restart)


async def test_connections_closed_while_it_is_published_lose_nothing_confirmed(
    server: RabbitMqServer, make: Make
) -> None:
    await harmed(server, make, server.close_connections)


async def test_a_broker_that_hangs_is_given_up_and_found_again(server: RabbitMqServer, make: Make) -> None:
    endpoint = msgspec.structs.replace(parse_broker_url(server.new_vhost()), heartbeat=1)
    transport = make(endpoint)
    await transport.connect()
    try:
        await with_queues(transport, "a")
        arrivals, _ = await consumed(transport, "a", ack=True)
        server.pause()
        try:
            confirms = await asyncio.wait_for(transport.publish([Message("", "a", b"1")]), 60)
            assert confirms[0].outcome is Outcome.LOST
            assert transport.status.state == "connecting"
        finally:
            server.resume()
        await asyncio.wait_for(transport.ready(), 60)
        assert (await transport.publish([Message("", "a", b"2")]))[0].outcome is Outcome.CONFIRMED
        await until(lambda: "2" in arrivals.texts())
    finally:
        await transport.close()


async def test_closing_while_the_broker_hangs_is_bounded(server: RabbitMqServer, make: Make) -> None:
    transport = make(parse_broker_url(server.new_vhost()))
    await transport.connect()
    await with_queues(transport, "a")
    server.pause()
    try:
        waiting = asyncio.create_task(transport.publish([Message("", "a", b"1")]))
        asking = asyncio.create_task(transport.inspect("a"))
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await transport.close(0.2)
            assert (await waiting)[0].outcome is Outcome.LOST
            await asyncio.gather(asking, return_exceptions=True)
    finally:
        server.resume()


async def test_consumers_come_back_after_each_harm_and_see_every_message(server: RabbitMqServer, make: Make) -> None:
    endpoint = parse_broker_url(server.new_vhost())
    transport, publisher = make(endpoint), make(endpoint)
    await transport.connect()
    await publisher.connect()
    try:
        await with_queues(transport, "a")
        arrivals, consumption = await consumed(transport, "a", ack=True, prefetch=20)
        publishing = Publishing(publisher, 600)
        running = asyncio.create_task(publishing.run())
        for harm in (server.close_connections, server.restart):
            await asyncio.to_thread(harm)
            await asyncio.wait_for(transport.ready(), 90)
        await asyncio.wait_for(running, 120)
        await until(lambda: len(firsts(arrivals.texts())) == 600)
        assert consumption.trouble is None
    finally:
        await publisher.close()
        await transport.close()
