"""Messages as only strangers send them, and what a connection has to live through. For both AMQP transports."""

import logging
import random
import struct
from collections.abc import AsyncIterator

import pytest

from tests.contract.transport_rig import consumed, got, outcomes, publish, to_queue, until, with_bindings, with_queues
from tests.integration.foreign_publisher import long_text, publish_foreign, short_text
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.endpoint import BrokerEndpoint, parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.message import Delivery, Message
from vss_router.broker.transport import Transport

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DEEPER_THAN_SENDABLE = 5_000


@pytest.fixture
def url(rabbitmq: RabbitMqServer) -> str:
    return rabbitmq.new_vhost()


@pytest.fixture
def endpoint(url: str) -> BrokerEndpoint:
    return parse_broker_url(url)


@pytest.fixture(params=[LapinTransport, AioPikaTransport], ids=["lapin", "aio-pika"])
async def unconnected(request: pytest.FixtureRequest, endpoint: BrokerEndpoint) -> AsyncIterator[Transport]:
    transport = request.param(endpoint, random=random.Random(1).random)
    yield transport
    await transport.close()


@pytest.fixture
async def transport(unconnected: Transport) -> Transport:
    await unconnected.connect()
    return unconnected


def nested(depth: int) -> bytes:
    value = b"t\x01"
    for _ in range(depth):
        value = b"F" + long_text(short_text(b"n") + value)
    return value


def never_lost(transport: Transport) -> bool:
    return (transport.status.connects, transport.status.failures) == (1, 0)


async def foreign(transport: Transport, url: str, **message: object) -> Delivery:
    """What a consumer gets of such a message; one behind it comes as well, and the connection stands."""
    await with_queues(transport, "a")
    await publish_foreign(url, b"a", b"foreign", **message)  # type: ignore[arg-type]
    await publish(transport, *to_queue("a", "ours"))
    arrivals, consumption = await consumed(transport, "a", ack=True)
    first = await arrivals.next()
    assert (first.body, (await arrivals.next()).body) == (b"foreign", b"ours")
    assert consumption.trouble is None
    assert never_lost(transport)
    return first


async def test_a_routing_key_that_is_no_utf_8_arrives_readable(transport: Transport, url: str) -> None:
    await with_bindings(transport, "topic", {"a": ["#"]})
    await publish_foreign(url, b"call.\xff", b"1", exchange=b"x")
    await publish_foreign(url, b"call.\xff", b"2", exchange=b"x")
    taken = await got(transport, "a")
    arrivals, _ = await consumed(transport, "a", ack=True)
    pushed = await arrivals.next()
    assert [taken.routing_key, pushed.routing_key] == [r"call.\xff"] * 2
    assert taken.ack()
    assert never_lost(transport)


async def test_a_message_id_that_is_no_utf_8_arrives_readable(transport: Transport, url: str) -> None:
    assert (await foreign(transport, url, message_id=b"id-\xfe\xff")).properties.message_id == r"id-\xfe\xff"


async def test_a_text_with_no_room_for_its_readable_form_is_cut(transport: Transport, url: str) -> None:
    message_id = (await foreign(transport, url, message_id=b"\xff" * 255)).properties.message_id
    assert message_id == (r"\xff" * 64)[:255]


async def test_a_header_s_name_that_is_no_utf_8_arrives_readable_and_its_bytes_stay_bytes(
    transport: Transport, url: str
) -> None:
    table = short_text(b"\xff") + b"S" + long_text(b"\xff") + short_text(b"in") + nested(1)
    headers = dict((await foreign(transport, url, headers=table)).properties.headers)
    assert headers == {r"\xff": b"\xff", "in": {"n": True}}


@pytest.mark.parametrize("seconds", [1_700_000_000_000, 253_402_300_800, 2**53 - 1])
async def test_a_time_beyond_the_year_9999_arrives_as_a_number(transport: Transport, url: str, seconds: int) -> None:
    table = short_text(b"t") + b"T" + struct.pack(">Q", seconds)
    properties = (await foreign(transport, url, timestamp=seconds, headers=table)).properties
    assert properties.timestamp == seconds
    assert dict(properties.headers) == {"t": seconds}


async def test_headers_deeper_than_can_be_sent_again_are_left_out_below_that(transport: Transport, url: str) -> None:
    delivery = await foreign(transport, url, headers=short_text(b"n") + nested(DEEPER_THAN_SENDABLE))
    await publish(transport, Message("", "a", b"again", delivery.properties))
    value: object = delivery.properties.headers
    depth = 0
    while isinstance(value, dict):
        value, depth = value["n"], depth + 1
    assert (value, depth) == (None, 32)


async def test_a_timestamp_that_came_can_be_sent_again(transport: Transport, url: str) -> None:
    delivery = await foreign(transport, url, timestamp=2**53 - 1)
    await with_queues(transport, "b")
    await publish(transport, Message("", "b", b"again", delivery.properties))
    assert (await got(transport, "b")).properties.timestamp == 2**53 - 1


async def test_a_consumer_whose_queue_goes_again_and_again_leaves_no_channels(
    transport: Transport, rabbitmq: RabbitMqServer, endpoint: BrokerEndpoint
) -> None:
    vhost = f'[{{vhost, <<"{endpoint.vhost}">>}}]'
    count = f"length([Each || Each <- rabbit_channel:list(), catch rabbit_channel:info(Each, [vhost]) =:= {vhost}])"
    await with_queues(transport, "a")
    arrivals, consumption = await consumed(transport, "a")

    def channels() -> int:
        return int(rabbitmq.evaluate(count))

    before = channels()
    for times in range(1, 6):
        rabbitmq.api("DELETE", f"queues/{endpoint.vhost}/a")
        await until(lambda wanted=times: len(arrivals.cancelled) == wanted)  # type: ignore[misc]
        await with_queues(transport, "a")
        await until(lambda: consumption.trouble is None)
    await until(lambda: channels() <= before)
    assert never_lost(transport)


async def test_refusals_among_many_messages_cost_a_channel_each_and_never_the_connection(
    rabbitmq: RabbitMqServer, unconnected: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    transport = unconnected
    with rabbitmq.with_variable("max_message_size", 65_536):  # a channel asks for it when it is opened
        await transport.connect()
        await with_queues(transport, "a")
        bodies = ["x" * 70_000 if number % 97 == 50 else str(number) for number in range(600)]
        confirms = await transport.publish(to_queue("a", *bodies))
    wanted = ["refused" if len(body) > 5 else "confirmed" for body in bodies]
    assert outcomes(confirms) == wanted
    assert never_lost(transport)
    assert [record.name for record in caplog.records if record.name.startswith("aiormq")] == []


async def test_the_end_of_a_connection_is_told_by_our_own_sentence_alone(
    transport: Transport, rabbitmq: RabbitMqServer, endpoint: BrokerEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await with_queues(transport, "a")
    await consumed(transport, "a")
    rabbitmq.close_connections(endpoint.vhost)
    await until(lambda: transport.status.connects == 2 and transport.status.state == "ready")
    assert {record.name.partition(".")[0] for record in caplog.records} <= {"vss_router"}
