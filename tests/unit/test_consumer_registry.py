"""Handlers registered, started and drained; what cannot be registered is refused in a sentence."""

import asyncio
from typing import Any

import pytest

from tests.consumer_desk import LEAD, START, ConsumptionDouble, Desk, desk_with, until
from vss_router.broker.consumers import Claim, Claimed, Retry, handler_run
from vss_router.broker.consumers.lanes import retry_topology
from vss_router.broker.message import Settlement
from vss_router.broker.topology import Queue, Topology
from vss_router.errors import SettingsError
from vss_router.events import CallStart, Event

ACKED, REQUEUED = Settlement.ACK, Settlement.REQUEUE


async def nothing(message: Event) -> None:
    del message


class TestRefusals:
    @pytest.mark.parametrize(
        "options",
        [
            {"concurrency": 0},
            {"prefetch": 0},
            {"prefetch": 5, "concurrency": 6},
            {"prefetch": 70_000},
            {"timeout_seconds": 0},
            {"timeout_seconds": float("nan")},
            {"timeout_seconds": None},
            {"prefetch": 20.0},
            {"prefetch": "10"},
            {"concurrency": True},
        ],
    )
    def test_numbers_that_cannot_be_are_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match="the consumer nothing of q needs"):
            Desk().consumers.consumer("q", **options)(nothing)

    @pytest.mark.parametrize(
        "options",
        [
            {"attempts": 0},
            {"first_seconds": 0},
            {"first_seconds": 9, "most_seconds": 8},
            {"most_seconds": 1e9},
            {"first_seconds": float("nan")},
            {"attempts": "3"},
            {"attempts": 2.5},
            {"first_seconds": None},
        ],
    )
    def test_a_retry_that_cannot_be_is_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match="a Retry needs"):
            Retry(**options)

    @pytest.mark.parametrize("takes", ["AutodialLead", dict, int, (), [CallStart], (CallStart, "x"), CallStart | None])
    def test_a_type_that_no_message_has_is_refused(self, takes: Any) -> None:
        with pytest.raises(SettingsError, match="nothing of q needs for type= a type of vss_router.events"):
            Desk().consumers.consumer("q", takes)(nothing)

    @pytest.mark.parametrize("retry", [5, None, Retry])
    def test_what_is_no_retry_is_refused(self, retry: Any) -> None:
        with pytest.raises(SettingsError, match=r"the consumer nothing of q needs for retry= a Retry\(…\), not"):
            Desk().consumers.consumer("q", retry=retry)(nothing)

    @pytest.mark.parametrize("given", [nothing, None, 5, "", "q" * 256, "ж" * 128])
    def test_what_is_no_queue_is_refused_with_an_example(self, given: Any) -> None:
        with pytest.raises(SettingsError, match=r'as in @router.consumer\("vss.autodial.leads"\), not '):
            Desk().consumers.consumer(given)

    @pytest.mark.parametrize("given", [nothing, None, 5, "x" * 256, "ж" * 128])
    def test_what_is_no_pattern_is_refused_with_an_example(self, given: Any) -> None:
        with pytest.raises(SettingsError, match=r'as in @router.on\("call.\*"\), not '):
            Desk().consumers.on(given)

    @pytest.mark.parametrize("options", [{"name": ""}, {"name": 5}, {"exchange": None}, {"exchange": ""}])
    def test_what_is_no_name_or_exchange_is_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match="= a text of 1 to 255 bytes, or it left out, not "):
            Desk().consumers.on("call.*", **options)(nothing)

    def test_a_reader_s_queue_with_a_name_too_long_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="is longer than 255 bytes: shorten its name="):
            Desk().consumers.on("call.*", name="x" * 250)(nothing)

    @pytest.mark.parametrize("seconds", [float("nan"), "x", None])
    def test_a_later_that_is_no_time_is_refused(self, seconds: Any) -> None:
        with pytest.raises(SettingsError, match=r"Retry\.later needs a number of seconds, not"):
            Retry.later(seconds)

    def test_attempts_for_ever_have_no_more_lanes_than_many(self) -> None:
        assert Retry(attempts=10**12).lanes() == Retry(attempts=100).lanes()

    def test_a_plain_function_is_refused(self) -> None:
        def plain(message: Event) -> None:
            del message

        with pytest.raises(SettingsError, match="the consumer plain of q must be an async function"):
            Desk().consumers.consumer("q")(plain)  # type: ignore[type-var]

    def test_a_function_of_other_arguments_is_refused(self) -> None:
        async def many(message: Event, delivery: object, more: object) -> None:
            del message, delivery, more

        with pytest.raises(SettingsError, match="must take a message, or a message and its delivery"):
            Desk().consumers.consumer("q")(many)

    def test_two_readers_do_not_share_a_queue(self) -> None:
        consumers = Desk().consumers
        consumers.on("call.*")(nothing)
        with pytest.raises(SettingsError, match=r"share the queue vss\.nothing\.desk: give one of them another name="):
            consumers.on("slot.*")(nothing)
        consumers.on("slot.*", name="slots")(nothing)


