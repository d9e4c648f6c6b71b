"""One delivery at a time: what a consumer does with it, whatever the handler, the broker and the inbox do."""

import asyncio
import datetime

import pytest

from tests.consumer_desk import LEAD, NOW, START, Desk, desk_with, until
from vss_router.broker.amqp_limits import unsendable
from vss_router.broker.consumers import Retry
from vss_router.broker.message import Confirm, Delivery, Outcome, Properties, Settlement
from vss_router.events import AutodialLead, CallStart, CommandFailed, Event

ACKED, REQUEUED = Settlement.ACK, Settlement.REQUEUE


async def nothing(message: Event) -> None:
    del message


async def failing(message: Event) -> None:
    raise ValueError(f"cannot reach {message.extra.get('whom', '+79991234567')}")


class TestUndecodable:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"no json", "the body is not JSON"),
            (b"\xff\xfe", "cannot be read"),
            (b"[1]", "the body is not a JSON object"),
            (b'{"call_id": "c1"}', "phone_number"),
            (b'{"call_id": ' + b"[" * 5000 + b"]" * 5000 + b', "phone_number": "1"}', "cannot be read"),
        ],
    )
    async def test_what_does_not_decode_is_parked_with_its_reason_and_never_handled(
        self, body: bytes, reason: str
    ) -> None:
        called: list[Event] = []

        async def handler(message: Event) -> None:
            called.append(message)

        desk = await desk_with(handler)
        await desk.give(body=body)
        (copy,) = desk.transport.published
        assert (copy.exchange, copy.routing_key, copy.body, copy.mandatory) == ("", "vss.parked", body, True)
        assert reason in str(copy.properties.headers["x-failed-reason"])
        assert copy.properties.headers["x-failed-queue"] == "vss.call.events"
        assert copy.properties.headers["x-origin-routing-key"] == "call.start"
        assert (called, desk.how, desk.stats.parked, desk.stats.undecodable) == ([], [ACKED], 1, 1)

    async def test_a_message_of_another_type_is_parked(self) -> None:
        desk = await desk_with(nothing, "vss.call.events", type=AutodialLead)
        await desk.give()
        (copy,) = desk.transport.published
        assert "takes AutodialLead, and call.start on vss.events is a CallStart" in str(
            copy.properties.headers["x-failed-reason"]
        )

    async def test_several_types_may_be_taken_and_others_are_parked(self) -> None:
        desk = await desk_with(nothing, type=(CallStart, AutodialLead))
        await desk.give()
        await desk.give(routing_key="system.alert", body=b'{"message": "x"}')
        (copy,) = desk.transport.published
        assert "takes CallStart or AutodialLead, and system.alert" in str(copy.properties.headers["x-failed-reason"])
        assert (desk.stats.handled, desk.stats.parked) == (1, 1)

    async def test_the_next_message_is_handled(self) -> None:
        desk = await desk_with(nothing)
        await desk.give(body=b"no json")
        await desk.give()
        assert desk.stats.handled == 1

    async def test_a_parking_queue_that_somebody_deleted_is_made_again(self) -> None:
        desk = await desk_with(nothing)
        desk.transport.outcomes.append(Confirm(Outcome.RETURNED, "no queue takes it"))
        before = len(desk.transport.declared)
        await desk.give(body=b"no json")
        assert "vss.parked" in {queue.name for each in desk.transport.declared[before:] for queue in each.queues}
        assert (len(desk.transport.published), desk.how, desk.stats.parked) == (2, [ACKED], 1)

    async def test_what_cannot_be_parked_goes_back(self) -> None:
        desk = await desk_with(nothing)
        desk.transport.refuses = "no right to it"
        desk.transport.outcomes.append(Confirm(Outcome.RETURNED, "no queue takes it"))
        await desk.give(body=b"no json")
        assert (desk.how, desk.stats.requeued, desk.stats.trouble) == ([REQUEUED], 1, "no right to it")


