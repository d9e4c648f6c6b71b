"""The embedded broker: from publish to the consumer's ack, in memory and with its journal."""

import asyncio
import itertools
import tempfile
import time
from pathlib import Path

from benches.beside import in_turn
from benches.schema import Side
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.message import Delivery, Message, Outcome, Properties
from vss_router.broker.topology import Binding, Exchange, Queue, Topology

ROUNDS = 5
MESSAGES = 10_000  # of a round
BATCH = 64  # of one call
CALLS = 8  # under way at a time
PREFETCH = 1_000
NAME = "bench"
TOPOLOGY = Topology(
    exchanges=(Exchange(name=NAME, kind="topic"),),
    queues=(Queue(name=NAME),),
    bindings=(Binding(exchange=NAME, queue=NAME, routing_key="call.*"),),
)


async def through(path: Path | None, bodies: list[bytes]) -> float:
    """Seconds from the first publish to the last ack, which waits for every confirm too.

    Raises
    ------
    RuntimeError
        A message was not confirmed.
    """
    transport = EmbeddedTransport(path)
    await transport.connect()
    await transport.declare(TOPOLOGY)
    properties = Properties(type="call.update")
    source = itertools.cycle(bodies)
    waiting = [Message(NAME, "call.update", next(source), properties) for _ in range(MESSAGES)]
    missing, over = MESSAGES, asyncio.Event()

    def on_delivery(delivery: Delivery) -> None:
        nonlocal missing
        delivery.ack()
        missing -= 1
        if not missing:
            over.set()

    async def caller(first: int) -> None:
        for start in range(first, MESSAGES, BATCH * CALLS):
            answers = await transport.publish(waiting[start : start + BATCH])
            if any(answer.outcome is not Outcome.CONFIRMED for answer in answers):
                raise RuntimeError("the embedded broker did not confirm a message")

    await transport.consume(NAME, on_delivery, prefetch=PREFETCH)
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as callers:
        for call in range(CALLS):
            callers.create_task(caller(call * BATCH))
    await over.wait()
    seconds = time.perf_counter() - begun
    await transport.close()
    return seconds


def sides(bodies: list[bytes]) -> list[Side]:
    """Measure both."""

    def kept() -> float:
        with tempfile.TemporaryDirectory(prefix="vss-bench-journal-") as folder:
            return asyncio.run(through(Path(folder) / "broker.sqlite3", bodies))

    works = {
        "embedded, memory": (lambda: asyncio.run(through(None, bodies)), MESSAGES),
        "embedded, journal": (kept, MESSAGES),
    }
    return in_turn(works, "s/message", ROUNDS)
