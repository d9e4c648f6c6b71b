"""What RabbitMQ refuses: one sentence that names the object, and everything else goes on. For both AMQP transports."""

import asyncio
import datetime
import math
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec
import pytest

from tests.contract.transport_rig import consumed, drained, outcomes, publish, to, to_queue, until, with_queues
from tests.services.fixtures import LARGEST_MESSAGE
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.endpoint import BrokerEndpoint, parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.message import Headers, Message, Properties
from vss_router.broker.topology import Binding, Exchange, Queue, Topology
from vss_router.broker.transport import Transport
from vss_router.errors import BrokerRefusedError, BrokerUnavailableError, TopologyError
from vss_router.secret import Secret

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Make = Callable[[BrokerEndpoint], Transport]


@pytest.fixture(params=[LapinTransport, AioPikaTransport], ids=["lapin", "aio-pika"])
def make(request: pytest.FixtureRequest) -> Make:
    def made(endpoint: BrokerEndpoint) -> Transport:
        return request.param(endpoint, random=random.Random(1).random, connect_seconds=20.0)  # type: ignore[no-any-return]

    return made


@asynccontextmanager
async def connected(transport: Transport) -> AsyncIterator[Transport]:
    try:
        await transport.connect()
        yield transport
    finally:
        await transport.close()


async def refused_login(transport: Transport) -> str:
    """The sentence of the first attempt; the transport goes on trying, and its status says the same."""
    try:
        with pytest.raises(BrokerRefusedError) as refused:
            await transport.connect()
        await until(lambda: transport.status.trouble is not None)
        assert transport.status.state == "connecting"
        assert transport.status.trouble == str(refused.value)
        assert outcomes(await transport.publish(to_queue("a", "1"))) == ["lost"]
        return str(refused.value)
    finally:
        await transport.close()


@contextmanager
def out_of_memory(server: RabbitMqServer) -> Iterator[None]:
    """It believes to be; the other tests find it calm again."""
    server.alarm()
    try:
        yield
    finally:
        server.calm()


async def test_a_wrong_password_names_the_user_and_not_the_password(rabbitmq: RabbitMqServer, make: Make) -> None:
    endpoint = msgspec.structs.replace(parse_broker_url(rabbitmq.new_vhost()), password=Secret("wr0ng"))
    sentence = await refused_login(make(endpoint))
    assert "refuses the password of user vss, or the user" in sentence
    assert "wr0ng" not in sentence


async def test_a_missing_virtual_host_is_named(rabbitmq: RabbitMqServer, make: Make) -> None:
    sentence = await refused_login(make(parse_broker_url(rabbitmq.url("/missing"))))
    assert "has no virtual host /missing" in sentence


async def test_a_virtual_host_that_the_user_may_not_enter_is_named(rabbitmq: RabbitMqServer, make: Make) -> None:
    endpoint = parse_broker_url(rabbitmq.new_vhost())
    rabbitmq.add_user("stranger")
    sentence = await refused_login(make(msgspec.structs.replace(endpoint, user="stranger")))
    assert f"does not let user stranger into virtual host {endpoint.vhost}" in sentence


async def test_a_password_that_is_put_right_lets_the_transport_in_by_itself(
    rabbitmq: RabbitMqServer, make: Make
) -> None:
    endpoint = parse_broker_url(rabbitmq.new_vhost())
    transport = make(msgspec.structs.replace(endpoint, user="late"))
    try:
        with pytest.raises(BrokerRefusedError):
            await transport.connect()
        rabbitmq.add_user("late", vhost=endpoint.vhost)
        await asyncio.wait_for(transport.ready(), 60)
        assert transport.status.trouble is None
    finally:
        await transport.close()


async def test_nobody_who_answers_is_unavailable_and_tried_again(make: Make) -> None:
    listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    transport = make(parse_broker_url(f"amqp://127.0.0.1:{port}/"))
    try:
        with pytest.raises(BrokerUnavailableError, match=f"127.0.0.1:{port} cannot be reached"):
            await transport.connect()
        assert transport.status.state == "connecting"
        with pytest.raises(BrokerUnavailableError):
            await transport.get("a")
    finally:
        await transport.close()
    with pytest.raises(BrokerUnavailableError, match="is closed"):
        await transport.ready()


async def test_whoever_is_no_amqp_broker_is_given_up(make: Make) -> None:
    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    transport = make(parse_broker_url(f"amqp://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"))
    try:
        with pytest.raises(BrokerUnavailableError):
            await transport.connect()
    finally:
        await transport.close()
        listener.close()
        await listener.wait_closed()


