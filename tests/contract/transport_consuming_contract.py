"""What a consumer is given, how it settles, how it ends."""

import pytest

from tests.contract.transport_rig import (
    TransportRig,
    consumed,
    drained,
    eventually,
    got,
    publish,
    ready_messages,
    to,
    to_queue,
    until,
    with_bindings,
    with_limits,
    with_queues,
)
from vss_router.broker.topology import Queue, Topology


class ConsumingContract:
    """Deliveries, prefetch, settling, the end of consumers."""

    async def test_a_delivery_settled_twice_is_an_error_of_the_program(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1"))
        delivery = await got(rig.transport, "a")
        assert delivery.ack()
        with pytest.raises(RuntimeError, match="a delivery from a was settled twice"):
            delivery.ack()
        with pytest.raises(RuntimeError, match="settled twice"):
            delivery.nack(requeue=True)
        assert await drained(rig.transport, "a") == []

    async def test_messages_arrive_in_order_with_where_they_came_from(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "topic", {"a": ["call.*"]})
        arrivals, _ = await consumed(rig.transport, "a", ack=True)
        await publish(rig.transport, *(to("x", "call.start", str(number)) for number in range(300)))
        deliveries = await arrivals.take(300)
        assert arrivals.texts() == [str(number) for number in range(300)]
        assert {(one.queue, one.exchange, one.routing_key, one.redelivered) for one in deliveries} == {
            ("a", "x", "call.start", False)
        }
        await ready_messages(rig.transport, "a", 0)

    async def test_no_more_than_prefetch_are_out(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", *"0123456789"))
        arrivals, _ = await consumed(rig.transport, "a", prefetch=3)
        out = await arrivals.take(3)
        await ready_messages(rig.transport, "a", 7)
        assert arrivals.texts() == ["0", "1", "2"]
        out[1].ack()
        await arrivals.next()
        await ready_messages(rig.transport, "a", 6)
        out[0].nack(requeue=False)
        out[2].ack()
        await arrivals.take(2)
        await ready_messages(rig.transport, "a", 4)
        assert arrivals.texts() == ["0", "1", "2", "3", "4", "5"]

    async def test_two_consumers_share_a_queue(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        first, _ = await consumed(rig.transport, "a", prefetch=1)
        second, _ = await consumed(rig.transport, "a", prefetch=1)
        await publish(rig.transport, *to_queue("a", "1", "2", "3"))
        await first.next()
        await second.next()
        assert sorted([*first.texts(), *second.texts()]) == ["1", "2"]
        await ready_messages(rig.transport, "a", 1)

    async def test_a_requeued_message_comes_again_before_the_others_and_is_marked(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1", "2", "3"))
        first = await got(rig.transport, "a")
        assert (first.redelivered, first.waiting) == (False, 2)
        assert first.nack(requeue=True)
        await ready_messages(rig.transport, "a", 3)
        again = await got(rig.transport, "a")
        assert (again.body, again.redelivered) == (b"1", True)
        assert not (await got(rig.transport, "a")).redelivered

    async def test_messages_requeued_in_any_order_stand_where_they_stood(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", *"123456"))
        out = [await got(rig.transport, "a") for _ in range(4)]
        for place in (2, 0, 3, 1):
            out[place].nack(requeue=True)
        await ready_messages(rig.transport, "a", 6)
        assert await drained(rig.transport, "a") == [*"123456"]

    async def test_a_consumer_that_requeues_gets_it_again(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1", "2"))
        arrivals, _ = await consumed(rig.transport, "a", prefetch=1)
        (await arrivals.next()).nack(requeue=True)
        again = await arrivals.next()
        assert (again.body, again.redelivered) == (b"1", True)
        again.ack()
        assert (await arrivals.next()).body == b"2"

    async def test_a_rejected_message_is_gone_where_nothing_takes_dead_letters(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1", "2"))
        (await got(rig.transport, "a")).nack(requeue=False)
        assert await drained(rig.transport, "a") == ["2"]

    async def test_a_cancelled_consumption_keeps_what_is_out_and_gives_the_rest_back(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", *"12345"))
        arrivals, consumption = await consumed(rig.transport, "a", prefetch=2)
        out = await arrivals.take(2)
        await consumption.cancel()
        assert out[0].ack()
        await ready_messages(rig.transport, "a", 3)
        assert out[1].nack(requeue=True)
        await ready_messages(rig.transport, "a", 4)
        assert arrivals.texts() == ["1", "2"]
        await consumption.close()
        assert await drained(rig.transport, "a") == ["2", "3", "4", "5"]

    async def test_a_closed_consumption_gives_back_what_is_not_settled(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", *"12345"))
        arrivals, consumption = await consumed(rig.transport, "a", prefetch=3)
        out = await arrivals.take(3)
        out[1].ack()
        await arrivals.next()
        await consumption.close()
        await consumption.close()
        assert not out[0].ack()
        await ready_messages(rig.transport, "a", 4)
        again = await got(rig.transport, "a")
        assert (again.body, again.redelivered) == (b"1", True)
        assert await drained(rig.transport, "a") == ["3", "4", "5"]

    async def test_a_consumption_waits_for_its_queue(self, rig: TransportRig) -> None:
        arrivals, consumption = await consumed(rig.transport, "later")
        await until(lambda: consumption.trouble is not None)
        assert "later" in (consumption.trouble or "")
        assert consumption.queue == "later"
        await with_queues(rig.transport, "later")
        await publish(rig.transport, *to_queue("later", "1"))
        assert (await arrivals.next()).body == b"1"
        assert consumption.trouble is None

    async def test_a_queue_deleted_under_its_consumer_is_told_and_consumed_when_it_is_there_again(
        self, rig: TransportRig
    ) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1"))
        arrivals, consumption = await consumed(rig.transport, "a")
        out = await arrivals.next()
        await rig.transport.delete_queue("a")
        await until(lambda: len(arrivals.cancelled) > 0)
        assert "a" in arrivals.cancelled[0].split() or "queue a" in arrivals.cancelled[0]
        await until(lambda: consumption.trouble is not None)
        out.ack()  # whatever it says, it harms nothing
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "2"))
        assert (await arrivals.next()).body == b"2"
        assert len(arrivals.cancelled) == 1

    async def test_an_exclusive_consumer_keeps_others_waiting(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        first, only = await consumed(rig.transport, "a", ack=True, exclusive=True)
        second, waiting = await consumed(rig.transport, "a")
        await until(lambda: waiting.trouble is not None)
        assert "a" in (waiting.trouble or "")
        await publish(rig.transport, *to_queue("a", "1"))
        assert (await first.next()).body == b"1"
        await only.close()
        await publish(rig.transport, *to_queue("a", "2"))
        assert (await second.next()).body == b"2"

    async def test_what_is_out_when_the_transport_closes_comes_again(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", *"1234"))
        arrivals, _ = await consumed(rig.transport, "a", prefetch=3)
        out = await arrivals.take(3)
        out[0].ack()
        await arrivals.next()
        taken = await rig.transport.get("a")
        assert taken is None
        await rig.reopen()
        assert [delivery.ack() for delivery in out[1:]] == [False, False]
        await ready_messages(rig.transport, "a", 3)
        again = await got(rig.transport, "a")
        assert again.body == b"2"
        again.ack()
        assert await drained(rig.transport, "a") == ["3", "4"]

    async def test_an_auto_delete_queue_goes_with_its_last_consumer(self, rig: TransportRig) -> None:
        await rig.transport.declare(Topology(queues=(Queue(name="a", durable=False, auto_delete=True),)))
        assert await rig.transport.inspect("a") is not None
        _, first = await consumed(rig.transport, "a")
        _, second = await consumed(rig.transport, "a")
        await first.close()
        assert await rig.transport.inspect("a") is not None
        await second.close()

        async def gone() -> bool:
            return await rig.transport.inspect("a") is None

        await eventually(gone, bool)

    async def test_an_exclusive_queue_goes_with_its_transport(self, rig: TransportRig) -> None:
        await rig.transport.declare(Topology(queues=(Queue(name="mine", durable=False, exclusive=True),)))
        arrivals, _ = await consumed(rig.transport, "mine", ack=True)
        await publish(rig.transport, *to_queue("mine", "1"))
        assert (await arrivals.next()).body == b"1"
        await rig.reopen()
        assert await rig.transport.inspect("mine") is None

    async def test_a_consumed_queue_with_a_priority_gives_the_highest_first(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", max_priority=10)
        for body, priority in [("low", 1), ("high", 9), ("none", None), ("over", 200), ("middle", 5), ("high 2", 9)]:
            await publish(rig.transport, *to_queue("a", body, priority=priority))
        arrivals, _ = await consumed(rig.transport, "a", ack=True, prefetch=1)
        await arrivals.take(6)
        assert arrivals.texts() == ["over", "high", "high 2", "middle", "low", "none"]
