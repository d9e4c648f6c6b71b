"""The contract of transports, held by aio-pika at a live RabbitMQ."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.transport_contract import TransportContract
from tests.contract.transport_rig import (
    consumed,
    drained,
    outcomes,
    publish,
    to,
    to_queue,
    until,
    with_bindings,
    with_queues,
)
from tests.integration.rabbitmq_rig import RabbitMqRig
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.aio_pika.consumption import AioPikaConsumption
from vss_router.broker.aio_pika.declarations import Declarations
from vss_router.broker.aio_pika.publisher import Publisher

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]  # RabbitMQ alone may take a minute to start


class TestAioPikaTransport(TransportContract):
    """aio-pika."""

    @pytest.fixture
    async def rig(self, rabbitmq: RabbitMqServer) -> AsyncIterator[RabbitMqRig]:
        rig = RabbitMqRig(rabbitmq, lambda endpoint: AioPikaTransport(endpoint, random=random.Random(1).random))
        await rig.transport.connect()
        yield rig
        await rig.transport.close()

    async def test_names_that_the_library_does_not_know_outlive_a_cut(self, rig: RabbitMqRig) -> None:
        await with_bindings(rig.transport, "topic", {"звонки": ["#"]}, "события")
        arrivals, _ = await consumed(rig.transport, "звонки", ack=True)
        await rig.cut()
        await publish(rig.transport, to("события", "k", "1", mandatory=True))
        assert (await arrivals.next()).body == b"1"

    async def test_what_the_library_cannot_write_is_refused_and_harms_no_other(self, rig: RabbitMqRig) -> None:
        await with_queues(rig.transport, "a")
        unwritten = to("", "a", headers={"x-number": 1e300})  # it has floats of 32 bits only
        confirms = await rig.transport.publish([*to_queue("a", "1"), unwritten, *to_queue("a", "2")])
        assert outcomes(confirms) == ["confirmed", "refused", "confirmed"]
        assert "aio-pika cannot send it" in confirms[1].reason
        assert await drained(rig.transport, "a") == ["1", "2"]
        assert rig.transport.status.connects == 1

    @pytest.mark.parametrize(
        ("part", "method"), [(Publisher, "run"), (Declarations, "declare"), (AioPikaConsumption, "run")]
    )
    async def test_a_part_that_fails_by_a_defect_costs_one_connection(
        self, rig: RabbitMqRig, monkeypatch: pytest.MonkeyPatch, part: type, method: str
    ) -> None:
        await with_queues(rig.transport, "a")
        arrivals, _ = await consumed(rig.transport, "a", ack=True)
        sound = getattr(part, method)
        failed: list[str] = []

        async def failing(*given: Any) -> None:
            if not failed:
                failed.append(method)
                raise ValueError("nobody expected this")
            await sound(*given)

        monkeypatch.setattr(part, method, failing)
        await rig.cut()
        await until(lambda: bool(failed) and rig.transport.status.state == "ready")
        await rig.transport.ready()
        while outcomes(await rig.transport.publish(to_queue("a", "1"))) != ["confirmed"]:
            await rig.transport.ready()
        assert (await arrivals.next()).body == b"1"
