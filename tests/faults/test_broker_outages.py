"""RabbitMQ is stopped, killed, hung and cut off under 100 000 events: all arrive, in order, duplicates by equal ids."""

import asyncio
import contextlib
import logging
import random
import time
from pathlib import Path
from typing import Final

import pytest

from tests.faults.broker_spoiler import spoil
from tests.faults.broker_transports import ALL, QUEUE, everything, transport_to
from tests.faults.emptied_queue import arrivals_in_order, emptied
from tests.faults.generated_events import GeneratedEvents
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.ami_publishing import AmiPublishing
from vss_router.broker.outbox import Outbox
from vss_router.errors import BrokerError

EVENTS: Final = 100_000
BATCH: Final = 25
SOURCES: Final = ("north", "south", "west")
LONGEST: Final = 240.0
"""Seconds that end a test which has failed."""

_log = logging.getLogger(__name__)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ALL)
async def test_100_000_events_arrive_in_order_whatever_happens_to_the_broker(
    server: RabbitMqServer, tmp_path: Path, kind: str
) -> None:
    url = server.new_vhost()
    chance = random.Random(kind)
    transport = transport_to(url, kind)
    outbox = Outbox(transport, path=tmp_path / "outbox.db", memory_messages=5_000)
    given = {source: GeneratedEvents(source, 1) for source in SOURCES}
    give = AmiPublishing(outbox, publishes=lambda _: True, ids=lambda: "no-gap", clock=time.time)
    sent: dict[str, list[int]] = {source: [] for source in SOURCES}

    await transport.declare(everything("call.#"))
    await outbox.start()
    try:
        await transport.connect()
        spoiling = asyncio.create_task(spoil(server, ["close"] * 6 + ["restart", "kill", "hang"], chance, lambda: True))
        for _ in range(EVENTS // BATCH):
            source = chance.choice(SOURCES)
            events = given[source].take(BATCH)
            sent[source] += [seq for seq, _, _ in events]
            give(source, events)
            # The flood lasts as long as the spoiling; the rest goes out as fast as it can.
            await asyncio.sleep(0.003 if not spoiling.done() else 0)
        done = await spoiling
        async with asyncio.timeout(LONGEST):
            while outbox.stats.waiting_messages:  # noqa: ASYNC110 - counted by another task
                await asyncio.sleep(0.05)
        stats = outbox.stats
    finally:
        await outbox.stop()
        with contextlib.suppress(BrokerError):
            await transport.close()
    _log.info("%s through %s: %s", kind, done, stats)
    assert stats.dropped == 0
    assert stats.republished > 0, "the connection was lost with messages under way"
    arrived = await emptied(url, QUEUE)
    assert len(arrived) >= EVENTS
    for source in SOURCES:
        assert arrivals_in_order(arrived, source) == sent[source]
    _log.info("%s: %d duplicates", kind, len(arrived) - EVENTS)
