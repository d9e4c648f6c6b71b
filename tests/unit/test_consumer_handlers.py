"""Whatever a handler does, its message is neither lost nor handled in a loop."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.consumer_desk import LEAD, START, desk_with, until
from vss_router.broker.consumers import Retry, handler_run
from vss_router.broker.message import Settlement
from vss_router.events import AutodialLead, CallStart, Event

ACKED, REQUEUED = Settlement.ACK, Settlement.REQUEUE


async def nothing(message: Event) -> None:
    del message


async def failing(message: Event) -> None:
    raise ValueError(f"cannot reach {message.extra.get('whom', '+79991234567')}")


def raising(error: BaseException) -> Callable[[Event], Coroutine[Any, Any, None]]:
    async def handler(message: Event) -> None:
        raise error

    return handler


async def exiting(message: Event) -> None:
    sys.exit(3)


async def cancelling_itself(message: Event) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)  # where the cancellation comes


class TestMisbehavingHandlers:
    @pytest.mark.parametrize(
        "handler",
        [
            raising(KeyboardInterrupt()),
            raising(BaseExceptionGroup("both", [SystemExit(1)])),
            raising(GeneratorExit()),
            raising(asyncio.CancelledError()),
            raising(StopAsyncIteration()),
            raising(RecursionError()),
            exiting,
            cancelling_itself,
        ],
    )
    async def test_whatever_a_handler_raises_is_one_failure_and_the_next_message_is_handled(self, handler: Any) -> None:
        desk = await desk_with(handler)
        await desk.give()
        await desk.give()
        assert (desk.stats.failed, desk.stats.retried, desk.how) == (2, 2, [ACKED, ACKED])

    async def test_a_handler_that_hangs_is_cancelled_and_its_message_tried_again(self) -> None:
        cancelled: list[bool] = []

        async def handler(message: Event) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        desk = await desk_with(handler, timeout_seconds=0.01)
        await desk.give()
        assert (cancelled, desk.stats.timed_out, desk.stats.retried) == ([True], 1, 1)
        assert desk.transport.published[0].properties.headers["x-last-error"] == "the handler did not end within 0.01 s"

    async def test_a_handler_that_returns_when_it_is_told_to_stop_has_not_succeeded(self) -> None:
        async def handler(message: Event) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return

        desk = await desk_with(handler, timeout_seconds=0.01)
        await desk.give()
        assert (desk.stats.handled, desk.stats.retried) == (0, 1)

    async def test_a_handler_that_ignores_its_end_costs_its_message_an_attempt_and_holds_nobody_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handler_run, "CANCEL_SECONDS", 0.01)
        let_go = asyncio.Event()

        async def handler(message: CallStart) -> None:
            while message.call_id == "c1" and not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        desk = await desk_with(handler, timeout_seconds=0.01)
        await desk.give()
        await desk.give(body=START.replace(b"c1", b"c2"))
        assert (desk.stats.stuck, desk.stats.retried, desk.stats.handled) == (1, 1, 1)
        assert "ignores its cancellation" in str(desk.transport.published[0].properties.headers["x-last-error"])
        let_go.set()
        await until(lambda: not desk.stats.stuck)

    async def test_too_many_handlers_that_ignore_their_end_are_no_longer_added_to(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handler_run, "CANCEL_SECONDS", 0.001)
        monkeypatch.setattr("vss_router.broker.consumers.worker.MOST_STUCK", 2)
        let_go = asyncio.Event()

        async def handler(message: CallStart) -> None:
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        desk = await desk_with(handler, timeout_seconds=0.001)
        for _ in range(3):
            await desk.give()
        desk.transport.deliver("vss.call.events", START)
        await asyncio.sleep(0.02)
        assert (desk.stats.stuck, desk.stats.waiting, desk.stats.in_flight) == (3, 1, 0)
        let_go.set()


class TestLater:
    @pytest.mark.parametrize("how", ["raised", "returned"])
    async def test_later_counts_no_attempt(self, how: str) -> None:
        async def handler(message: AutodialLead) -> object:
            if how == "raised":
                raise Retry.later(30)
            return Retry.later(30)

        desk = await desk_with(handler, "vss.autodial.leads", retry=Retry(attempts=1), random=lambda: 0.0)
        await desk.give_lead()
        for _ in range(5):
            await desk.give_again()
        headers = desk.transport.published[-1].properties.headers
        assert (headers["x-laters"], headers["retry-ms"], desk.stats.failed) == (6, 32_000, 0)
        assert "x-attempts" not in headers

    @pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.1, 5.0, 29.0, 3600.0, 1e9])
    async def test_it_comes_back_no_earlier_and_not_much_later(self, seconds: float) -> None:
        async def handler(message: Event) -> None:
            raise Retry.later(seconds)

        desk = await desk_with(handler, random=lambda: 0.999)
        await desk.give()
        lane = desk.transport.published[0].properties.headers["retry-ms"]
        assert isinstance(lane, int)
        assert min(seconds, 6144) * 1000 <= lane <= max(100.0, 1.7 * seconds * 1000)

    async def test_its_lane_is_declared_before_the_copy_is_sent(self) -> None:
        async def handler(message: Event) -> None:
            raise Retry.later(1000)

        desk = await desk_with(handler, random=lambda: 0.0)
        await desk.give()
        lane = desk.transport.published[0].properties.headers["retry-ms"]
        assert isinstance(lane, int)
        assert f"vss.retry.{lane}" in {queue.name for each in desk.transport.declared for queue in each.queues}


class TestExpiry:
    async def test_an_expired_command_is_dead_lettered_with_the_reason_and_not_handled(self) -> None:
        called: list[Event] = []

        async def handler(message: Event) -> None:
            called.append(message)

        desk = await desk_with(handler, "vss.autodial.leads")
        body = LEAD[:-1] + b',"expires_at":"2026-11-21T19:49:20Z"}'
        await desk.give_lead(body=body)
        (copy,) = desk.transport.published
        assert (copy.routing_key, called, desk.stats.expired) == ("command.failed", [], 1)
        assert "expired at 2026-11-21T19:49:20.000Z" in str(copy.properties.headers["x-failed-reason"])
        assert "'reason': 'expired'" in repr(copy.properties.headers["x-death"])

    async def test_expires_at_is_kept_over_retries_whatever_the_queue_says(self) -> None:
        desk = await desk_with(failing, "vss.autodial.leads")
        await desk.give_lead(body=LEAD[:-1] + b',"expires_at":"2026-11-22T19:49:20Z"}')
        assert "x-expires-at" not in desk.transport.published[0].properties.headers
        desk.now += 7200
        await desk.give_again()
        assert desk.stats.retried == 2

    async def test_a_queues_time_to_live_does_not_start_anew_at_each_return(self) -> None:
        async def handler(message: Event) -> None:
            raise Retry.later(5)

        desk = await desk_with(handler, "vss.autodial.leads")
        await desk.give_lead()
        desk.now += 1800
        await desk.give_again()
        desk.now += 1801
        await desk.give_again()
        assert [copy.exchange for copy in desk.transport.published] == ["vss.retry", "vss.retry", "vss.events"]
        assert desk.stats.expired == 1
