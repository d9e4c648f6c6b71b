"""`/api/rabbitmq/metrics`: the guide's answer, and a problem where the broker is away."""

import asyncio
from collections.abc import Mapping

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from vss_router.api.broker_metrics import QueueInspector, broker_metrics_routes
from vss_router.api.problems import problem_from
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.message import Message
from vss_router.broker.transport import QueueCounts
from vss_router.broker.vss_topology import vss_topology
from vss_router.errors import BrokerUnavailableError

PATH = "/api/rabbitmq/metrics"
QUEUES = ["vss.call.events", "vss.gacs.commands", "vss.gone"]


class Broker:
    """Answers with `counts`; raises `error`, or hangs."""

    def __init__(
        self,
        counts: Mapping[str, QueueCounts] | None = None,
        *,
        error: Exception | None = None,
        hangs: bool = False,
    ) -> None:
        self.counts = counts or {}
        self.error = error
        self.hangs = hangs

    async def inspect(self, queue: str) -> QueueCounts | None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.counts.get(queue)


def client(inspector: QueueInspector | None, seconds: float = 5.0) -> TestClient[Litestar]:
    routes = broker_metrics_routes(inspector, QUEUES, seconds=seconds)
    return TestClient(Litestar([routes], exception_handlers={Exception: problem_from}))


@pytest.mark.parametrize(
    ("broker", "detail"),
    [
        (None, "This router has no broker: set `broker`."),
        (Broker(error=BrokerUnavailableError("no connection to amqp://host")), "no connection to amqp://host."),
        (Broker(hangs=True), "The broker did not answer within 0.05 s."),
    ],
)
def test_without_a_broker_that_answers_it_is_a_problem_with_a_time_to_come_again(
    broker: Broker | None, detail: str
) -> None:
    with client(broker, seconds=0.05) as asking:
        answer = asking.get(PATH)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith("no-broker")
    assert answer.json()["detail"].endswith(detail)


def test_the_answer_is_the_guide_s_and_leaves_out_a_queue_that_is_not_there() -> None:
    counts = {
        "vss.call.events": QueueCounts(messages=3, consumers=1),
        "vss.gacs.commands": QueueCounts(messages=0, consumers=0),
    }
    with client(Broker(counts)) as asking:
        answer = asking.get(PATH)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json() == {
        "exchanges": {},
        "queues": {
            "vss.call.events": {"messageCount": 3, "consumerCount": 1},
            "vss.gacs.commands": {"messageCount": 0, "consumerCount": 0},
        },
    }


def test_the_embedded_broker_is_looked_at_too() -> None:
    transport = EmbeddedTransport(None)

    async def filled() -> None:
        await transport.connect()
        await transport.declare(vss_topology())
        await transport.publish([Message("vss.events", "call.start", b"{}")])

    with client(transport) as asking:
        asking.blocking_portal.start_task_soon(filled).result(20)
        assert asking.get(PATH).json()["queues"]["vss.call.events"] == {"messageCount": 1, "consumerCount": 0}
        asking.blocking_portal.start_task_soon(transport.close).result(20)
