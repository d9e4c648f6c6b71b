"""P6: publish persistent messages and wait for their confirms, beside aio-pika and PerfTest, one RabbitMQ, in turn.

Every side publishes real bodies of 400 bytes to one durable queue, emptied before, with the same number of messages
waiting for their confirm at most. A round counts what is confirmed in its second half: Java and the broker warm up.
"""

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import aio_pika

from benches import embedded_publishing
from benches.beside import in_turn
from benches.event_bodies import event_bodies
from benches.perf_test import PerfTest, fetched
from benches.rows import OUTSTANDING
from benches.schema import Side
from benches.servers import rabbitmq_server
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.message import Confirm, Message, Outcome, Properties
from vss_router.broker.topology import Binding, Exchange, Queue, Topology

ROUNDS = 5
WARM_SECONDS = 2
SECONDS = 2
BATCH = 64  # messages of one call of ours
NAME = "bench"  # of the exchange, the key and the queue
TOPOLOGY = Topology(
    exchanges=(Exchange(name=NAME, kind="direct"),),
    queues=(Queue(name=NAME),),
    bindings=(Binding(exchange=NAME, queue=NAME, routing_key=NAME),),
)
TYPE = "call.update"


async def confirmed_rate(publish: Callable[[], Awaitable[int]], callers: int) -> float:
    """So many callers publish again and again; messages confirmed a second once it is warm."""
    begun = time.monotonic()
    counted_from, end = begun + WARM_SECONDS, begun + WARM_SECONDS + SECONDS
    counted = 0

    async def caller() -> None:
        nonlocal counted
        while time.monotonic() < end:
            confirmed = await publish()
            if counted_from <= time.monotonic() < end:
                counted += confirmed

    async with asyncio.TaskGroup() as callers_running:
        for _ in range(callers):
            callers_running.create_task(caller())
    return counted / SECONDS


async def ours(url: str, bodies: Iterator[bytes], outstanding: int) -> float:
    """The transport holds to its bound; twice as many are given to it, so that it never waits for us."""
    transport = LapinTransport(parse_broker_url(url), random=random.random, outstanding=outstanding)
    await transport.connect()
    await transport.declare(TOPOLOGY)
    await transport.purge(NAME)
    properties = Properties(type=TYPE)
    batch = min(BATCH, outstanding)

    async def publish() -> int:
        messages = [Message(NAME, NAME, next(bodies), properties) for _ in range(batch)]
        return all_confirmed(await transport.publish(messages))

    try:
        return await confirmed_rate(publish, 2 * outstanding // batch)
    finally:
        await transport.close()


def all_confirmed(answers: list[Confirm]) -> int:
    """How many they are.

    Raises
    ------
    RuntimeError
        One is something else than confirmed.
    """
    for answer in answers:
        if answer.outcome is not Outcome.CONFIRMED:
            raise RuntimeError(f"not confirmed: {answer.reason}")
    return len(answers)


async def with_aio_pika(url: str, bodies: Iterator[bytes], outstanding: int) -> float:
    """As many tasks, each waiting for the confirm of its own message."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        await (await channel.get_queue(NAME)).purge()
        exchange = await channel.get_exchange(NAME)

        async def publish() -> int:
            message = aio_pika.Message(
                next(bodies),
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                type=TYPE,
            )
            await exchange.publish(message, NAME, mandatory=False)
            return 1

        return await confirmed_rate(publish, outstanding)


async def emptied(url: str) -> None:
    """The queue is there and empty."""
    transport = LapinTransport(parse_broker_url(url), random=random.random)
    await transport.connect()
    await transport.declare(TOPOLOGY)
    await transport.purge(NAME)
    await transport.close()


def broker_sides(bodies: list[bytes]) -> list[Side]:
    with rabbitmq_server() as server, tempfile.TemporaryDirectory(prefix="vss-bench-") as folder:
        if server is None:
            return []
        url = server.url()
        asyncio.run(emptied(url))
        jars = fetched()
        peer = PerfTest(jars, Path(folder), bodies) if jars is not None else None

        def seconds(publish: Callable[[str, Iterator[bytes], int], Awaitable[float]], outstanding: int) -> float:
            async def run() -> float:
                return 1 / await publish(url, itertools.cycle(bodies), outstanding)

            return asyncio.run(run())

        def perf_test_seconds(peer: PerfTest, outstanding: int) -> float:
            asyncio.run(emptied(url))
            return 1 / peer.rate(url, NAME, outstanding, warm_seconds=WARM_SECONDS, seconds=SECONDS)

        works: dict[str, tuple[Callable[[], float], int]] = {}
        for outstanding in OUTSTANDING:
            works[f"LapinTransport, {outstanding:,}"] = (partial(seconds, ours, outstanding), 1)
            works[f"aio-pika, {outstanding:,}"] = (partial(seconds, with_aio_pika, outstanding), 1)
            if peer is not None:
                works[f"PerfTest, {outstanding:,}"] = (partial(perf_test_seconds, peer, outstanding), 1)
        return in_turn(works, "s/message", ROUNDS, warm=0)


def sides() -> list[Side]:
    """Measure, RabbitMQ when there is one."""
    bodies = event_bodies()
    return [*broker_sides(bodies), *embedded_publishing.sides(bodies)]
