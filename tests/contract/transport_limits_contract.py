"""How long and how many: time to live, length, priority of a full queue, expiry of queues."""

from tests.contract.transport_rig import (
    TransportRig,
    consumed,
    contents,
    drained,
    got,
    outcomes,
    publish,
    ready_messages,
    to_queue,
    with_limits,
    with_queues,
)


async def later(rig: TransportRig, milliseconds: int) -> None:
    """Wait until a message that is published now and may live so long has died: the broker's own clock tells."""
    await with_queues(rig.transport, "rang")
    await with_limits(rig.transport, f"clock.{milliseconds}", ttl_ms=milliseconds, dead_letter="rang")
    await publish(rig.transport, *to_queue(f"clock.{milliseconds}", "tick"))
    (await got(rig.transport, "rang")).ack()


class LimitsContract:
    """Time to live, max-length, overflow, expires."""

    async def test_a_queue_forgets_what_waited_too_long(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", ttl_ms=40)
        await publish(rig.transport, *to_queue("a", "1", "2"))
        await ready_messages(rig.transport, "a", 0)
        assert await drained(rig.transport, "a") == []

    async def test_a_message_may_live_shorter_than_its_queue_lets_it_but_not_longer(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", ttl_ms=60_000, dead_letter="dead")
        await with_limits(rig.transport, "b", ttl_ms=30, dead_letter="dead")
        await publish(rig.transport, *to_queue("a", "short", expiration_ms=30))
        assert (await got(rig.transport, "dead")).body == b"short"
        await publish(rig.transport, *to_queue("b", "long", expiration_ms=60_000))
        assert (await got(rig.transport, "dead")).body == b"long"

    async def test_a_message_dies_only_at_the_head_of_its_queue(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(
            rig.transport, *to_queue("a", "1"), *to_queue("a", "2", expiration_ms=1), *to_queue("a", "3", "4")
        )
        await later(rig, 20)
        await ready_messages(rig.transport, "a", 4)
        assert (await got(rig.transport, "a")).body == b"1"
        assert await drained(rig.transport, "a") == ["3", "4"]

    async def test_a_message_that_is_out_does_not_die(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", ttl_ms=200, dead_letter="dead")
        arrivals, _ = await consumed(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1"))
        delivery = await arrivals.next()
        await later(rig, 250)
        assert delivery.ack()
        assert await contents(rig.transport, "a", "dead") == {}

    async def test_a_time_to_live_of_zero_is_for_those_who_wait_only(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "nobody waits", expiration_ms=0))
        await ready_messages(rig.transport, "a", 0)
        arrivals, _ = await consumed(rig.transport, "a", ack=True)
        await publish(rig.transport, *to_queue("a", "somebody waits", expiration_ms=0))
        assert (await arrivals.next()).body == b"somebody waits"

    async def test_a_requeued_message_whose_time_is_over_dies(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", ttl_ms=200, dead_letter="dead")
        arrivals, consumption = await consumed(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1"))
        delivery = await arrivals.next()
        await consumption.cancel()
        await later(rig, 250)
        delivery.nack(requeue=True)
        assert (await got(rig.transport, "dead")).body == b"1"

    async def test_a_full_queue_drops_its_oldest(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", max_length=3)
        assert outcomes(await rig.transport.publish(to_queue("a", *"12345"))) == ["confirmed"] * 5
        assert await drained(rig.transport, "a") == ["3", "4", "5"]

    async def test_what_is_out_does_not_count_for_the_length(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", max_length=2)
        await publish(rig.transport, *to_queue("a", "1", "2"))
        out = [await got(rig.transport, "a") for _ in range(2)]
        await publish(rig.transport, *to_queue("a", "3", "4"))
        await ready_messages(rig.transport, "a", 2)
        for delivery in out:
            delivery.ack()
        assert await drained(rig.transport, "a") == ["3", "4"]

    async def test_a_requeued_message_can_be_one_too_many(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", max_length=2)
        await publish(rig.transport, *to_queue("a", "1", "2"))
        first = await got(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "3"))
        first.nack(requeue=True)
        await ready_messages(rig.transport, "a", 2)
        assert await drained(rig.transport, "a") == ["2", "3"]

    async def test_a_length_of_zero_holds_nothing_that_nobody_waits_for(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", max_length=0)
        await publish(rig.transport, *to_queue("a", "1"))
        assert await drained(rig.transport, "a") == []

    async def test_dropped_messages_are_dead_lettered_as_maxlen(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", max_length=1, dead_letter="dead")
        await publish(rig.transport, *to_queue("a", "1", "2", "3"))
        await ready_messages(rig.transport, "dead", 2)
        first = await got(rig.transport, "dead")
        assert first.body == b"1"
        assert first.properties.headers["x-first-death-reason"] == "maxlen"
        assert await contents(rig.transport, "a", "dead") == {"a": ["3"], "dead": ["2"]}

    async def test_what_is_over_dies_when_a_full_queue_drops_what_stood_before_it(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", max_length=2, dead_letter="dead")
        for message in [*to_queue("a", "1"), *to_queue("a", "2", expiration_ms=0), *to_queue("a", "3")]:
            await publish(rig.transport, message)
        # Nothing asks for the other queue before: a question can be what it notices by.
        await ready_messages(rig.transport, "dead", 2)
        reasons = {}
        for _ in range(2):
            dead = await got(rig.transport, "dead")
            reasons[dead.body] = dead.properties.headers["x-first-death-reason"]
        assert reasons == {b"1": "maxlen", b"2": "expired"}
        assert await drained(rig.transport, "a") == ["3"]

    async def test_a_full_queue_can_nack_and_dead_letter(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", max_length=1, overflow="reject-publish-dlx", dead_letter="dead")
        confirms = [(await rig.transport.publish(to_queue("a", body)))[0] for body in "123"]
        assert outcomes(confirms) == ["confirmed", "nacked", "nacked"]
        await ready_messages(rig.transport, "dead", 2)
        assert await contents(rig.transport, "a", "dead") == {"a": ["1"], "dead": ["2", "3"]}

    async def test_a_full_queue_that_only_rejects_dead_letters_nothing(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", max_length=1, overflow="reject-publish", dead_letter="dead")
        for body in "12":
            await rig.transport.publish(to_queue("a", body))
        (await got(rig.transport, "a")).nack(requeue=False)
        await ready_messages(rig.transport, "dead", 1)
        assert await drained(rig.transport, "dead") == ["1"]

    async def test_a_queue_with_priorities_keeps_the_order_of_equals(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", max_priority=3)
        for body, priority in [("a", 0), ("b", 2), ("c", None), ("d", 2), ("e", 3), ("f", 9)]:
            await publish(rig.transport, *to_queue("a", body, priority=priority))
        assert await drained(rig.transport, "a") == ["e", "f", "b", "d", "a", "c"]

    async def test_a_queue_without_priorities_ignores_them(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        for body, priority in [("a", 0), ("b", 9), ("c", 5)]:
            await publish(rig.transport, *to_queue("a", body, priority=priority))
        assert await drained(rig.transport, "a") == ["a", "b", "c"]

    async def test_a_requeued_message_keeps_its_priority(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", max_priority=3)
        for body, priority in [("low", 0), ("high", 3), ("high 2", 3)]:
            await publish(rig.transport, *to_queue("a", body, priority=priority))
        (await got(rig.transport, "a")).nack(requeue=True)
        await ready_messages(rig.transport, "a", 3)
        assert await drained(rig.transport, "a") == ["high", "high 2", "low"]

    async def test_a_queue_goes_when_nobody_used_it_for_long_enough(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", expires_ms=150)
        await publish(rig.transport, *to_queue("a", "1"))
        await later(rig, 600)
        # Nothing asks for it before: a question would be a use.
        assert await rig.transport.inspect("a") is None

    async def test_a_queue_with_a_consumer_does_not_go(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", expires_ms=100)
        arrivals, _ = await consumed(rig.transport, "a", ack=True)
        await later(rig, 300)
        await publish(rig.transport, *to_queue("a", "1"))
        assert (await arrivals.next()).body == b"1"