class TestSuccess:
    async def test_a_message_is_acked_after_its_handler_and_not_before(self) -> None:
        let_go = asyncio.Event()

        async def handler(message: CallStart) -> None:
            await let_go.wait()

        desk = await desk_with(handler)
        delivery = desk.transport.deliver("vss.call.events", START)
        await asyncio.sleep(0.01)
        assert not delivery.settled
        let_go.set()
        await until(lambda: delivery.settled)
        assert (desk.how, desk.transport.published) == ([ACKED], [])

    async def test_an_ack_that_comes_too_late_is_counted(self) -> None:
        desk = await desk_with(nothing)
        desk.transport.in_time = False
        await desk.give()
        assert (desk.stats.late, desk.stats.handled) == (1, 1)

    async def test_a_handler_may_ask_for_the_delivery_and_settle_it(self) -> None:
        async def handler(message: CallStart, delivery: Delivery) -> None:
            assert delivery.queue == "vss.call.events"
            delivery.ack()

        desk = await desk_with(handler)
        await desk.give()
        await until(lambda: desk.stats.handled == 1)
        assert desk.how == [ACKED]

    async def test_a_message_laid_straight_into_the_queue_is_what_it_calls_itself(self) -> None:
        seen: list[Event] = []

        async def handler(message: Event) -> None:
            seen.append(message)

        desk = await desk_with(handler)
        await desk.give(exchange="", routing_key="vss.call.events")
        assert isinstance(seen[0], CallStart)

    async def test_no_more_are_handled_at_once_than_the_concurrency_says(self) -> None:
        running: list[int] = []
        most = 0

        async def handler(message: Event) -> None:
            nonlocal most
            running.append(1)
            most = max(most, len(running))
            await asyncio.sleep(0.001)
            running.pop()

        desk = await desk_with(handler, concurrency=3, prefetch=50)
        deliveries = [desk.transport.deliver("vss.call.events", START) for _ in range(20)]
        assert (desk.stats.in_flight, desk.stats.waiting) == (3, 17)
        await until(lambda: all(delivery.settled for delivery in deliveries))
        assert most == 3

    async def test_one_at_a_time_are_handled_in_order(self) -> None:
        seen: list[str] = []

        async def handler(message: CallStart) -> None:
            await asyncio.sleep(0.001 * (len(seen) % 2))
            seen.append(message.call_id)

        desk = await desk_with(handler)
        deliveries = [
            desk.transport.deliver("vss.call.events", START.replace(b"c1", b"c%d" % number)) for number in range(9)
        ]
        await until(lambda: deliveries[-1].settled)
        assert seen == [f"c{number}" for number in range(9)]


