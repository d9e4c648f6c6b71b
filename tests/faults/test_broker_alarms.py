"""RabbitMQ runs out of memory or disk and says so (`connection.blocked`): publishing waits, goes on, loses nothing."""

import asyncio
import time
from pathlib import Path
from typing import Final

import pytest

from tests.contract.transport_rig import until
from tests.faults.broker_transports import ALL, QUEUE, everything, transport_to
from tests.faults.emptied_queue import arrivals_in_order, emptied
from tests.faults.generated_events import GeneratedEvents
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.ami_publishing import AmiPublishing
from vss_router.broker.outbox import Outbox
from vss_router.broker.publisher import Publisher
from vss_router.errors import BrokerUnavailableError
from vss_router.events import GacsCompleted

SOURCES: Final = ("north", "south")
EACH: Final = 3_000
"""Events before an alarm, as many as it begins and as many while it lasts."""
MEMORY: Final = 5_000
QUESTIONS: Final = 4


def no_memory(server: RabbitMqServer) -> None:
    server.alarm()


def no_disk(server: RabbitMqServer) -> None:
    server.evaluate(f"rabbit_disk_monitor:set_disk_free_limit({2**60})")


def calm(server: RabbitMqServer) -> None:
    server.calm()
    server.evaluate("rabbit_disk_monitor:set_disk_free_limit(1000000)")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ALL)
async def test_publishing_waits_out_an_alarm_and_loses_nothing(
    server: RabbitMqServer, tmp_path: Path, kind: str
) -> None:
    url = server.new_vhost()
    transport = transport_to(url, kind, answer_seconds=1.0)
    outbox = Outbox(transport, path=tmp_path / "outbox.db", memory_messages=MEMORY)
    numbers = iter(range(1_000))
    publisher = Publisher(outbox, ids=lambda: "unasked", clock=time.time)
    give = AmiPublishing(outbox, publishes=lambda _: True, ids=lambda: "no-gap", clock=time.time)
    given = {source: GeneratedEvents(source, 1) for source in SOURCES}
    sent: dict[str, list[int]] = {source: [] for source in SOURCES}
    typed: list[str] = []

    async def publish(count: int) -> None:
        for _ in range(count // 50):
            for source in SOURCES:
                events = given[source].take(25)
                sent[source] += [seq for seq, _, _ in events]
                give(source, events)
            await asyncio.sleep(0.001)
        # Whoever waits for it goes on as soon as the disk has it.
        typed.append(f"typed-{next(numbers)}")
        async with asyncio.timeout(30):
            await publisher.publish(GacsCompleted(id=typed[-1], slot_id=1, script_name="s", result={}))

    await transport.declare(everything("call.#", "gacs.completed"))
    await outbox.start()
    try:
        await transport.connect()
        for begin in (no_memory, no_disk):
            await publish(EACH)
            await asyncio.to_thread(begin, server)
            await publish(EACH)
            await until(lambda: transport.status.blocked is not None)
            await publish(EACH)
            await until(lambda: outbox.stats.disk_messages >= EACH)
            # A blocked broker reads nothing: a question is refused at once, and costs nobody the connection.
            for _ in range(QUESTIONS):
                with pytest.raises(BrokerUnavailableError, match="takes nothing now"):
                    await transport.inspect(QUEUE)
            assert transport.status.state == "ready"
            assert outbox.stats.waiting_messages >= EACH
            await asyncio.to_thread(calm, server)
            await until(lambda: transport.status.blocked is None and not outbox.stats.waiting_messages)
        stats = outbox.stats
        assert transport.status.connects == 1, "an alarm is no reason to connect again"
    finally:
        await asyncio.to_thread(calm, server)
        await outbox.stop()
        await transport.close()
    assert (stats.dropped, stats.republished) == (0, 0)
    arrived = await emptied(url, QUEUE)
    for source in SOURCES:
        assert arrivals_in_order(arrived, source) == sent[source]
    assert [each.id for each in arrived if each.source is None] == typed
    assert len(arrived) == sum(map(len, sent.values())) + len(typed), "nothing twice"
