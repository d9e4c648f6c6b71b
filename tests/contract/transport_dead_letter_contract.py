"""What happens to messages that die: where they go, and what their headers tell."""

import datetime
from typing import Any

from tests.contract.transport_rig import (
    TransportRig,
    contents,
    drained,
    got,
    publish,
    ready_messages,
    to,
    to_queue,
    with_bindings,
    with_limits,
    with_queues,
)
from vss_router.broker.message import Delivery
from vss_router.broker.topology import Binding, DeadLetter, Topology


def deaths(delivery: Delivery) -> list[dict[str, Any]]:
    """`x-death` without its times, which are looked at apart."""
    found: Any = delivery.properties.headers["x-death"]
    assert all(isinstance(death["time"], datetime.datetime) for death in found)
    return [{name: value for name, value in death.items() if name != "time"} for death in found]


async def reject(rig: TransportRig, queue: str) -> None:
    (await got(rig.transport, queue)).nack(requeue=False)


class DeadLetterContract:
    """Dead-letter exchanges, `x-death`, cycles."""

    async def test_a_rejected_message_tells_where_it_died_and_why(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "topic", {"dead": ["command.failed"]})
        await with_limits(rig.transport, "a", dead_letter=DeadLetter("x", "command.failed"))
        await publish(rig.transport, *to_queue("a", "1", headers={"x-source": "main"}, message_id="m"))
        await reject(rig, "a")
        dead = await got(rig.transport, "dead")
        assert (dead.exchange, dead.routing_key, dead.redelivered) == ("x", "command.failed", False)
        assert (dead.body, dead.properties.message_id) == (b"1", "m")
        assert deaths(dead) == [{"count": 1, "reason": "rejected", "queue": "a", "exchange": "", "routing-keys": ["a"]}]
        headers = dict(dead.properties.headers)
        assert headers.pop("x-death")
        # RabbitMQ 4 adds x-last-death-…; what older ones have is common to all.
        assert {name: value for name, value in headers.items() if not name.startswith("x-last-death-")} == {
            "x-source": "main",
            "x-first-death-exchange": "",
            "x-first-death-queue": "a",
            "x-first-death-reason": "rejected",
        }

    async def test_without_a_key_of_the_queue_a_dead_message_keeps_its_own(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "topic", {"dead": ["call.#"]}, exchange="graves")
        await with_limits(rig.transport, "a", dead_letter=DeadLetter("graves"))
        await with_bindings(rig.transport, "topic", {"other": ["nothing"]})
        await rig.transport.declare(Topology(bindings=(Binding(exchange="x", queue="a", routing_key="call.*"),)))
        await publish(rig.transport, to("x", "call.start", "1"))
        await reject(rig, "a")
        dead = await got(rig.transport, "dead")
        assert (dead.exchange, dead.routing_key) == ("graves", "call.start")
        assert deaths(dead)[0]["exchange"] == "x"
        assert deaths(dead)[0]["routing-keys"] == ["call.start"]

    async def test_an_expired_message_lives_on_without_its_time_to_live(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", dead_letter="dead")
        await publish(rig.transport, *to_queue("a", "1", expiration_ms=20))
        dead = await got(rig.transport, "dead")
        assert dead.properties.expiration_ms is None
        assert deaths(dead) == [
            {
                "count": 1,
                "reason": "expired",
                "queue": "a",
                "exchange": "",
                "routing-keys": ["a"],
                "original-expiration": "20",
            }
        ]

    async def test_a_message_that_dies_again_in_the_same_way_is_counted(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", dead_letter="b")
        await with_limits(rig.transport, "b", dead_letter="a")
        await publish(rig.transport, *to_queue("a", "1"))
        for queue in "abab":
            await reject(rig, queue)
        again = await got(rig.transport, "a")
        assert [(death["queue"], death["reason"], death["count"]) for death in deaths(again)] == [
            ("b", "rejected", 2),
            ("a", "rejected", 2),
        ]
        assert again.properties.headers["x-first-death-queue"] == "a"

    async def test_the_latest_death_stands_first(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", dead_letter="b")
        await with_limits(rig.transport, "b", ttl_ms=10, dead_letter="dead")
        await publish(rig.transport, *to_queue("a", "1"))
        await reject(rig, "a")
        dead = await got(rig.transport, "dead")
        assert [(death["queue"], death["reason"]) for death in deaths(dead)] == [("b", "expired"), ("a", "rejected")]
        assert dead.properties.headers["x-first-death-reason"] == "rejected"

    async def test_a_circle_that_nobody_rejected_in_ends(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "seen")
        await with_limits(rig.transport, "a", ttl_ms=10, dead_letter="a")
        await with_limits(rig.transport, "b", ttl_ms=10, dead_letter="c")
        await with_limits(rig.transport, "c", ttl_ms=10, dead_letter="b")
        await publish(rig.transport, *to_queue("a", "1"), *to_queue("b", "2"))
        await ready_messages(rig.transport, "a", 0)
        await ready_messages(rig.transport, "b", 0)
        await ready_messages(rig.transport, "c", 0)
        assert await contents(rig.transport, "a", "b", "c") == {}

    async def test_a_circle_with_a_rejection_goes_on(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "work", dead_letter="wait")
        await with_limits(rig.transport, "wait", ttl_ms=10, dead_letter="work")
        await publish(rig.transport, *to_queue("work", "1"))
        for _ in range(3):
            await reject(rig, "work")
        again = await got(rig.transport, "work")
        assert [(death["queue"], death["count"]) for death in deaths(again)] == [("wait", 3), ("work", 3)]

    async def test_a_dead_letter_without_anybody_to_take_it_is_gone(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", dead_letter=DeadLetter("nowhere", "k"))
        await with_limits(rig.transport, "b", dead_letter="no queue")
        await publish(rig.transport, *to_queue("a", "1", "2"), *to_queue("b", "3"))
        await reject(rig, "a")
        await reject(rig, "b")
        assert await drained(rig.transport, "a") == ["2"]
        assert await drained(rig.transport, "b") == []

    async def test_dead_letters_of_one_queue_arrive_in_order(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "dead")
        await with_limits(rig.transport, "a", ttl_ms=30, dead_letter="dead")
        await publish(rig.transport, *to_queue("a", *(str(number) for number in range(100))))
        await ready_messages(rig.transport, "dead", 100)
        assert await drained(rig.transport, "dead") == [str(number) for number in range(100)]