class TestFailure:
    async def test_a_failure_goes_into_a_lane_and_is_acked_when_the_copy_is_confirmed(self) -> None:
        desk = await desk_with(failing)
        await desk.give(properties=Properties(message_id="m1", headers={"traceparent": "t", "x-source": "main"}))
        (copy,) = desk.transport.published
        assert (copy.exchange, copy.routing_key, copy.mandatory) == ("vss.retry", "vss.call.events", True)
        assert copy.properties.persistent
        assert copy.properties.message_id == "m1"
        assert copy.properties.headers == {
            "traceparent": "t",
            "x-source": "main",
            "x-origin-exchange": "vss.events",
            "x-origin-routing-key": "call.start",
            "x-attempts": 1,
            "x-first-error": "ValueError: cannot reach +*******4567",
            "x-last-error": "ValueError: cannot reach +*******4567",
            "x-expires-at": int((NOW + 86_400) * 1000),
            "retry-ms": 5000,
        }
        assert (desk.how, desk.stats.retried, desk.stats.failed) == ([ACKED], 1, 1)

    @pytest.mark.parametrize(("chance", "lane"), [(0.0, 4000), (0.5, 5000), (0.99, 6000)])
    async def test_neighbour_lanes_are_the_jitter(self, chance: float, lane: int) -> None:
        desk = await desk_with(failing, random=lambda: chance)
        await desk.give()
        assert desk.transport.published[0].properties.headers["retry-ms"] == lane

    async def test_delays_double_up_to_the_cap_and_the_first_error_is_kept(self) -> None:
        errors = iter(["first", "second", "third", "fourth", "fifth"])

        async def handler(message: Event) -> None:
            raise RuntimeError(next(errors))

        desk = await desk_with(handler, retry=Retry(attempts=5, first_seconds=5, most_seconds=15))
        await desk.give()
        for _ in range(4):
            await desk.give_again()
        *lanes, parked = desk.transport.published
        assert [copy.properties.headers["retry-ms"] for copy in lanes] == [5000, 10_000, 15_000, 15_000]
        assert parked.routing_key == "vss.parked"
        headers = parked.properties.headers
        assert (headers["x-attempts"], headers["x-first-error"]) == (5, "RuntimeError: first")
        assert headers["x-last-error"] == "RuntimeError: fifth"
        assert headers["x-failed-reason"] == "the handler handler failed 5 times, last with RuntimeError: fifth"
        assert "retry-ms" not in headers
        assert (desk.stats.parked, desk.stats.retried) == (1, 4)

    async def test_what_makes_a_broker_drop_or_scatter_a_copy_is_not_sent_again(self) -> None:
        deaths = [{"queue": "vss.retry.5000", "reason": "expired"}, {"queue": "vss.x", "reason": "rejected"}]
        desk = await desk_with(failing)
        await desk.give(
            properties=Properties(
                user_id="somebody",
                expiration_ms=100,
                headers={"x-death": deaths, "x-first-death-queue": "q", "x-last-death-queue": "q", "CC": ["others"]},
            )
        )
        sent = desk.transport.published[0].properties
        assert (sent.user_id, sent.expiration_ms) == (None, None)
        assert {"x-death", "x-first-death-queue", "x-last-death-queue", "CC"} & set(sent.headers) == set()
        assert sent.headers["x-earlier-death"] == deaths[1:]
        assert sent.headers["x-expires-at"] == int(NOW * 1000) + 100

    async def test_an_end_that_no_calendar_has_does_not_keep_a_message_from_its_dead_letters(self) -> None:
        desk = await desk_with(nothing, "vss.autodial.leads")
        await desk.give_lead(exchange="", properties=Properties(headers={"x-expires-at": -(10**17)}))
        assert (desk.stats.expired, desk.stats.dead_lettered, desk.stats.requeued) == (1, 1, 0)

    @pytest.mark.parametrize("number", [2**63 - 1, 2**53, -(2**63)])
    @pytest.mark.parametrize("name", ["x-attempts", "x-laters", "x-expires-at", "x-headers-left-out"])
    async def test_a_trail_that_a_stranger_wrote_does_not_keep_a_copy_from_being_sent(
        self, name: str, number: int
    ) -> None:
        async def later(message: Event) -> None:
            raise Retry.later(1)

        written = Properties(headers={name: number, "x-first-error": "e", "x-too-large": 2**64})
        for handler in (later, failing, nothing):
            desk = await desk_with(handler, retry=Retry(attempts=2))
            for body in (START, b"no json"):
                await desk.give(body=body, exchange="", properties=written)
            assert [unsendable(copy) for copy in desk.transport.published] == [None] * len(desk.transport.published)
            assert "vss.parked" in {copy.routing_key for copy in desk.transport.published}
            for copy in desk.transport.published:
                left_out = copy.properties.headers["x-headers-left-out"]
                assert isinstance(left_out, int)
                assert 1 <= left_out <= 1_000_002

    async def test_an_error_that_is_no_unicode_does_not_keep_a_message_from_its_lane(self) -> None:
        async def handler(message: Event) -> None:
            raise ValueError("half of a pair: \udc80")

        desk = await desk_with(handler)
        await desk.give()
        (copy,) = desk.transport.published
        assert (unsendable(copy), copy.properties.headers["x-last-error"]) == (None, "ValueError: half of a pair: ?")

    async def test_a_command_is_dead_lettered_after_its_last_attempt(self) -> None:
        desk = await desk_with(failing, "vss.autodial.leads", retry=Retry(attempts=1))
        await desk.give_lead()
        (copy,) = desk.transport.published
        assert (copy.exchange, copy.routing_key, copy.body) == ("vss.events", "command.failed", LEAD)
        assert copy.properties.headers["x-death"] == [
            {
                "count": 1,
                "reason": "rejected",
                "queue": "vss.autodial.leads",
                "time": datetime.datetime.fromtimestamp(NOW, datetime.UTC),
                "exchange": "vss.commands",
                "routing-keys": ["autodial.lead"],
            }
        ]
        assert "failed 1 times" in str(copy.properties.headers["x-failed-reason"])
        assert (desk.how, desk.stats.dead_lettered) == ([ACKED], 1)

    async def test_a_dead_letter_that_nobody_takes_is_parked(self) -> None:
        desk = await desk_with(failing, "vss.autodial.leads", retry=Retry(attempts=1))
        desk.transport.outcomes.append(Confirm(Outcome.RETURNED, "no queue is bound"))
        await desk.give_lead()
        assert [copy.routing_key for copy in desk.transport.published] == ["command.failed", "vss.parked"]
        assert "no queue is bound" in str(desk.transport.published[1].properties.headers["x-failed-reason"])
        assert (desk.how, desk.stats.parked) == ([ACKED], 1)

    async def test_a_dead_letter_begins_a_trail_of_its_own(self) -> None:
        desk = Desk()
        desk.consumers.consumer("vss.autodial.leads", retry=Retry(attempts=1))(failing)
        seen: list[Event] = []

        @desk.consumers.consumer("vss.commands.failed")
        async def failed(message: Event) -> None:
            seen.append(message)
            raise RuntimeError("not yet")

        await desk.started()
        await desk.give_lead()
        dead = desk.transport.published[-1]
        await desk.give(
            "vss.commands.failed",
            dead.body,
            exchange=dead.exchange,
            routing_key=dead.routing_key,
            properties=dead.properties,
        )
        again = desk.transport.published[-1]
        assert isinstance(seen[0], CommandFailed)
        assert (again.exchange, again.properties.headers["x-attempts"]) == ("vss.retry", 1)
        assert again.properties.headers["x-earlier-death"] == dead.properties.headers["x-death"]
        assert again.properties.headers["x-failed-reason"] == dead.properties.headers["x-failed-reason"]
        assert "x-expires-at" not in again.properties.headers

    @pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.NACKED])
    async def test_when_the_copy_is_not_confirmed_the_original_goes_back_after_a_pause(self, outcome: Outcome) -> None:
        desk = await desk_with(failing, random=lambda: 0.0)
        desk.transport.outcomes.append(Confirm(outcome, "the broker is away"))
        delivery = desk.transport.deliver("vss.call.events", START)
        await asyncio.sleep(0.05)
        assert not delivery.settled
        await until(lambda: delivery.settled)
        assert (desk.how, desk.stats.unconfirmed, desk.stats.trouble) == ([REQUEUED], 1, "the broker is away")

    async def test_a_pause_before_going_back_does_not_hold_up_the_end(self) -> None:
        desk = await desk_with(failing, random=lambda: 0.99)
        desk.transport.outcomes.append(Confirm(Outcome.LOST, "the broker is away"))
        delivery = desk.transport.deliver("vss.call.events", START)
        await asyncio.sleep(0.01)
        async with asyncio.timeout(0.2):
            await desk.consumers.drain(5)
        assert (delivery.settled, desk.how) == (True, [REQUEUED])

    async def test_a_lane_that_somebody_deleted_is_made_again(self) -> None:
        desk = await desk_with(failing)
        desk.transport.outcomes.append(Confirm(Outcome.RETURNED, "no queue takes it"))
        before = len(desk.transport.declared)
        await desk.give()
        assert "vss.retry.5000" in {queue.name for each in desk.transport.declared[before:] for queue in each.queues}
        assert (desk.how, desk.stats.retried) == ([ACKED], 1)
