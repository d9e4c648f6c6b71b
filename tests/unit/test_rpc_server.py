"""A server of remote calls over a transport that does what a test tells it."""

import asyncio
import logging

import msgspec
import pytest

from tests.consumer_desk import HandingTransport, until
from vss_router.broker.message import Confirm, Outcome, Properties, Settlement
from vss_router.broker.rpc import RpcServer

QUEUE = "vss.rpc.tests"


class Doubled(msgspec.Struct):
    number: int


async def serving(transport: HandingTransport) -> RpcServer:
    server = RpcServer(transport, role="tests")

    @server.method("double", Doubled)
    async def double(params: Doubled) -> int:
        return params.number * 2

    @server.method("once", Doubled, idempotent=False)
    async def once(params: Doubled) -> int:
        return params.number

    await server.start()
    return server


def asked(transport: HandingTransport, method: str = "double", *, expiration_ms: int | None = 10) -> None:
    properties = Properties(reply_to="mine", correlation_id="1", expiration_ms=expiration_ms)
    transport.deliver(QUEUE, b'{"number": 21}', exchange="vss.rpc", routing_key=method, properties=properties)


async def test_a_broker_that_takes_no_answer_keeps_a_slot_no_longer_than_the_caller_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("vss_router.broker.rpc.server._SEND_SECONDS", 0.01)
    caplog.set_level(logging.WARNING, logger="vss_router.broker.rpc")
    transport = HandingTransport()
    transport.mute = True
    server = await serving(transport)
    for method in ("double", "once", "nobody"):
        asked(transport, method)
    await until(lambda: server.stats.unsent == 3)
    await until(lambda: server.stats.running == 0)
    assert [how for _, how in transport.settled] == [Settlement.ACK] * 3
    assert [record.message for record in caplog.records] == ["an answer was not sent in its caller's time"]

    transport.mute = False
    asked(transport)
    await until(lambda: server.stats.answered == 1)
    assert (server.stats.unsent, transport.published[-1].body) == (3, b'{"result":42}')
    await server.stop(0)


async def test_an_answer_waits_for_a_broker_as_long_as_its_caller_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vss_router.broker.rpc.server._SEND_SECONDS", 0.0)
    taken = asyncio.Event()
    transport = HandingTransport()
    publish = transport.publish

    async def late(messages: list[object]) -> list[Confirm]:
        await taken.wait()
        return await publish(messages)  # type: ignore[arg-type]

    monkeypatch.setattr(transport, "publish", late)
    server = await serving(transport)
    asked(transport, expiration_ms=60_000)
    await until(lambda: server.stats.running == 1)
    taken.set()
    await until(lambda: server.stats.answered == 1)
    assert server.stats.unsent == 0
    await server.stop(0)


async def test_a_result_that_the_broker_refuses_is_answered_with_that() -> None:
    transport = HandingTransport()
    transport.outcomes.append(Confirm(Outcome.REFUSED, "too large"))
    server = await serving(transport)
    asked(transport, expiration_ms=60_000)
    await until(lambda: server.stats.answered == 1)
    assert b'"code":"too_large"' in transport.published[-1].body
    assert (server.stats.failed, server.stats.unsent) == (1, 0)
    await server.stop(0)
