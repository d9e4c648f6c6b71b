"""A server of remote calls over a transport that does what a test tells it."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest

from tests.consumer_desk import HandingTransport, until
from vss_router.broker.message import Confirm, Outcome, Properties, Settlement
from vss_router.broker.rpc import RpcServer
from vss_router.errors import SettingsError

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


async def test_no_more_requests_are_run_at_a_time_than_asked_for_also_of_those_acked_first() -> None:
    transport = HandingTransport()
    server = RpcServer(transport, role="tests", concurrency=2)
    go_on = asyncio.Event()
    running = most = 0

    @server.method("once", Doubled, idempotent=False)
    async def once(params: Doubled) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1
        return params.number

    await server.start()
    for _ in range(9):
        asked(transport, "once", expiration_ms=60_000)
    await until(lambda: running == 2)
    assert len(transport.settled) == 2
    go_on.set()
    await until(lambda: server.stats.answered == 9)
    assert most == 2
    await server.stop(0)


async def test_an_answer_the_broker_did_not_take_is_sent_again() -> None:
    transport = HandingTransport()
    transport.outcomes += [Confirm(Outcome.LOST, "cut"), Confirm(Outcome.NACKED, "full"), Confirm(Outcome.LOST, "cut")]
    server = await serving(transport)
    asked(transport, expiration_ms=60_000)
    await until(lambda: server.stats.answered == 1)
    assert [message.body for message in transport.published] == [b'{"result":42}'] * 4
    assert [how for _, how in transport.settled] == [Settlement.ACK]
    await server.stop(0)


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_a_method_that_ends_the_program_or_is_cancelled_is_answered_and_ends_nothing(
    raised: BaseException,
) -> None:
    transport = HandingTransport()
    server = RpcServer(transport, role="tests")

    @server.method("ends", Doubled)
    async def ends(_params: Doubled) -> int:
        raise raised

    await server.start()
    asked(transport, "ends", expiration_ms=60_000)
    await until(lambda: server.stats.failed == 1)
    assert b'"code":"failed"' in transport.published[-1].body
    assert [how for _, how in transport.settled] == [Settlement.ACK]
    await server.stop(0)


async def test_a_request_whose_caller_has_given_up_is_not_run() -> None:
    transport = HandingTransport()
    server = RpcServer(transport, role="tests", concurrency=1)
    go_on = asyncio.Event()
    ran: list[int] = []

    @server.method("dial", Doubled, idempotent=False, timeout_seconds=60)
    async def dial(params: Doubled) -> int:
        ran.append(params.number)
        await go_on.wait()
        return params.number

    await server.start()
    asked(transport, "dial", expiration_ms=60_000)
    await until(lambda: len(ran) == 1)
    asked(transport, "dial", expiration_ms=1)
    waited = asyncio.get_running_loop().time() + 0.001
    await until(lambda: asyncio.get_running_loop().time() > waited)
    go_on.set()
    await until(lambda: server.stats.answered == 2)
    assert ran == [21]
    assert b"its caller has given up" in transport.published[-1].body
    await server.stop(0)


async def served(_params: Doubled) -> int:
    return 1


def plain(_params: Doubled) -> int:
    return 1


@pytest.mark.parametrize(
    ("name", "handler", "given", "said"),
    [
        ("double", served, {}, 'there is a method "double" already'),
        ("new", plain, {}, "must be an async function of its parameters"),
        ("new", served, {"params": 5}, "must be a msgspec.Struct"),
        ("new", served, {"params": dict}, "must be a msgspec.Struct"),
        ("new", served, {"timeout_seconds": 0}, "needs a timeout_seconds above 0"),
        ("new", served, {"timeout_seconds": None}, "needs a timeout_seconds above 0"),
        ("new", served, {"timeout_seconds": float("nan")}, "needs a timeout_seconds above 0"),
    ],
)
async def test_a_method_that_cannot_be_served_is_refused_when_it_is_added(
    name: str, handler: Any, given: dict[str, Any], said: str
) -> None:
    server = RpcServer(HandingTransport(), role="tests")
    server.method("double", Doubled)(served)
    options = {"params": Doubled, **given}
    with pytest.raises(SettingsError, match=said):
        server.method(name, **options)(handler)


async def test_a_method_that_comes_after_the_start_is_refused() -> None:
    server = await serving(HandingTransport())
    with pytest.raises(SettingsError, match='the method "late" comes too late'):
        server.method("late", Doubled)(served)
    await server.stop(0)
