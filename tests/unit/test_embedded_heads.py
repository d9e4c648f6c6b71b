"""Whatever gives a queue of the embedded broker another head: one that is over dies then, and is buried afterwards."""

import asyncio

from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.embedded.broker import EmbeddedBroker
from vss_router.broker.message import Delivery, Message, Properties
from vss_router.broker.topology import Binding, DeadLetter, Exchange, Limits, Queue, Topology


def to(queue: str, body: bytes, *, over: bool = False, persistent: bool = True) -> Message:
    return Message("", queue, body, Properties(expiration_ms=0 if over else None, persistent=persistent))


async def bodies(transport: EmbeddedTransport, queue: str) -> list[bytes]:
    found = []
    while (delivery := await transport.get(queue)) is not None:
        found.append(delivery.body)
        delivery.ack()
    return found


async def test_what_a_new_length_uncovers_dies_at_once() -> None:
    transport = EmbeddedTransport()
    await transport.connect()
    limits = Limits(dead_letter=DeadLetter("", "dead"))
    await transport.declare(Topology(queues=(Queue(name="a", limits=limits), Queue(name="dead"))))
    await transport.publish([to("a", b"1"), to("a", b"2", over=True), to("a", b"3")])
    assert await bodies(transport, "dead") == []
    shorter = Limits(max_length=2, dead_letter=DeadLetter("", "dead"))
    await transport.declare(Topology(queues=(Queue(name="a", limits=shorter),)))
    assert await bodies(transport, "dead") == [b"1", b"2"]
    assert await bodies(transport, "a") == [b"3"]
    await transport.close()


async def test_what_stood_behind_a_message_that_could_not_be_written_dies_at_once() -> None:
    broker = EmbeddedBroker(lambda: 1_000.0, message_bytes=1_000, lasting=True, changed=lambda: None)
    broker.declare(
        Topology(queues=(Queue(name="a", limits=Limits(dead_letter=DeadLetter("", "dead"))), Queue(name="dead")))
    )
    unwritten = to("a", b"1")
    broker.publish(unwritten)
    broker.publish(to("a", b"2", over=True, persistent=False))
    broker.changes.take_back({id(unwritten)})
    broker.take_back()
    dead = broker.queues["dead"].get()
    assert dead is not None
    assert dead.body == b"2"
    assert broker.queues["a"].messages == 0


async def test_a_dead_letter_comes_back_to_its_queue_only_after_all_that_died_with_it() -> None:
    """Three full queues send what they drop to `a`; coming before `2` has died, they would push it out of `a`."""
    full = [f"full {number}" for number in range(3)]
    transport = EmbeddedTransport()
    await transport.connect()
    await transport.declare(
        Topology(
            exchanges=(Exchange(name="all", kind="fanout"),),
            queues=(
                Queue(name="a", limits=Limits(max_length=3, dead_letter=DeadLetter("all", ""))),
                *(Queue(name=name, limits=Limits(max_length=1, dead_letter=DeadLetter("", "a"))) for name in full),
            ),
            bindings=tuple(Binding(exchange="all", queue=name) for name in full),
        )
    )
    await transport.publish([to(name, name.encode()) for name in full])
    await transport.publish([to("a", b"0"), to("a", b"1", over=True), to("a", b"2", over=True)])
    first = await transport.get("a")
    assert first is not None
    assert (first.body, first.waiting) == (b"0", 0)
    assert await bodies(transport, "a") == [name.encode() for name in full]
    for name in full:
        last = await transport.get(name)
        assert last is not None
        assert last.body == b"2"
        assert last.properties.headers["x-first-death-reason"] == "expired"
    await transport.close()


async def test_however_many_are_over_none_of_them_is_delivered() -> None:
    now = 1_000.0
    transport = EmbeddedTransport(clock=lambda: now)
    await transport.connect()
    await transport.declare(Topology(queues=(Queue(name="a"), Queue(name="b"))))
    short = Properties(expiration_ms=60_000)
    for queue in ("a", "b"):
        await transport.publish([Message("", queue, str(number).encode(), short) for number in range(3_500)])
        await transport.publish([to(queue, b"lasts")])
    now += 61
    assert await bodies(transport, "a") == [b"lasts"]
    taken: list[Delivery] = []
    await transport.consume("b", taken.append, prefetch=3)
    async with asyncio.timeout(10):
        while not taken:  # noqa: ASYNC110 - the queue buries a part of them each turn
            await asyncio.sleep(0)
    assert [each.body for each in taken] == [b"lasts"]
    await transport.close()
