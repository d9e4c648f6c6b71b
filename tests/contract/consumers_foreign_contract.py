"""Messages of strangers that a consumer may not send again as they came, at a RabbitMQ."""

import time
from collections.abc import AsyncIterator
from typing import Any

import aiormq
import pytest

from tests.contract.consumers_contract import Group, lead, publish, stats_of
from tests.contract.transport_rig import got, outcomes, ready_messages, to, until
from vss_router.broker.consumers import Retry
from vss_router.broker.transport import Transport
from vss_router.events import AutodialLead

BODY = b'{"lead_id": "strange", "phone_number": "+7", "campaign_id": "c"}'
NEARLY_A_FRAME = {"a": "y" * 60_000, "b": "z" * 70_700}


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"deep": 1}
    for _ in range(depth):
        inner = {"deep": inner}
    return inner


@pytest.fixture
async def stranger(broker_url: str) -> AsyncIterator[aiormq.abc.AbstractChannel]:
    """A client that knows nothing of our limits."""
    connection = await aiormq.connect(broker_url)
    yield await connection.channel()
    await connection.close()


class ForeignContract:
    # Some of what is too deep may be left out in reading already.
    @pytest.mark.parametrize(
        ("headers", "left_out"),
        [
            (NEARLY_A_FRAME, {1}),
            (nested(40), {0, 1}),
            ({"x-first-error": "e" * 100_000, "x-origin-exchange": "o" * 900}, {0}),
        ],
        ids=["nearly a frame", "deep", "a trail of its own making"],
    )
    async def test_headers_that_may_not_be_sent_again_do_not_keep_a_poison_message_in_its_queue(
        self,
        transport: Transport,
        group: Group,
        stranger: aiormq.abc.AbstractChannel,
        headers: dict[str, Any],
        left_out: set[int],
    ) -> None:
        tried: list[str] = []
        consumers = group.one()

        @consumers.consumer("vss.autodial.leads", retry=Retry(attempts=3, first_seconds=0.02, most_seconds=0.02))
        async def dial(message: AutodialLead) -> None:
            tried.append(message.lead_id)
            if message.lead_id == "strange":
                raise ValueError("cannot be dialled")

        await consumers.start()
        connects = transport.status.connects
        properties = aiormq.spec.Basic.Properties(headers=headers, message_id="m1")
        await stranger.basic_publish(BODY, exchange="vss.commands", routing_key="autodial.lead", properties=properties)
        await publish(transport, *(lead(f"l{number}") for number in range(10)))
        await until(lambda: stats_of(consumers, "dial").dead_lettered == 1)
        assert tried.count("strange") == 3
        assert len(tried) == 13
        await ready_messages(transport, "vss.commands.failed", 1)
        letter = await got(transport, "vss.commands.failed")
        assert letter.properties.headers.get("x-headers-left-out", 0) in left_out
        assert letter.properties.headers["x-last-error"] == "ValueError: cannot be dialled"
        assert letter.properties.message_id == "m1"
        assert transport.status.connects == connects

    async def test_a_timestamp_in_milliseconds_is_no_time_and_the_arrival_counts(
        self, transport: Transport, group: Group
    ) -> None:
        seen: list[AutodialLead] = []
        consumers = group.one()

        @consumers.consumer("vss.autodial.leads")
        async def dial(message: AutodialLead) -> None:
            seen.append(message)

        await consumers.start()
        began = time.time()
        message = to("vss.commands", "autodial.lead", BODY.decode(), timestamp=1_795_290_561_000)
        await publish(transport, message)
        await until(lambda: len(seen) == 1)
        assert seen[0].timestamp is not None
        assert began - 1 <= seen[0].timestamp.timestamp() <= time.time() + 1

    async def test_the_deepest_header_that_may_be_sent_arrives_and_a_deeper_one_is_refused(
        self, transport: Transport
    ) -> None:
        key = "vss.gacs.commands"
        deepest, deeper = (to("", key, "{}", headers=nested(depth)) for depth in (31, 32))
        assert outcomes(await transport.publish([deepest, deeper])) == ["confirmed", "refused"]
        assert (await got(transport, key)).properties.headers == nested(31)
