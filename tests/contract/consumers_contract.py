"""What consumers and dead letters do at a real broker: written once, inherited for each transport.

A subclass gives the fixture `transport`: ready, at an empty broker, with the system's topology declared.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.transport_rig import drained, eventually, ready_messages, to, until
from vss_router.broker.consumers import Consumers, ConsumerStats, Retry
from vss_router.broker.dead_letters import DeadLetters
from vss_router.broker.message import Delivery, Message, Outcome
from vss_router.broker.topology import Queue, Topology
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import vss_topology
from vss_router.errors import TopologyError
from vss_router.events import AutodialLead, CallEnd, CallStart, CommandFailed, Event

QUICK = Retry(attempts=3, first_seconds=0.05, most_seconds=0.1)


def start(call: str) -> Message:
    return to("vss.events", "call.start", f'{{"call_id":"{call}","phone_number":"1"}}', mandatory=True, message_id=call)


def lead(name: str) -> Message:
    body = f'{{"command":"autodial.lead","lead_id":"{name}","phone_number":"1","campaign_id":"c"}}'
    return to("vss.commands", "autodial.lead", body, mandatory=True, message_id=name, priority=5)


async def publish(transport: Transport, *messages: Message) -> None:
    for confirm in await transport.publish(messages):
        assert confirm.outcome is Outcome.CONFIRMED, confirm.reason


class Group:
    """Consumers of one process, drained at the end of the test."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._all: list[Consumers] = []

    def one(self, **options: Any) -> Consumers:
        made = Consumers(self._transport, topology=vss_topology(), instance="test", **options)
        self._all.append(made)
        return made

    async def close(self) -> None:
        for consumers in self._all:
            await consumers.drain(1)


@pytest.fixture
async def group(transport: Transport) -> AsyncIterator[Group]:
    made = Group(transport)
    yield made
    await made.close()


def stats_of(consumers: Consumers, handler: str) -> ConsumerStats:
    return next(stats for stats in consumers.stats() if stats.handler == handler)


