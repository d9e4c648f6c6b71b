"""What survives a connection, and what survives the broker's restart."""

import asyncio

from tests.contract.transport_rig import (
    TransportRig,
    consumed,
    drained,
    got,
    outcomes,
    publish,
    ready_messages,
    to,
    to_queue,
    until,
    with_bindings,
    with_queues,
)
from vss_router.broker.message import Headers, Outcome
from vss_router.broker.topology import Binding, Exchange, Queue, Topology


class RecoveryContract:
    """Restart and reconnection."""

    async def test_persistent_messages_in_durable_queues_survive_a_restart_in_order(self, rig: TransportRig) -> None:
        await with_bindings(rig.transport, "topic", {"a": ["call.#"], "b": ["#"]})
        await publish(
            rig.transport,
            *(to("x", "call.start", str(number), headers={"n": number}) for number in range(50)),
            *(to("x", "call.start", "transient", persistent=False) for _ in range(3)),
            to("x", "other", "last"),
        )
        (await got(rig.transport, "b")).ack()
        await ready_messages(rig.transport, "b", 53)
        await rig.restart()
        assert rig.transport.status.state == "ready"
        first = await got(rig.transport, "a")
        assert (first.exchange, first.routing_key, dict(first.properties.headers)) == ("x", "call.start", {"n": 0})
        first.ack()
        assert await drained(rig.transport, "a") == [str(number) for number in range(1, 50)]
        assert await drained(rig.transport, "b") == [*(str(number) for number in range(1, 50)), "last"]

    async def test_what_was_out_at_a_restart_comes_again_in_its_place(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", *"12345"))
        out = [await got(rig.transport, "a") for _ in range(3)]
        out[1].ack()
        await ready_messages(rig.transport, "a", 2)
        await rig.restart()
        assert await drained(rig.transport, "a") in (["1", "3", "4", "5"], ["1", "2", "3", "4", "5"])

    async def test_topology_stands_after_a_restart(self, rig: TransportRig) -> None:
        leads: list[Headers] = [{"x-match": "all", "kind": "lead"}]
        await with_bindings(rig.transport, "headers", {"a": leads})
        await rig.restart()
        confirms = await rig.transport.publish(
            [to("x", "", "1", mandatory=True, headers={"kind": "lead"}), to("x", "", "2", mandatory=True)]
        )
        assert outcomes(confirms) == ["confirmed", "returned"]
        assert await drained(rig.transport, "a") == ["1"]

    async def test_a_consumer_goes_on_after_a_cut_and_gets_again_what_was_out(self, rig: TransportRig) -> None:
        await with_queues(rig.transport, "a")
        await publish(rig.transport, *to_queue("a", "1", "2", "3"))
        arrivals, consumption = await consumed(rig.transport, "a", prefetch=2)
        out = await arrivals.take(2)
        assert [one.is_stale for one in out] == [False, False]
        before = rig.transport.status.connects
        await rig.cut()
        assert [one.is_stale for one in out] == [True, True]
        assert rig.transport.status.connects > before
        assert not out[0].ack()
        assert not out[1].nack(requeue=True)
        again = await arrivals.take(2)
        assert [(one.body, one.redelivered) for one in again] == [(b"1", True), (b"2", True)]
        assert [one.is_stale for one in again] == [False, False]
        assert [one.ack() for one in again] == [True, True]
        assert (await arrivals.next()).body == b"3"
        assert consumption.trouble is None

    async def test_topology_is_declared_again_after_a_cut(self, rig: TransportRig) -> None:
        await rig.transport.declare(
            Topology(
                exchanges=(Exchange(name="x", kind="topic"),),
                queues=(Queue(name="mine", durable=False, exclusive=True),),
                bindings=(Binding(exchange="x", queue="mine", routing_key="call.*"),),
            )
        )
        arrivals, _ = await consumed(rig.transport, "mine", ack=True)
        await rig.cut()
        confirms = await rig.transport.publish([to("x", "call.start", "1", mandatory=True)])
        assert outcomes(confirms) == ["confirmed"]
        assert (await arrivals.next()).body == b"1"

    async def test_each_message_published_until_it_is_confirmed_arrives_though_it_is_cut(
        self, rig: TransportRig
    ) -> None:
        await with_queues(rig.transport, "a")
        confirmed: list[str] = []
        going = True

        async def publisher() -> None:
            number = 0
            while going or number < 50:
                confirm = (await rig.transport.publish(to_queue("a", str(number))))[0]
                if confirm.outcome is Outcome.CONFIRMED:
                    confirmed.append(str(number))
                    number += 1
                else:
                    assert confirm.outcome is Outcome.LOST
                    await rig.transport.ready()

        publishing = asyncio.create_task(publisher())
        try:
            for round_ in (5, 20, 40):
                await until(lambda wanted=round_: len(confirmed) >= wanted)  # type: ignore[misc]
                await rig.cut()
        finally:
            going = False
            await publishing
        found = await drained(rig.transport, "a")
        assert list(dict.fromkeys(found)) == confirmed
        assert sorted(map(int, found)) == [int(body) for body in found]  # duplicates only where it was cut
