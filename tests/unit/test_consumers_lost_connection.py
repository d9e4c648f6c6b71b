"""Deliveries whose connection is gone: the broker delivers them again, so they are not handled again and again."""

import asyncio

import pytest

from tests.consumer_desk import START, Desk, desk_with, until
from vss_router.broker.message import Delivery
from vss_router.events import CallStart, Event


def numbered(number: int) -> bytes:
    return START.replace(b"c1", b"%d" % number)


class TestLostConnection:
    async def test_what_waits_for_a_slot_when_its_connection_is_lost_is_handled_once_when_it_comes_again(self) -> None:
        runs: list[str] = []
        slot = asyncio.Semaphore(0)

        async def handler(message: CallStart) -> None:
            runs.append(message.call_id)
            await slot.acquire()

        desk = await desk_with(handler, prefetch=5)
        for _ in range(6):
            deliveries = [desk.transport.deliver("vss.call.events", numbered(number)) for number in range(5)]
            desk.transport.cuts += 1
        assert (desk.stats.waiting, desk.stats.in_flight) == (5, 1)
        desk.transport.cuts += 1
        deliveries = [desk.transport.deliver("vss.call.events", numbered(number)) for number in range(5)]
        assert desk.stats.waiting == 5
        for _ in range(6):
            slot.release()
        await until(lambda: all(delivery.settled for delivery in deliveries))
        assert runs == ["0", "0", "1", "2", "3", "4"]
        stats = desk.stats
        assert (stats.delivered, stats.handled, stats.requeued, stats.late) == (35, 6, 29, 30)

    @pytest.mark.parametrize("body", [START, b"no json"])
    async def test_no_copy_is_made_of_a_message_that_comes_again_by_itself(self, body: bytes) -> None:
        let_go = asyncio.Event()

        async def handler(message: Event) -> None:
            await let_go.wait()
            raise ValueError("not yet")

        desk = await desk_with(handler)
        delivery = desk.transport.deliver("vss.call.events", body)
        desk.transport.cuts += 1
        let_go.set()
        await until(lambda: delivery.settled)
        assert (desk.transport.published, desk.stats.requeued, desk.stats.late) == ([], 1, 1)

    async def test_a_message_its_handler_settled_itself_is_tried_again_though_the_connection_is_gone(self) -> None:
        desk = Desk()

        @desk.consumers.consumer("vss.call.events")
        async def handler(message: Event, delivery: Delivery) -> None:
            delivery.ack()
            desk.transport.cuts += 1
            raise ValueError("not yet")

        await desk.started()
        await desk.give()
        await until(lambda: desk.stats.retried == 1)
        assert len(desk.transport.published) == 1
