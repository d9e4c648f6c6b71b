"""What aio-pika's transport declares on each connection anew: everything that was asked for, and each object once."""

import asyncio
from typing import cast

from vss_router.broker.aio_pika.declarations import Declarations
from vss_router.broker.aio_pika.desk import Desk, Refusal
from vss_router.broker.aio_pika.faults import Fault
from vss_router.broker.topology import Binding, Exchange, Queue, Topology

LOCKED: Refusal = ("queue", "mine", Fault("answered", 405, "RESOURCE_LOCKED"))
REFUSED: Refusal = ("queue", "theirs", Fault("answered", 406, "inequivalent arg 'durable'"))


class DeskDouble:
    """Keeps what it was given to declare and refuses what a test tells it, one list per call."""

    def __init__(self, *answers: list[Refusal]) -> None:
        self.declared: list[Topology] = []
        self._answers = list(answers)

    async def declare(self, topology: Topology) -> list[Refusal]:
        self.declared.append(topology)
        return self._answers.pop(0) if self._answers else []


def part(queue: str, *, durable: bool = True, key: str = "a") -> Topology:
    return Topology(
        exchanges=(Exchange(name="x", kind="topic"),),
        queues=(Queue(name=queue, durable=durable),),
        bindings=(Binding(exchange="x", queue=queue, routing_key=key),),
    )


def test_declarations_add_up_and_of_two_objects_of_a_name_the_newer_one_counts() -> None:
    both = part("q").plus(part("r")).plus(part("q", durable=False, key="b"))
    assert both.exchanges == (Exchange(name="x", kind="topic"),)
    assert both.queues == (Queue(name="r"), Queue(name="q", durable=False))
    assert [(binding.queue, binding.routing_key) for binding in both.bindings] == [("q", "a"), ("r", "a"), ("q", "b")]
    assert Topology().plus(both) == both.plus(Topology()) == both.plus(both) == both


async def test_what_is_declared_again_and_again_is_declared_once_on_a_new_connection() -> None:
    declarations, desk = Declarations(), DeskDouble()
    for _ in range(1000):
        declarations.add(part("q"))
        declarations.add(part("r"))
    declarations.forget_queue("r")
    await declarations.declare(cast("Desk", desk))
    assert desk.declared == [part("q")]


async def test_of_what_is_declared_only_what_was_refused_the_last_time_stands_refused() -> None:
    declarations = Declarations()
    await declarations.declare(cast("Desk", DeskDouble([LOCKED, REFUSED])))
    declarations.renew(part("mine"), [])
    assert declarations.refusals == [REFUSED]
    declarations.renew(part("theirs"), [REFUSED])
    assert declarations.refusals == [REFUSED]


async def test_what_another_connection_holds_is_declared_again_until_it_is_ours_and_counted() -> None:
    declarations, ours = Declarations(), asyncio.Event()
    desk = DeskDouble([LOCKED], [LOCKED], [LOCKED, REFUSED], [REFUSED])
    declarations.add(part("mine"))
    await declarations.declare(cast("Desk", desk))

    async def declared() -> None:
        if LOCKED not in declarations.refusals:
            ours.set()

    trying = asyncio.create_task(declarations.declare_locked(cast("Desk", desk), lambda: 0.0, declared))
    await ours.wait()
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    # What is refused for good is left alone.
    assert (declarations.redeclares, declarations.refusals, len(desk.declared)) == (3, [REFUSED], 4)