class RetryContract:
    async def test_a_poison_message_is_parked_after_its_attempts_while_the_queue_goes_on(
        self, transport: Transport, group: Group
    ) -> None:
        handled: list[str] = []
        tried: list[int] = []
        consumers = group.one()

        @consumers.consumer("vss.call.events", CallStart, retry=QUICK)
        async def seen(message: CallStart, delivery: Delivery) -> None:
            if message.call_id == "poison":
                tried.append(int(str(delivery.properties.headers.get("x-attempts", 0))))
                raise ValueError("cannot be handled")
            handled.append(message.call_id)

        await consumers.start()
        await publish(transport, *(start(f"c{number}") for number in range(20)), start("poison"))
        await publish(transport, *(start(f"d{number}") for number in range(20)))
        await ready_messages(transport, "vss.parked", 1)
        assert tried == [0, 1, 2]
        assert handled == [*(f"c{number}" for number in range(20)), *(f"d{number}" for number in range(20))]
        letters = await DeadLetters(transport).list("vss.parked")
        (letter,) = letters.letters
        assert (letter.id, letter.failed_queue, letter.attempts) == ("poison", "vss.call.events", 3)
        assert (letter.exchange, letter.routing_key) == ("vss.events", "call.start")
        await until(lambda: stats_of(consumers, "seen").parked == 1)

    async def test_what_no_one_can_read_is_parked_and_the_rest_is_handled(
        self, transport: Transport, group: Group
    ) -> None:
        handled: list[Event] = []
        consumers = group.one()

        @consumers.consumer("vss.call.events")
        async def seen(message: Event) -> None:
            handled.append(message)

        await consumers.start()
        broken = [to("vss.events", "call.end", body, mandatory=True) for body in ("", "{", "[]", '{"call_id":1}')]
        await publish(transport, *broken, start("c1"))
        await until(lambda: len(handled) == 1)
        assert len(await drained(transport, "vss.parked")) == 4

    async def test_a_message_goes_through_one_lane_many_times_and_is_not_dropped(
        self, transport: Transport, group: Group
    ) -> None:
        tried: list[bool] = []
        consumers = group.one()

        @consumers.consumer("vss.call.events", retry=Retry(attempts=9, first_seconds=0.02, most_seconds=0.02))
        async def seen(message: CallStart, delivery: Delivery) -> None:
            tried.append("x-death" in delivery.properties.headers)
            if len(tried) < 9:
                raise ValueError("not yet")

        await consumers.start()
        await publish(transport, start("c1"))
        await until(lambda: stats_of(consumers, "seen").handled == 1)
        assert tried == [False] + [True] * 8

    async def test_later_comes_later_as_the_same_message(self, transport: Transport, group: Group) -> None:
        seen: list[AutodialLead] = []
        consumers = group.one()

        @consumers.consumer("vss.autodial.leads", AutodialLead, retry=Retry(attempts=1))
        async def dial(message: AutodialLead) -> object:
            seen.append(message)
            return Retry.later(0.1) if len(seen) < 3 else None

        await consumers.start()
        await publish(transport, lead("l1"))
        await until(lambda: len(seen) == 3)
        assert (seen[2].lead_id, stats_of(consumers, "dial").later) == ("l1", 2)

    async def test_a_command_given_up_reaches_those_who_look_after_failed_commands(
        self, transport: Transport, group: Group
    ) -> None:
        seen: list[tuple[Event, Delivery]] = []
        consumers = group.one()

        @consumers.consumer("vss.autodial.leads", retry=Retry(attempts=2, first_seconds=0.05))
        async def dial(message: AutodialLead) -> None:
            raise OSError("no line is free")

        @consumers.consumer("vss.commands.failed")
        async def failed(message: Event, delivery: Delivery) -> None:
            seen.append((message, delivery))

        await consumers.start()
        await publish(transport, lead("l1"))
        await until(lambda: bool(seen))
        message, delivery = seen[0]
        headers = delivery.properties.headers
        assert isinstance(message, CommandFailed)
        assert (message.command, message.extra["lead_id"]) == ("autodial.lead", "l1")
        assert (headers["x-attempts"], headers["x-last-error"]) == (2, "OSError: no line is free")
        deaths = headers["x-death"]
        assert isinstance(deaths, list)
        assert [(death["queue"], death["reason"], death["routing-keys"]) for death in deaths] == [
            ("vss.autodial.leads", "rejected", ["autodial.lead"])
        ]

    async def test_a_deleted_lane_is_made_again(self, transport: Transport, group: Group) -> None:
        handled: list[Event] = []
        consumers = group.one()

        @consumers.consumer("vss.call.events", retry=Retry(first_seconds=0.05))
        async def seen(message: CallStart) -> None:
            handled.append(message)
            if len(handled) == 1:
                raise ValueError("not yet")

        await consumers.start()
        for lane in (40, 50, 60):
            await transport.delete_queue(f"vss.retry.{lane}")
        await publish(transport, start("c1"))
        await until(lambda: len(handled) == 2)


class ReaderContract:
    async def test_a_reader_sees_every_event_beside_the_workers(self, transport: Transport, group: Group) -> None:
        first, second, worked = [], [], []
        consumers = group.one()

        @consumers.on("call.*")
        async def board(message: CallStart) -> None:
            first.append(message.call_id)

        @consumers.on("#", name="everything")
        async def audit(message: Event) -> None:
            second.append(message.event)

        @consumers.consumer("vss.call.events")
        async def worker(message: CallStart) -> None:
            worked.append(message.call_id)

        await consumers.start()
        await publish(transport, *(start(f"c{number}") for number in range(30)))
        await publish(transport, to("vss.events", "system.alert", '{"message":"m"}'))
        calls = [f"c{number}" for number in range(30)]
        await until(lambda: len(second) == 31 and len(first) == 30 and len(worked) == 30)
        assert (first, worked, second[-1]) == (calls, calls, "system.alert")

    async def test_what_came_while_a_reader_was_away_waits_for_it(self, transport: Transport, group: Group) -> None:
        seen: list[str] = []
        for numbers in (range(5), range(5, 10)):
            consumers = group.one()

            @consumers.on("call.*")
            async def board(message: CallStart) -> None:
                seen.append(message.call_id)

            if numbers[0]:
                await publish(transport, *(start(f"c{number}") for number in numbers))
            await consumers.start()
            if not numbers[0]:
                await publish(transport, *(start(f"c{number}") for number in numbers))
            await until(lambda: len(seen) == numbers[-1] + 1)  # noqa: B023 - awaited at once
            await consumers.drain(1)
        assert seen == [f"c{number}" for number in range(10)]