class TestReaders:
    async def test_a_reader_has_a_queue_of_its_own_that_outlives_it_for_an_hour(self) -> None:
        desk = Desk()

        @desk.consumers.on("call.*")
        async def wall_board(message: Event) -> None:
            del message

        await desk.started()
        declared = desk.transport.declared[-1]
        (queue,) = declared.queues
        assert (queue.name, queue.durable, queue.exclusive) == ("vss.wall_board.desk", True, False)
        assert queue.arguments == {"x-expires": 3_600_000, "x-max-length": 100_000, "x-overflow": "drop-head"}
        (binding,) = declared.bindings
        assert (binding.exchange, binding.queue, binding.routing_key) == ("vss.events", "vss.wall_board.desk", "call.*")
        await desk.give("vss.wall_board.desk")
        assert desk.stats.handled == 1

    async def test_a_readers_queue_that_somebody_deleted_is_made_again(self) -> None:
        desk = Desk()
        desk.consumers.on("call.*")(nothing)
        await desk.started()
        before = len(desk.transport.declared)
        told = desk.transport.consumptions["vss.nothing.desk"].on_cancel
        assert told is not None
        told("the queue was deleted")
        await until(lambda: len(desk.transport.declared) > before)
        assert desk.transport.declared[-1].queues[0].name == "vss.nothing.desk"

    async def test_a_handler_registered_after_the_start_is_started(self) -> None:
        desk = await Desk().started()
        desk.consumers.on("call.*")(nothing)
        await until(lambda: "vss.nothing.desk" in desk.transport.consumptions)
        await desk.give("vss.nothing.desk")
        assert desk.stats.handled == 1

    async def test_an_object_can_be_a_handler(self) -> None:
        class Seen:
            async def __call__(self, message: Event) -> None:
                del message

        desk = Desk()
        desk.consumers.on("call.*")(Seen())
        await desk.started()
        assert "vss.Seen.desk" in desk.transport.consumptions


class TestStart:
    async def test_a_handler_registered_while_the_others_start_starts_once_and_so_do_they(self) -> None:
        desk = Desk()
        standing = asyncio.Event()
        declare, consumed = desk.transport.declare, list[str]()

        async def slow_declare(topology: Topology) -> None:
            await standing.wait()
            await declare(topology)

        async def counted(queue: str, *_args: Any, **_options: Any) -> ConsumptionDouble:
            consumed.append(queue)
            return ConsumptionDouble(queue, lambda _: None, None)

        desk.transport.declare = slow_declare  # type: ignore[method-assign]
        desk.transport.consume = counted  # type: ignore[method-assign]
        desk.consumers.consumer("vss.call.events")(nothing)
        starting = asyncio.ensure_future(desk.consumers.start())
        await asyncio.sleep(0)
        desk.consumers.consumer("vss.slot.events")(nothing)
        await asyncio.sleep(0)
        standing.set()
        await starting
        await until(lambda: len(consumed) >= 2)
        assert sorted(consumed) == ["vss.call.events", "vss.slot.events"]

    async def test_a_consumer_that_starts_as_the_drain_begins_is_closed_again(self) -> None:
        desk = Desk()
        let_go = asyncio.Event()
        made = ConsumptionDouble("vss.call.events", lambda _: None, None)

        async def slow(*_args: Any, **_options: Any) -> ConsumptionDouble:
            await let_go.wait()
            return made

        desk.transport.consume = slow  # type: ignore[method-assign]
        desk.consumers.consumer("vss.call.events")(nothing)
        starting = asyncio.ensure_future(desk.consumers.start())
        await until(lambda: len(desk.consumers.stats()) == 1)
        await desk.consumers.drain(1)
        let_go.set()
        await starting
        assert made.closed

    async def test_trouble_of_the_broker_is_told_as_long_as_it_lasts(self) -> None:
        desk = await desk_with(nothing)
        consumption = desk.transport.consumptions["vss.call.events"]
        consumption.trouble = "there is no connection"
        assert desk.stats.trouble == "there is no connection"
        consumption.trouble = None
        assert desk.stats.trouble is None


