"""What a publisher is told about each message, and that what it published arrives as it was."""

import asyncio
import datetime

import pytest

from tests.contract.transport_rig import (
    TransportRig,
    contents,
    drained,
    got,
    outcomes,
    publish,
    to,
    to_queue,
    with_bindings,
    with_limits,
    with_queues,
)
from vss_router.broker.message import Headers, Message, Outcome, Properties
from vss_router.broker.topology import Binding, Topology

HEADERS: Headers = {
    "text": "Анна",
    "empty": "",
    "yes": True,
    "no": False,
    "nothing": None,
    "small": 7,
    "negative": -7,
    "large": 2**62,
    "fraction": 0.5,
    "bytes": b"\x00\xff",
    "time": datetime.datetime(2026, 11, 21, 10, tzinfo=datetime.UTC),
    "list": [1, "two", [3]],
    "table": {"deep": {"deeper": "x"}, "list": [{"a": 1}]},
}
WHOLE = Properties(
    content_type="application/x-test",
    content_encoding="utf-8",
    headers=HEADERS,
    persistent=False,
    priority=3,
    correlation_id="c-1",
    reply_to="back",
    expiration_ms=600_000,
    message_id="m-1",
    timestamp=1_795_290_561,
    type="call.start",
    app_id="vss",
)


class PublishingContract:
    """Confirms, returns, refusals, order."""

    async def test_a_mandatory_message_that_no_queue_takes_is_returned_and_only_that_one(
        self, rig: TransportRig
    ) -> None:
        await with_bindings(rig.transport, "topic", {"a": ["yes.#"]})
        keys = ["yes.1", "no.1", "no.2", "yes.2", "yes.3", "no.3"] * 5
        # Bodies and properties are all alike: nothing but its place tells which one came back.
        confirms = await rig.transport.publish([to("x", key, "same", mandatory=True) for key in keys])
        assert outcomes(confirms) == ["confirmed" if key.startswith("yes") else "returned" for key in keys]
        reasons = {confirm.reason for confirm in confirms if confirm.outcome is Outcome.RETURNED}
        assert all("x" in reason and "no." in reason for reason in reasons)
        assert {confirm.reason for confirm in confirms if confirm.outcome is Outcome.CONFIRMED} == {""}
        assert await drained(rig.transport, "a") == ["same"] * 15

    async def test_a_missing_exchange_does_not_harm_the_messages_around_it(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        confirms = await rig.transport.publish(
            [*to_queue("a", "1"), to("nowhere", "k", "2"), *to_queue("a", "3"), to("gone", "k"), *to_queue("a", "4")]
        )
        assert outcomes(confirms) == ["confirmed", "refused", "confirmed", "refused", "confirmed"]
        assert "nowhere" in confirms[1].reason
        assert "gone" in confirms[3].reason
        await publish(rig.transport, *to_queue("a", "5"))
        assert await drained(rig.transport, "a") == ["1", "3", "4", "5"]

    async def test_a_missing_exchange_in_one_call_does_not_harm_overlapping_calls(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        calls = [
            rig.transport.publish([to("nowhere", "k")] if number % 5 == 2 else to_queue("a", str(number)))
            for number in range(20)
        ]
        told = [outcomes(confirms) for confirms in await asyncio.gather(*calls)]
        assert told == [["refused"] if number % 5 == 2 else ["confirmed"] for number in range(20)]
        assert await drained(rig.transport, "a") == [str(number) for number in range(20) if number % 5 != 2]

    async def test_a_key_over_255_bytes_is_refused_and_harms_no_other(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        confirms = await rig.transport.publish([*to_queue("a", "1"), to("", "k" * 256), *to_queue("a", "2")])
        assert outcomes(confirms) == ["confirmed", "refused", "confirmed"]
        assert "255" in confirms[1].reason

    async def test_a_full_queue_that_rejects_is_a_nack(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "a", max_length=2, overflow="reject-publish")
        confirms = [(await rig.transport.publish(to_queue("a", body)))[0] for body in "1234"]
        assert outcomes(confirms) == ["confirmed", "confirmed", "nacked", "nacked"]
        assert confirms[2].reason
        assert await drained(rig.transport, "a") == ["1", "2"]
        await publish(rig.transport, *to_queue("a", "5"))
        assert await drained(rig.transport, "a") == ["5"]

    async def test_one_full_queue_of_two_is_a_nack_and_the_other_keeps_its_copy(self, rig: TransportRig) -> None:
        await with_limits(rig.transport, "b", max_length=1, overflow="reject-publish")
        await with_bindings(rig.transport, "fanout", {"a": [""]})
        await rig.transport.declare(Topology(bindings=(Binding(exchange="x", queue="b"),)))
        await publish(rig.transport, *to_queue("b", "0"))
        confirms = await rig.transport.publish([to("x", "", "1")])
        assert outcomes(confirms) == ["nacked"]
        assert await contents(rig.transport, "a", "b") == {"a": ["1"], "b": ["0"]}

    async def test_nothing_published_is_nothing_answered(self, rig: TransportRig) -> None:
        assert await rig.transport.publish([]) == []

    async def test_overlapping_calls_arrive_in_the_order_of_the_calls(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        calls = [
            rig.transport.publish(to_queue("a", *(f"{call}-{place}" for place in range(call % 4 + 1))))
            for call in range(100)
        ]
        await asyncio.gather(*calls)
        assert await drained(rig.transport, "a") == [
            f"{call}-{place}" for call in range(100) for place in range(call % 4 + 1)
        ]

    async def test_a_cancelled_call_has_published(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        call = asyncio.create_task(rig.transport.publish(to_queue("a", "1")))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await publish(rig.transport, *to_queue("a", "2"))
        assert await drained(rig.transport, "a") == ["1", "2"]

    async def test_a_closed_transport_loses_what_is_published(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await rig.transport.close()
        assert rig.transport.status.state == "closed"
        confirms = await rig.transport.publish(to_queue("a", "1", "2"))
        assert outcomes(confirms) == ["lost", "lost"]
        assert confirms[0].reason

    @pytest.mark.parametrize("body", [b"", b"\x00\xff" * 5, b"x" * 1_000_000], ids=["empty", "bytes", "large"])
    async def test_a_body_arrives_as_it_was(self, rig: TransportRig, body: bytes) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, Message("", "a", body))
        assert (await got(rig.transport, "a")).body == body

    async def test_properties_and_headers_arrive_as_they_were(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, Message("", "a", b"1", WHOLE), Message("", "a", b"2", Properties()))
        whole = await got(rig.transport, "a")
        assert whole.properties == WHOLE
        assert {name: type(value) for name, value in whole.properties.headers.items()} == {
            name: type(value) for name, value in HEADERS.items()
        }
        assert (whole.exchange, whole.routing_key, whole.queue) == ("", "a", "a")
        assert (await got(rig.transport, "a")).properties == Properties()