class DrainContract:
    async def test_what_was_not_handled_before_the_end_is_handled_by_the_next(
        self, transport: Transport, group: Group
    ) -> None:
        handled: list[str] = []
        first, second = group.one(), group.one()
        blocked = asyncio.Event()

        @first.consumer("vss.call.events", concurrency=3)
        async def slow(message: CallStart) -> None:
            blocked.set()
            await asyncio.sleep(0.02)
            handled.append(message.call_id)

        @second.consumer("vss.call.events", concurrency=20)
        async def quick(message: CallStart) -> None:
            handled.append(message.call_id)

        await first.start()
        await publish(transport, *(start(f"c{number}") for number in range(50)))
        await blocked.wait()
        await first.drain(5)
        taken = len(handled)
        assert 0 < taken < 50
        await second.start()
        await until(lambda: len(handled) == 50)
        assert sorted(handled) == sorted(f"c{number}" for number in range(50))


class DeadLettersContract:
    @pytest.fixture
    async def letters(self, transport: Transport) -> DeadLetters:
        await transport.declare(Topology(queues=(Queue(name="vss.parked"),)))
        messages = [
            to(
                "",
                "vss.parked",
                f"body {number}",
                message_id=f"m{number}",
                headers={
                    "x-origin-exchange": "vss.events",
                    "x-origin-routing-key": "call.end",
                    "x-attempts": 8,
                    "x-first-error": "E",
                    "x-last-error": "E",
                    "x-failed-queue": "vss.call.events",
                    "x-failed-reason": "why",
                },
            )
            for number in range(10)
        ]
        await publish(transport, *messages)
        return DeadLetters(transport)

    async def test_a_queue_that_is_not_there_is_named(self, letters: DeadLetters) -> None:
        with pytest.raises(TopologyError, match="there is no queue vss.nowhere at the broker"):
            await letters.list("vss.nowhere")

    async def test_looking_neither_loses_nor_reorders_any(self, transport: Transport, letters: DeadLetters) -> None:
        for limit in (3, 10, 100):
            found = await letters.list("vss.parked", limit=limit)
            assert [letter.id for letter in found.letters] == [f"m{number}" for number in range(min(limit, 10))]
            await ready_messages(transport, "vss.parked", 10)
        assert await letters.show("vss.parked", "nobody") is None
        await ready_messages(transport, "vss.parked", 10)
        assert await drained(transport, "vss.parked") == [f"body {number}" for number in range(10)]

    async def test_a_letter_is_shown_with_everything_in_it(self, letters: DeadLetters) -> None:
        found = await letters.show("vss.parked", "m7")
        assert found is not None
        assert (found.body, found.letter.reason, found.headers["x-attempts"]) == ("body 7", "why", 8)

    async def test_chosen_letters_go_back_to_the_queue_they_failed_in(
        self, transport: Transport, letters: DeadLetters
    ) -> None:
        progress: list[tuple[int, int]] = []
        done = await letters.replay(
            "vss.parked",
            ["m2", "m5", "m99"],
            per_second=1000,
            on_progress=lambda each, total: progress.append((each, total)),
        )
        assert (done.replayed, done.refused, done.missing) == (2, 0, ["m99"])
        assert progress == [(1, 3), (2, 3)]
        first = await eventually(lambda: transport.get("vss.call.events"), lambda found: found is not None)
        assert first is not None
        assert (first.body, first.properties.message_id) == (b"body 2", "m2")
        headers = first.properties.headers
        assert headers["x-origin-routing-key"] == "call.end"
        assert headers["x-replays"] == 1
        assert not {"x-attempts", "x-first-error", "x-failed-reason", "x-death"} & set(headers)
        first.ack()
        await ready_messages(transport, "vss.parked", 8)
        left = await drained(transport, "vss.parked")
        assert left == [f"body {number}" for number in range(10) if number not in {2, 5}]

    async def test_a_letter_whose_queue_is_gone_stays_and_the_reason_is_told(
        self, transport: Transport, letters: DeadLetters
    ) -> None:
        await transport.delete_queue("vss.call.events")
        done = await letters.replay("vss.parked", ["m0"])
        assert (done.replayed, done.refused) == (0, 1)
        assert done.trouble
        await ready_messages(transport, "vss.parked", 10)
        again = await letters.replay("vss.parked", ["m0"], to_exchange=True)
        assert again.refused == 1

    async def test_all_letters_are_replayed_once_though_they_come_back(
        self, transport: Transport, group: Group, letters: DeadLetters
    ) -> None:
        consumers = group.one()

        @consumers.consumer("vss.call.events", CallEnd)
        async def seen(message: CallEnd) -> None:
            raise AssertionError

        await consumers.start()
        done = await letters.replay("vss.parked", None, per_second=1000)
        assert (done.replayed, done.refused) == (10, 0)
        await ready_messages(transport, "vss.parked", 10)
        found = await letters.list("vss.parked")
        assert {letter.replays for letter in found.letters} == {1}
        assert "cannot be read" in found.letters[0].reason

    async def test_discarded_letters_are_gone_and_the_others_stay(
        self, transport: Transport, letters: DeadLetters
    ) -> None:
        done = await letters.discard("vss.parked", ["m0", "m9", "m99"])
        assert (done.discarded, done.missing) == (2, ["m99"])
        await ready_messages(transport, "vss.parked", 8)
        assert (await letters.discard("vss.parked", None)).discarded == 8
        await ready_messages(transport, "vss.parked", 0)

    async def test_two_who_look_at_once_both_see_all(self, letters: DeadLetters) -> None:
        found = await asyncio.gather(*(letters.list("vss.parked") for _ in range(4)))
        assert [len(each.letters) for each in found] == [10] * 4


