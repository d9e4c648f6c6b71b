"""Consumers at a RabbitMQ that is killed, restarted and cut while messages wait in lanes: none is lost, none loops."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tests.contract.consumers_contract import lead, publish
from tests.contract.transport_rig import drained, eventually
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.consumers import Consumers, Retry
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.message import Delivery
from vss_router.broker.vss_topology import vss_topology
from vss_router.errors import BrokerUnavailableError
from vss_router.events import AutodialLead

LEADS = 200
FAILURES = 2
POISON = "l7"
LONGEST = 120.0

Fault = Callable[[RabbitMqServer], Awaitable[None]]


async def kill(server: RabbitMqServer) -> None:
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


async def restart(server: RabbitMqServer) -> None:
    await asyncio.to_thread(server.begin_again)


async def cut(server: RabbitMqServer) -> None:
    for _ in range(3):
        await asyncio.to_thread(server.close_connections)


async def given_up(transport: LapinTransport) -> list[str]:
    try:
        return await drained(transport, "vss.commands.failed")
    except BrokerUnavailableError:
        return []  # the last cut came late


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", [kill, restart, cut])
async def test_every_message_is_handled_or_parked_whatever_happens_to_the_broker_while_they_wait(
    server: RabbitMqServer, fault: Fault
) -> None:
    transport = LapinTransport(parse_broker_url(server.new_vhost()), random=random.random)
    await transport.declare(vss_topology())
    await transport.connect()
    consumers = Consumers(transport, topology=vss_topology(), instance="faults")
    tried: Counter[str] = Counter()
    handled: Counter[str] = Counter()

    @consumers.consumer(
        "vss.autodial.leads",
        AutodialLead,
        concurrency=20,
        prefetch=50,
        retry=Retry(attempts=FAILURES + 2, first_seconds=0.5, most_seconds=1),
        timeout_seconds=0.2,
    )
    async def dial(message: AutodialLead, delivery: Delivery) -> None:
        tried[message.lead_id] += 1
        attempts = int(str(delivery.properties.headers.get("x-attempts", 0)))
        if message.lead_id == POISON or attempts < FAILURES:
            if tried[message.lead_id] % 2:
                await asyncio.Event().wait()
            raise ConnectionError("no line is free")
        handled[message.lead_id] += 1

    await consumers.start()
    await publish(transport, *(lead(f"l{number}") for number in range(LEADS)))
    async with asyncio.timeout(LONGEST):
        while consumers.stats()[0].retried < LEADS // 2:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await fault(server)
    await transport.ready()
    async with asyncio.timeout(LONGEST):
        while len(handled) < LEADS - 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    parked = await eventually(lambda: given_up(transport), bool)
    assert all(f'"{POISON}"' in body for body in parked)
    assert POISON not in handled
    # What was handled while the broker went away comes again, and no more than that.
    assert sum(handled.values()) < 2 * LEADS
    await consumers.drain(2)
    await transport.close()
