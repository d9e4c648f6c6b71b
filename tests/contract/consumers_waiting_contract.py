"""What a consumer does whose queue is not there: written once, inherited beside `ConsumersContract`."""

import logging

import pytest

from tests.contract.consumers_contract import Group, publish, stats_of
from tests.contract.transport_rig import to, until
from vss_router.broker.message import Delivery
from vss_router.broker.topology import Binding, Queue, Topology
from vss_router.broker.transport import Transport
from vss_router.events import Event

LATE = Topology(
    queues=(Queue(name="vss.late"),),
    bindings=(Binding(exchange="vss.events", queue="vss.late", routing_key="system.late"),),
)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and words of what the log says of the queue."""
    return [(record.levelname, record.message) for record in caplog.records if vars(record).get("queue") == "vss.late"]


class WaitingContract:
    async def test_a_queue_that_is_not_there_is_told_of_once_and_consumed_as_soon_as_it_is(
        self, transport: Transport, group: Group, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="vss_router.broker.consumers")
        handled: list[str] = []
        consumers = group.one()

        @consumers.consumer("vss.late")
        async def late(message: Event, delivery: Delivery) -> None:
            handled.append(delivery.routing_key)

        await consumers.start()
        for _ in range(3):
            consumers.look()
        assert told(caplog) == [("WARNING", "a queue is not consumed")]
        (record,) = (record for record in caplog.records if vars(record).get("queue") == "vss.late")
        assert "there is no queue vss.late" in vars(record)["trouble"]
        assert "declare it" in vars(record)["trouble"]
        stats = stats_of(consumers, "late")
        assert (stats.consuming, stats.trouble) == (False, vars(record)["trouble"])

        await transport.declare(LATE)
        await until(lambda: stats_of(consumers, "late").consuming)
        consumers.look()
        assert told(caplog)[1:] == [("INFO", "a queue is consumed again")]
        await publish(transport, to("vss.events", "system.late", "{}", mandatory=True))
        await until(lambda: handled == ["system.late"])

    async def test_a_queue_that_is_deleted_is_told_of_once(
        self, transport: Transport, group: Group, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="vss_router.broker.consumers")
        await transport.declare(LATE)
        consumers = group.one()

        @consumers.consumer("vss.late")
        async def late(message: Event) -> None:
            del message

        await consumers.start()
        consumers.look()
        assert (told(caplog), stats_of(consumers, "late").consuming) == ([], True)
        await transport.delete_queue("vss.late")
        await until(lambda: not stats_of(consumers, "late").consuming)
        for _ in range(3):
            consumers.look()
            await transport.inspect("vss.late")
        (level, words), *others = told(caplog)
        # Which of the two depends on who is first: the broker's word, or the look at what is consumed.
        assert (level, words in {"a queue is consumed no more", "a queue is not consumed"}) == ("WARNING", True)
        assert others == []