class TestLanes:
    async def test_the_lanes_of_all_policies_stand_before_the_first_message(self) -> None:
        desk = await desk_with(nothing, retry=Retry(attempts=3, first_seconds=1, most_seconds=60))
        declared = {queue.name: queue for each in desk.transport.declared for queue in each.queues}
        assert set(declared) == {
            *(f"vss.retry.{delay}" for delay in (800, 1000, 1200, 1600, 2000, 2400)),
            "vss.parked",
        }
        assert declared["vss.retry.1000"].arguments == {"x-message-ttl": 1000, "x-dead-letter-exchange": ""}

    def test_a_lane_is_bound_by_its_delay(self) -> None:
        topology = retry_topology([5000], Queue(name="vss.parked"))
        assert topology.bindings[0].arguments == {"x-match": "all", "retry-ms": 5000}
        assert topology.exchanges[0].kind == "headers"

    async def test_a_refused_lane_does_not_keep_messages_from_being_handled(self) -> None:
        desk = Desk()
        desk.transport.refuses = "the queue vss.retry.5000 exists with other arguments"
        desk.consumers.consumer("vss.call.events")(nothing)
        await desk.started()
        await desk.give()
        assert desk.stats.handled == 1


class TestDrain:
    async def test_what_runs_is_let_finish_and_what_waits_goes_back(self) -> None:
        let_go = asyncio.Event()

        async def handler(message: CallStart) -> None:
            await let_go.wait()

        desk = await desk_with(handler)
        for number in range(5):
            desk.transport.deliver("vss.call.events", START.replace(b"c1", b"c%d" % number))
        await asyncio.sleep(0)
        draining = asyncio.ensure_future(desk.consumers.drain(5))
        await until(lambda: len(desk.transport.settled) == 4)
        let_go.set()
        drained = await draining
        assert (drained.finished, drained.requeued) == (1, 4)
        assert desk.how == [REQUEUED] * 4 + [ACKED]
        consumption = desk.transport.consumptions["vss.call.events"]
        assert (consumption.cancelled, consumption.closed) == (True, True)

    async def test_a_message_that_comes_after_the_drain_began_goes_back(self) -> None:
        desk = await desk_with(nothing)
        await desk.consumers.drain(1)
        await desk.give()
        assert (desk.how, desk.stats.handled) == ([REQUEUED], 0)

    async def test_a_handler_past_the_grace_is_cancelled_and_its_message_goes_back(self) -> None:
        async def handler(message: CallStart) -> None:
            await asyncio.Event().wait()

        desk = await desk_with(handler)
        desk.transport.deliver("vss.call.events", START)
        await asyncio.sleep(0)
        drained = await desk.consumers.drain(0.01)
        assert (drained.requeued, drained.stuck, desk.how, desk.transport.published) == (1, 0, [REQUEUED], [])
        assert desk.stats.failed == 0

    async def test_a_handler_that_ignores_the_end_does_not_hold_it_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handler_run, "CANCEL_SECONDS", 0.01)
        monkeypatch.setattr("vss_router.broker.consumers.worker.CANCEL_SECONDS", 0.01)
        let_go = asyncio.Event()

        async def handler(message: CallStart) -> None:
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        desk = await desk_with(handler)
        delivery = desk.transport.deliver("vss.call.events", START)
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            drained = await desk.consumers.drain(0.01)
        assert (delivery.settled, desk.how, drained.stuck) == (True, [REQUEUED], 1)
        let_go.set()
        await asyncio.sleep(0.01)
        assert desk.how == [REQUEUED]

    async def test_a_handler_that_returned_just_in_time_is_not_done_again(self) -> None:
        let_go = asyncio.Event()

        async def handler(message: CallStart) -> None:
            await let_go.wait()

        desk = await desk_with(handler)
        desk.transport.deliver("vss.call.events", START)
        await asyncio.sleep(0)
        draining = asyncio.ensure_future(desk.consumers.drain(0.05))
        await asyncio.sleep(0.01)
        let_go.set()
        await draining
        assert desk.how == [ACKED]

    async def test_a_drained_command_may_be_claimed_by_the_next_process_at_once(self) -> None:
        released: list[str] = []

        class Inbox:
            async def claim(self, consumer: str, message_id: str, lease_seconds: float) -> Claim:
                return Claim(Claimed.YOURS, "token")

            async def done(self, consumer: str, message_id: str, token: str) -> bool:
                raise AssertionError

            async def release(self, consumer: str, message_id: str, token: str) -> None:
                released.append(token)

        async def handler(message: Event) -> None:
            await asyncio.Event().wait()

        desk = await desk_with(handler, "vss.autodial.leads", inbox=Inbox())
        desk.transport.deliver("vss.autodial.leads", LEAD, exchange="vss.commands", routing_key="autodial.lead")
        await asyncio.sleep(0.01)
        await desk.consumers.drain(0.01)
        assert (released, desk.how) == (["token"], [REQUEUED])

    async def test_a_second_drain_does_nothing(self) -> None:
        desk = await desk_with(nothing)
        await desk.consumers.drain(1)
        assert (await desk.consumers.drain(1)).requeued == 0
