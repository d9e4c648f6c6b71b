"""What the contract of transports stands on: a broker of the test's own, arrivals, waits with a bound."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import pytest

from vss_router.broker.message import Confirm, Delivery, Headers, Message, Outcome, Properties
from vss_router.broker.topology import Binding, DeadLetter, Exchange, ExchangeKind, Limits, Queue, Topology
from vss_router.broker.transport import Consumption, Transport

LONGEST = 20.0
"""Seconds that anything may take before a test gives up; nothing is expected to take so long."""

T = TypeVar("T")


class TransportRig(ABC):
    """A transport at an empty broker, ready. A subclass makes `transport` and may do to the broker what tests need."""

    transport: Transport

    async def cut(self) -> None:
        """End its connections under it, and wait until it is ready again."""
        pytest.skip("this transport has no connection that could be cut")

    @abstractmethod
    async def reopen(self) -> None:
        """Close `transport` and put a new one in its place, ready at the same broker."""

    @abstractmethod
    async def restart(self) -> None:
        """Have the broker begin again from what it has on disk; `transport` is then ready, maybe a new one."""


async def eventually(ask: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """Ask until the answer is the wanted one."""
    async with asyncio.timeout(LONGEST):
        while not wanted(answer := await ask()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return answer


async def until(true: Callable[[], bool]) -> None:
    async def ask() -> bool:
        return true()

    await eventually(ask, bool)


async def ready_messages(transport: Transport, queue: str, wanted: int) -> None:
    """Wait until so many messages are ready."""

    async def ask() -> int:
        counts = await transport.inspect(queue)
        return -1 if counts is None else counts.messages

    await eventually(ask, lambda found: found == wanted)


class Arrivals:
    """What a consumption was given, in order; `settled_at_once` for a consumer that only looks."""

    def __init__(self, *, ack: bool = False) -> None:
        self.all: list[Delivery] = []
        self.cancelled: list[str] = []
        self._ack = ack
        self._taken = 0

    def __call__(self, delivery: Delivery) -> None:
        self.all.append(delivery)
        if self._ack:
            delivery.ack()

    def texts(self) -> list[str]:
        return [delivery.body.decode() for delivery in self.all]

    async def next(self) -> Delivery:
        """The first one that was not taken yet."""
        await until(lambda: len(self.all) > self._taken)
        self._taken += 1
        return self.all[self._taken - 1]

    async def take(self, count: int) -> list[Delivery]:
        return [await self.next() for _ in range(count)]


async def consumed(
    transport: Transport, queue: str, prefetch: int = 100, **options: Any
) -> tuple[Arrivals, Consumption]:
    arrivals = Arrivals(ack=options.pop("ack", False))
    consumption = await transport.consume(
        queue, arrivals, prefetch=prefetch, on_cancel=arrivals.cancelled.append, **options
    )
    return arrivals, consumption


async def got(transport: Transport, queue: str) -> Delivery:
    """A message that must be there or come."""
    delivery = await eventually(lambda: transport.get(queue), lambda found: found is not None)
    assert delivery is not None
    return delivery


async def drained(transport: Transport, queue: str) -> list[str]:
    """The bodies of all ready messages, in order; they are gone then."""
    bodies = []
    while (delivery := await transport.get(queue)) is not None:
        bodies.append(delivery.body.decode())
        delivery.ack()
    return bodies


def to_queue(queue: str, *bodies: str, mandatory: bool = True, **properties: Any) -> list[Message]:
    return [to("", queue, body, mandatory=mandatory, **properties) for body in bodies]


def to(exchange: str, key: str, body: str = "", *, mandatory: bool = False, **properties: Any) -> Message:
    return Message(exchange, key, body.encode(), Properties(**properties), mandatory)


async def publish(transport: Transport, *messages: Message) -> None:
    """Publish what must be confirmed."""
    assert {confirm.outcome for confirm in await transport.publish(messages)} <= {Outcome.CONFIRMED}


def outcomes(confirms: Sequence[Confirm]) -> list[str]:
    return [str(confirm.outcome) for confirm in confirms]


async def with_queues(transport: Transport, *names: str, **options: Any) -> None:
    await transport.declare(Topology(queues=tuple(Queue(name=name, **options) for name in names)))


async def with_limits(transport: Transport, name: str, *, max_priority: int | None = None, **limits: Any) -> None:
    dead_letter = limits.pop("dead_letter", None)
    if isinstance(dead_letter, str):
        dead_letter = DeadLetter("", dead_letter)
    queue = Queue(
        name=name, limits=Limits(dead_letter=dead_letter, **limits), limits_by="arguments", max_priority=max_priority
    )
    await transport.declare(Topology(queues=(queue,)))


async def with_bindings(
    transport: Transport, kind: ExchangeKind, bindings: dict[str, list[str] | list[Headers]], exchange: str = "x"
) -> None:
    """An exchange and its queues; what each is bound with, keys or the arguments of a headers exchange."""
    await transport.declare(
        Topology(
            exchanges=(Exchange(name=exchange, kind=kind),),
            queues=tuple(Queue(name=queue) for queue in bindings),
            bindings=tuple(
                Binding(exchange=exchange, queue=queue, routing_key=with_)
                if isinstance(with_, str)
                else Binding(exchange=exchange, queue=queue, arguments=with_)
                for queue, all_ in bindings.items()
                for with_ in all_
            ),
        )
    )


async def contents(transport: Transport, *queues: str) -> dict[str, list[str]]:
    """What is in each queue; empty ones are left out. They are empty then."""
    return {queue: bodies for queue in queues if (bodies := await drained(transport, queue))}