class BrokerDeathContract:
    async def test_what_the_broker_itself_dead_lettered_is_told_and_replayed_to_where_it_died(
        self, transport: Transport
    ) -> None:
        topology = vss_topology(limits_by="arguments")
        (leads,) = (queue for queue in topology.queues if queue.name == "vss.autodial.leads")
        await transport.delete_queue("vss.autodial.leads")
        await transport.declare(
            Topology(
                queues=(leads,),
                bindings=tuple(each for each in topology.bindings if each.queue == leads.name),
            )
        )
        await publish(transport, lead("l1"))
        delivery = await eventually(lambda: transport.get(leads.name), lambda found: found is not None)
        assert delivery is not None
        delivery.nack(requeue=False)
        await ready_messages(transport, "vss.commands.failed", 1)
        letters = DeadLetters(transport)
        (letter,) = (await letters.list("vss.commands.failed")).letters
        assert (letter.failed_queue, letter.exchange, letter.routing_key) == (
            "vss.autodial.leads",
            "vss.commands",
            "autodial.lead",
        )
        assert letter.reason == "rejected in vss.autodial.leads"
        assert (await letters.replay("vss.commands.failed", ["l1"])).replayed == 1
        await ready_messages(transport, "vss.autodial.leads", 1)
        await ready_messages(transport, "vss.commands.failed", 0)


class ConsumersContract(RetryContract, ReaderContract, DrainContract, DeadLettersContract, BrokerDeathContract):
    """All of it."""