async def test_tls_works_with_its_authority_and_fails_by_name_without(rabbitmq: RabbitMqServer, make: Make) -> None:
    rabbitmq.new_vhost("secure")
    endpoint = parse_broker_url(rabbitmq.tls_url("secure"))
    async with connected(make(endpoint)) as transport:
        await with_queues(transport, "a")
        await publish(transport, *to_queue("a", "1"))
        assert await drained(transport, "a") == ["1"]
    sentence = await refused_login(make(msgspec.structs.replace(endpoint, ca=None)))
    assert "TLS with RabbitMQ" in sentence
    assert "ca=" in sentence


async def test_what_the_user_has_no_right_to_is_named_and_the_rest_goes_on(
    rabbitmq: RabbitMqServer, make: Make
) -> None:
    endpoint = parse_broker_url(rabbitmq.new_vhost())
    async with connected(make(endpoint)) as transport:
        await transport.declare(
            Topology(
                exchanges=(Exchange(name="closed", kind="topic"), Exchange(name="vss.events", kind="topic")),
                queues=(Queue(name="closed"), Queue(name="vss.a")),
                bindings=(Binding(exchange="vss.events", queue="vss.a", routing_key="#"),),
            )
        )
    ours = r"^(vss\..*|amq\.default)$"
    rabbitmq.add_user("narrow", vhost=endpoint.vhost, configure=ours, write=ours, read=ours)
    async with connected(make(msgspec.structs.replace(endpoint, user="narrow"))) as transport:
        with pytest.raises(TopologyError, match="user narrow may not declare queue mine"):
            await transport.declare(Topology(queues=(Queue(name="mine"), Queue(name="vss.b"))))
        assert "queue mine" in (transport.status.trouble or "")
        assert await transport.inspect("vss.b") is not None
        with pytest.raises(TopologyError, match="user narrow may not use queue closed"):
            await transport.get("closed")
        with pytest.raises(TopologyError, match="user narrow may not use queue closed"):
            await transport.purge("closed")
        _, consumption = await consumed(transport, "closed")
        await until(lambda: "may not use queue closed" in (consumption.trouble or ""))
        confirms = await transport.publish(
            [to("vss.events", "k", "1"), to("closed", "k"), to("vss.events", "k", "2"), to("closed", "k")]
        )
        assert outcomes(confirms) == ["confirmed", "refused", "confirmed", "refused"]
        assert "user narrow may not publish k to exchange closed" in confirms[1].reason
        assert list(dict.fromkeys(await drained(transport, "vss.a"))) == ["1", "2"]
        assert transport.status.connects == 1


async def test_an_oversized_message_is_refused_by_name_and_harms_no_other(rabbitmq: RabbitMqServer, make: Make) -> None:
    oversized = Message("", "a", b"x" * (LARGEST_MESSAGE + 1))
    async with connected(make(parse_broker_url(rabbitmq.new_vhost()))) as transport:
        await with_queues(transport, "a")
        confirms = await transport.publish([*to_queue("a", *"12"), oversized, *to_queue("a", *"34")])
        assert outcomes(confirms) == ["confirmed", "confirmed", "refused", "confirmed", "confirmed"]
        assert f"has {LARGEST_MESSAGE + 1} bytes, more than RabbitMQ takes" in confirms[2].reason
        assert list(dict.fromkeys(await drained(transport, "a"))) == [*"1234"]


async def test_headers_that_cost_the_connection_are_refused_and_harm_no_other(
    rabbitmq: RabbitMqServer, make: Make
) -> None:
    old = datetime.datetime(1960, 1, 1, tzinfo=datetime.UTC)
    bad: list[Headers] = [{"load": math.inf}, {"deep": [{"load": math.nan}]}, {"old": old}]
    async with connected(make(parse_broker_url(rabbitmq.new_vhost()))) as transport:
        await with_queues(transport, "a")
        confirms = await transport.publish([*(to("", "a", headers=headers) for headers in bad), *to_queue("a", "1")])
        assert outcomes(confirms) == ["refused", "refused", "refused", "confirmed"]
        assert all("cannot be sent" in confirm.reason for confirm in confirms[:3])
        assert await drained(transport, "a") == ["1"]
        assert transport.status.connects == 1


