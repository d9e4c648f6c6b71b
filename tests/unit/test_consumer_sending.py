"""Copies while the broker takes none or does not confirm: each goes out once, and one message stays one."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from tests.consumer_desk import START, desk_with, until
from vss_router.broker.consumers import Retry
from vss_router.broker.message import Confirm, Message, Outcome, Settlement
from vss_router.events import Event

ACKED, REQUEUED = Settlement.ACK, Settlement.REQUEUE
ALARM = "low on memory"


async def failing(message: Event) -> None:
    raise ValueError("cannot be handled")


def answered_late(
    let_go: asyncio.Event, sent: list[Message], outcome: Outcome
) -> Callable[[Sequence[Message]], Coroutine[Any, Any, list[Confirm]]]:
    async def publish(messages: Sequence[Message]) -> list[Confirm]:
        sent.extend(messages)
        await let_go.wait()
        return [Confirm(outcome, "" if outcome is Outcome.CONFIRMED else "the connection is gone")]

    return publish


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vss_router.broker.consumers.sending.LOOK_FIRST_SECONDS", 0.001)
    monkeypatch.setattr("vss_router.broker.consumers.sending.LOOK_MOST_SECONDS", 0.002)
    monkeypatch.setattr("vss_router.broker.consumers.sending.CONFIRM_SECONDS", 0.005)
    monkeypatch.setattr("vss_router.broker.consumers.worker.CANCEL_SECONDS", 0.01)


@pytest.mark.parametrize("body", [START, b"no json"])
async def test_no_copy_is_sent_while_the_broker_takes_none_and_one_when_it_does(body: bytes) -> None:
    desk = await desk_with(failing)
    desk.transport.blocked = ALARM
    delivery = desk.transport.deliver("vss.call.events", body)
    await until(lambda: desk.stats.trouble == f"the broker takes no messages now: {ALARM}")
    await asyncio.sleep(0.02)
    assert (desk.transport.published, desk.how, desk.stats.in_flight) == ([], [], 1)
    desk.transport.blocked = None
    await until(lambda: delivery.settled)
    assert (len(desk.transport.published), desk.how, desk.stats.trouble) == (1, [ACKED], None)


async def test_a_broker_that_takes_no_copies_does_not_hold_up_the_end() -> None:
    desk = await desk_with(failing, random=lambda: 0.0)
    desk.transport.blocked = ALARM
    desk.transport.deliver("vss.call.events", START)
    await until(lambda: desk.stats.trouble is not None)
    async with asyncio.timeout(5):
        drained = await desk.consumers.drain(60)
    assert (drained.requeued, desk.transport.published, desk.how) == (1, [], [REQUEUED])


async def test_a_message_whose_connection_goes_while_the_broker_takes_no_copies_comes_again_by_itself() -> None:
    desk = await desk_with(failing)
    desk.transport.blocked = ALARM
    delivery = desk.transport.deliver("vss.call.events", START)
    await until(lambda: desk.stats.trouble is not None)
    desk.transport.cuts += 1
    await until(lambda: delivery.settled)
    assert (desk.transport.published, desk.stats.late, desk.stats.trouble) == ([], 1, None)


@pytest.mark.parametrize(("outcome", "how"), [(Outcome.CONFIRMED, ACKED), (Outcome.LOST, REQUEUED)])
async def test_a_copy_that_was_sent_is_waited_for_however_long_the_broker_takes(
    monkeypatch: pytest.MonkeyPatch, outcome: Outcome, how: Settlement
) -> None:
    let_go = asyncio.Event()
    sent: list[Message] = []
    desk = await desk_with(failing, random=lambda: 0.0, retry=Retry(attempts=3))
    monkeypatch.setattr(desk.transport, "publish", answered_late(let_go, sent, outcome))
    delivery = desk.transport.deliver("vss.call.events", START)
    await until(lambda: desk.stats.trouble == "the broker has not confirmed a copy for 0.005 s")
    await asyncio.sleep(0.02)
    assert (len(sent), delivery.settled, desk.stats.failed) == (1, False, 1)
    let_go.set()
    await until(lambda: delivery.settled)
    assert (len(sent), desk.how) == (1, [how])


async def test_a_copy_that_nobody_confirms_holds_the_end_up_no_longer_than_its_grace() -> None:
    desk = await desk_with(failing)
    desk.transport.mute = True
    desk.transport.deliver("vss.call.events", START)
    await until(lambda: desk.stats.trouble is not None)
    async with asyncio.timeout(5):
        await desk.consumers.drain(0.01)
    assert desk.how == [REQUEUED]
