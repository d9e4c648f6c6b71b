"""Where a message goes, and what the queues then hold."""

from tests.contract.transport_rig import TransportRig, contents, outcomes, publish, to, with_bindings, with_queues
from vss_router.broker.message import Headers
from vss_router.broker.topology import Binding, Topology

PATTERNS = [
    ("call.start", {"call.start"}),
    ("call.*", {"call.start", "call.", "call.end"}),
    ("call.#", {"call.start", "call", "call.", "call.end", "call.a.b"}),
    ("#", {"call.start", "call", "call.", "call.end", "call.a.b", "", ".", "calls.start", "a.call.start"}),
    ("#.start", {"call.start", "calls.start", "a.call.start"}),
    ("*", {"call"}),  # the empty key has no word at all
    ("*.*", {"call.start", "call.", "call.end", ".", "calls.start"}),
    ("*.#.*", {"call.start", "call.", "call.end", "call.a.b", ".", "calls.start", "a.call.start"}),
    ("#.call.#", {"call.start", "call", "call.", "call.end", "call.a.b", "a.call.start"}),
    ("call.*.b", {"call.a.b"}),
    ("", {""}),
    ("call*", set()),
]
BOUND_BY_HEADERS: dict[str, list[Headers]] = {
    "all": [{"x-match": "all", "kind": "a", "size": 5}],
    "any": [{"x-match": "any", "kind": "a", "size": 5}],
    "marked": [{"x-match": "all", "kind": "a", "x-mark": "m"}],
    "present": [{"x-match": "all", "kind": None}],
    "none": [{}],
}
KEYS = ["call.start", "call", "call.", "call.end", "call.a.b", "", ".", "calls.start", "a.call.start"]


class RoutingContract:
    """Exchanges and bindings."""

    async def test_a_topic_exchange_compares_words(self, rig: TransportRig) -> None:
        queues = {f"q{number}": [pattern] for number, (pattern, _) in enumerate(PATTERNS)}
        await with_bindings(rig.transport, "topic", {**queues})
        await publish(rig.transport, *(to("x", key, f"<{key}>") for key in KEYS))
        found = await contents(rig.transport, *queues)
        assert found == {
            f"q{number}": [f"<{key}>" for key in KEYS if key in matched]
            for number, (_, matched) in enumerate(PATTERNS)
            if matched
        }

    async def test_a_direct_exchange_compares_the_whole_key(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "direct", {"a": ["one"], "b": ["one", "two"], "c": ["*"]})
        await publish(rig.transport, to("x", "one", "1"), to("x", "two", "2"), to("x", "one.two", "3"))
        assert await contents(rig.transport, "a", "b", "c") == {"a": ["1"], "b": ["1", "2"]}

    async def test_a_fanout_exchange_goes_to_every_queue_whatever_the_key(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "fanout", {"a": ["one"], "b": [""]})
        await publish(rig.transport, to("x", "one", "1"), to("x", "else", "2"))
        assert await contents(rig.transport, "a", "b") == {"a": ["1", "2"], "b": ["1", "2"]}

    async def test_a_headers_exchange_compares_headers_but_those_that_begin_with_x(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "headers", {**BOUND_BY_HEADERS})
        await publish(
            rig.transport,
            to("x", "", "both", headers={"kind": "a", "size": 5, "more": True}),
            to("x", "", "one", headers={"kind": "a", "size": 6}),
            to("x", "", "text is no number", headers={"kind": "b", "size": "5"}),
            to("x", "", "x ignored", headers={"kind": "a", "x-mark": "other"}),
            to("x", "", "nothing"),
        )
        assert await contents(rig.transport, *BOUND_BY_HEADERS) == {
            "all": ["both"],
            "any": ["both", "one", "x ignored"],
            "marked": ["both", "one", "x ignored"],
            "present": ["both", "one", "text is no number", "x ignored"],
            "none": ["both", "one", "text is no number", "x ignored", "nothing"],
        }

    async def test_the_default_exchange_takes_the_key_for_a_queue(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a", "b")
        await publish(rig.transport, to("", "b", "1"), to("", "nowhere", "2"))
        assert await contents(rig.transport, "a", "b") == {"b": ["1"]}

    async def test_a_queue_bound_twice_gets_one_copy(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "topic", {"a": ["call.*", "#", "call.start"]})
        await publish(rig.transport, to("x", "call.start", "1"))
        assert await contents(rig.transport, "a") == {"a": ["1"]}

    async def test_what_matches_nothing_vanishes_unless_it_is_mandatory(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "topic", {"a": ["call.*"]})
        confirms = await rig.transport.publish([to("x", "slot.update"), to("x", "slot.update", mandatory=True)])
        assert outcomes(confirms) == ["confirmed", "returned"]

    async def test_bindings_add_up_and_may_be_declared_again(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "topic", {"a": ["call.*"]})
        again = Topology(bindings=(Binding(exchange="x", queue="a", routing_key="slot.*"),) * 2)
        await rig.transport.declare(again)
        await rig.transport.declare(again)
        await publish(rig.transport, to("x", "call.start", "1"), to("x", "slot.update", "2"))
        assert await contents(rig.transport, "a") == {"a": ["1", "2"]}

    async def test_a_key_of_255_bytes_is_routed(self, rig: TransportRig) -> None:
        key = "é" * 127 + "a"
        await with_bindings(rig.transport, "topic", {"a": [key]})
        await publish(rig.transport, to("x", key, "1", mandatory=True))
        assert await contents(rig.transport, "a") == {"a": ["1"]}