async def test_a_user_id_that_is_not_ours_is_refused(rabbitmq: RabbitMqServer, make: Make) -> None:
    async with connected(make(parse_broker_url(rabbitmq.new_vhost()))) as transport:
        await with_queues(transport, "a")
        forged = Message("", "a", b"2", Properties(user_id="somebody"))
        confirms = await transport.publish([*to_queue("a", "1"), forged, *to_queue("a", "3")])
        assert outcomes(confirms) == ["confirmed", "refused", "confirmed"]
        assert "user_id" in confirms[1].reason


async def test_an_exchange_deleted_under_its_publisher_is_told_and_found_again(
    rabbitmq: RabbitMqServer, make: Make
) -> None:
    endpoint = parse_broker_url(rabbitmq.new_vhost())
    async with connected(make(endpoint)) as transport:
        declared = Topology(
            exchanges=(Exchange(name="x", kind="topic"),),
            queues=(Queue(name="a"),),
            bindings=(Binding(exchange="x", queue="a", routing_key="#"),),
        )
        await transport.declare(declared)
        await publish(transport, to("x", "k", "1"))
        rabbitmq.api("DELETE", f"exchanges/{endpoint.vhost}/x")
        confirms = await transport.publish([to("x", "k", "2"), *to_queue("a", "3"), to("x", "k", "4")])
        assert outcomes(confirms) == ["refused", "confirmed", "refused"]
        await transport.declare(declared)
        await publish(transport, to("x", "k", "5"))
        assert list(dict.fromkeys(await drained(transport, "a"))) == ["1", "3", "5"]
        assert transport.status.connects == 1


async def test_an_exclusive_queue_that_another_connection_holds_is_ours_as_soon_as_that_one_ends(
    rabbitmq: RabbitMqServer, make: Make
) -> None:
    endpoint = parse_broker_url(rabbitmq.new_vhost())
    mine = Topology(queues=(Queue(name="mine", durable=False, exclusive=True),))
    holder, transport = make(endpoint), make(endpoint)
    try:
        await holder.connect()
        await holder.declare(mine)
        await transport.declare(mine)
        await transport.connect()
        arrivals, consumption = await consumed(transport, "mine", ack=True)
        assert "queue mine" in (transport.status.trouble or "")
        await until(lambda: transport.status.redeclares > 0)
        await holder.close()
        await until(lambda: transport.status.trouble is None and consumption.trouble is None)
        await publish(transport, *to_queue("mine", "1"))
        assert (await arrivals.next()).body == b"1"
        assert transport.status.connects == 1
    finally:
        await holder.close()
        await transport.close()


async def test_a_refused_consumer_leaves_the_others_alone(rabbitmq: RabbitMqServer, make: Make) -> None:
    async with connected(make(parse_broker_url(rabbitmq.new_vhost()))) as transport:
        await with_queues(transport, "a")
        arrivals, good = await consumed(transport, "a", ack=True)
        _, missing = await consumed(transport, "missing")
        await until(lambda: missing.trouble is not None)
        await publish(transport, *to_queue("a", *"123"))
        await arrivals.take(3)
        assert good.trouble is None
        assert transport.status.connects == 1


async def test_a_broker_that_takes_no_publishes_says_why_and_takes_them_later(
    rabbitmq: RabbitMqServer, make: Make
) -> None:
    async with connected(make(parse_broker_url(rabbitmq.new_vhost()))) as transport:
        await with_queues(transport, "a")
        await publish(transport, *to_queue("a", "1"))
        with out_of_memory(rabbitmq):
            waiting = asyncio.create_task(transport.publish(to_queue("a", "2")))
            await until(lambda: transport.status.blocked is not None)
            assert "memory" in (transport.status.blocked or "")
            assert not waiting.done()
        assert outcomes(await waiting) == ["confirmed"]
        await until(lambda: transport.status.blocked is None)
        assert await drained(transport, "a") == ["1", "2"]


async def test_closing_while_the_broker_takes_nothing_is_bounded(rabbitmq: RabbitMqServer, make: Make) -> None:
    transport = make(parse_broker_url(rabbitmq.new_vhost()))
    await transport.connect()
    await with_queues(transport, "a")
    with out_of_memory(rabbitmq):
        waiting = asyncio.create_task(transport.publish(to_queue("a", "1")))
        await until(lambda: transport.status.blocked is not None)
        async with asyncio.timeout(20):
            await transport.close(0.2)
    assert outcomes(await waiting) == ["lost"]
    assert transport.status.state == "closed"
