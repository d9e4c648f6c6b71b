"""Declaring, and what one may ask about queues."""

import pytest

from tests.contract.transport_rig import (
    TransportRig,
    consumed,
    drained,
    eventually,
    got,
    outcomes,
    publish,
    ready_messages,
    to,
    to_queue,
    with_limits,
    with_queues,
)
from vss_router.broker.topology import Binding, Exchange, Limits, Queue, Topology
from vss_router.errors import TopologyError


class TopologyContract:
    """Declarations and questions."""

    async def test_a_queue_that_exists_otherwise_is_refused_and_the_rest_declared(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        wanted = Topology(
            exchanges=(Exchange(name="x", kind="topic"),),
            queues=(Queue(name="a", max_priority=5), Queue(name="b")),
            bindings=(Binding(exchange="x", queue="b", routing_key="#"),),
        )
        with pytest.raises(TopologyError, match=r"\ba\b"):
            await rig.transport.declare(wanted)
        await publish(rig.transport, to("x", "k", "1", mandatory=True))
        assert await drained(rig.transport, "b") == ["1"]

    async def test_an_exchange_of_another_kind_is_refused(self, rig: TransportRig) -> None:
        await rig.transport.declare(Topology(exchanges=(Exchange(name="x.y", kind="topic"),)))
        with pytest.raises(TopologyError, match="x.y"):
            await rig.transport.declare(Topology(exchanges=(Exchange(name="x.y", kind="direct"),)))

    async def test_a_binding_to_nothing_is_refused(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        with pytest.raises(TopologyError, match="nowhere"):
            await rig.transport.declare(Topology(bindings=(Binding(exchange="nowhere", queue="a"),)))
        await rig.transport.declare(Topology(exchanges=(Exchange(name="x", kind="topic"),)))
        with pytest.raises(TopologyError, match="missing"):
            await rig.transport.declare(Topology(bindings=(Binding(exchange="x", queue="missing"),)))
        await publish(rig.transport, *to_queue("a", "1"))
        assert await drained(rig.transport, "a") == ["1"]

    async def test_declaring_again_changes_nothing(self, rig: TransportRig) -> None:
        for _ in range(2):
            await with_limits(rig.transport, "a", ttl_ms=60_000, max_length=5, max_priority=4)
            await publish(rig.transport, *to_queue("a", "1"))
        assert await drained(rig.transport, "a") == ["1", "1"]

    async def test_limits_that_a_policy_gives_are_no_other_declaration(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await rig.transport.declare(Topology(queues=(Queue(name="a", limits=Limits(max_length=10)),)))
        await publish(rig.transport, *to_queue("a", "1"))
        assert await drained(rig.transport, "a") == ["1"]

    async def test_what_is_not_there_is_told(self, rig: TransportRig) -> None:
        assert await rig.transport.inspect("nowhere") is None
        with pytest.raises(TopologyError, match="nowhere"):
            await rig.transport.get("nowhere")
        with pytest.raises(TopologyError, match="nowhere"):
            await rig.transport.purge("nowhere")
        await rig.transport.delete_queue("nowhere")
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1"))
        assert await drained(rig.transport, "a") == ["1"]

    async def test_an_empty_queue_gives_nothing(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        assert await rig.transport.get("a") is None

    async def test_ready_messages_and_consumers_are_counted(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1", "2", "3"))
        out = await got(rig.transport, "a")
        assert out.waiting == 2
        await ready_messages(rig.transport, "a", 2)
        arrivals, consumption = await consumed(rig.transport, "a", prefetch=1)
        await arrivals.next()
        counts = await eventually(
            lambda: rig.transport.inspect("a"), lambda found: found is not None and found.messages == 1
        )
        assert counts is not None
        assert counts.consumers == 1
        await consumption.close()
        await eventually(lambda: rig.transport.inspect("a"), lambda found: found is not None and found.consumers == 0)

    async def test_purging_drops_what_is_ready_and_nothing_else(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1", "2", "3"))
        out = await got(rig.transport, "a")
        await ready_messages(rig.transport, "a", 2)
        assert await rig.transport.purge("a") == 2
        assert await rig.transport.purge("a") == 0
        out.nack(requeue=True)
        await ready_messages(rig.transport, "a", 1)
        assert await drained(rig.transport, "a") == ["1"]

    async def test_a_deleted_queue_takes_its_messages_and_bindings_along(self, rig: TransportRig) -> None:
        bound = Topology(
            exchanges=(Exchange(name="x", kind="topic"),),
            queues=(Queue(name="a"),),
            bindings=(Binding(exchange="x", queue="a", routing_key="#"),),
        )
        await rig.transport.declare(bound)
        await publish(rig.transport, to("x", "k", "1"))
        await rig.transport.delete_queue("a")
        assert await rig.transport.inspect("a") is None
        assert outcomes(await rig.transport.publish([to("x", "k", mandatory=True)])) == ["returned"]
        await with_queues(rig.transport, "a", max_priority=3)
        assert outcomes(await rig.transport.publish([to("x", "k", mandatory=True)])) == ["returned"]
        assert await drained(rig.transport, "a") == []

    @pytest.mark.parametrize("name", ["vss.звонки", "a b/с", "ж" * 127, "x" * 255, "null \0", 'quote"'], ids=ascii)
    async def test_a_name_may_be_any_text_of_255_bytes(self, rig: TransportRig, name: str) -> None:
        await rig.transport.declare(
            Topology(
                exchanges=(Exchange(name=name, kind="topic"),),
                queues=(Queue(name=name),),
                bindings=(Binding(exchange=name, queue=name, routing_key="ключ.#"),),
            )
        )
        await publish(rig.transport, to(name, "ключ.1", "1", mandatory=True), to("", name, "2", mandatory=True))
        first, second = await got(rig.transport, name), await got(rig.transport, name)
        assert (first.body, first.exchange, first.routing_key, second.body) == (b"1", name, "ключ.1", b"2")
        assert first.ack()
        assert second.ack()
        arrivals, consumption = await consumed(rig.transport, name)
        await publish(rig.transport, to(name, "ключ.2", "3"))
        assert (await arrivals.next()).ack()
        await consumption.close()
        assert await rig.transport.purge(name) == 0
        await rig.transport.delete_queue(name)
        assert await rig.transport.inspect(name) is None
