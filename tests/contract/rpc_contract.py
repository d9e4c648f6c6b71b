"""Remote calls at a real broker: written once, inherited for each transport.

A subclass gives the fixture `transport`: ready, at an empty broker, with the system's topology declared.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.board_double import BoardDouble
from tests.contract.transport_rig import ready_messages, to, until
from vss_router.broker.message import Delivery, Message, Outcome, Properties
from vss_router.broker.rpc import RpcClient, RpcServer, add_status_methods
from vss_router.broker.rpc.status_methods import (
    HealthResult,
    OperatorParams,
    QueueParams,
    RowResult,
    SnapshotResult,
)
from vss_router.broker.topology import Queue, Topology
from vss_router.broker.transport import Transport
from vss_router.errors import (
    RpcRemoteError,
    RpcReplyError,
    RpcTimeoutError,
    RpcUnavailableError,
    RpcUnknownMethodError,
    SettingsError,
)
from vss_router.status.reader import MemoryReader

OPERATOR = {"id": "PJSIP/1001", "extension": "1001", "state": "available"}
QUEUE = {"name": "support", "waiting": 2}


class Doubled(msgspec.Struct, forbid_unknown_fields=True):
    number: int


class Other(msgspec.Struct):
    text: str


class Desk:
    """Servers and clients of one test, stopped at its end."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.held = asyncio.Event()
        self.ran: list[int] = []
        self._names = itertools.count()
        self._all: list[RpcServer | RpcClient] = []

    async def server(self, role: str = "tests", *, concurrency: int = 8) -> RpcServer:
        """One with the methods `double`, `hold`, `once`, `raise`, `big`."""
        made = RpcServer(self.transport, role=role, concurrency=concurrency)

        @made.method("double", Doubled)
        async def double(params: Doubled) -> int:
            self.ran.append(params.number)
            return params.number * 2

        @made.method("hold", Doubled, timeout_seconds=20)
        async def hold(params: Doubled) -> int:
            self.ran.append(params.number)
            await self.held.wait()
            return params.number

        @made.method("once", Doubled, idempotent=False, timeout_seconds=20)
        async def once(params: Doubled) -> int:
            self.ran.append(params.number)
            await self.held.wait()
            return params.number

        @made.method("brief", Doubled, timeout_seconds=0.01)
        async def brief(_params: Doubled) -> None:
            await asyncio.Event().wait()

        @made.method("raise", Doubled)
        async def fail(params: Doubled) -> None:
            if params.number:
                raise RpcRemoteError("sold_out", "nothing is left")
            raise ValueError("the password is 1234")

        await made.start()
        self._all.append(made)
        return made

    async def status_server(self) -> RpcServer:
        made = RpcServer(self.transport, role="router")
        boards = {
            "main": BoardDouble(operators=[OPERATOR], queues=[QUEUE]),
            "b": BoardDouble("b", operators=[OPERATOR]),
        }
        add_status_methods(made, MemoryReader(boards), instance="one")
        await made.start()
        self._all.append(made)
        return made

    async def client(self) -> RpcClient:
        made = RpcClient(self.transport, name="test", ids=lambda: f"t{next(self._names)}")
        await made.start()
        self._all.append(made)
        return made

    async def close(self) -> None:
        for each in self._all:
            await (each.stop(0.5) if isinstance(each, RpcServer) else each.stop())


@pytest.fixture
async def desk(transport: Transport) -> AsyncIterator[Desk]:
    made = Desk(transport)
    yield made
    await made.close()


class RpcContract:
    async def test_a_method_nobody_has_is_known_at_once(self, desk: Desk) -> None:
        client = await desk.client()
        with pytest.raises(RpcUnknownMethodError, match='no service answers to the method "double"'):
            await client.call("double", Doubled(1), result=int, timeout_seconds=20)

    async def test_a_method_that_was_taken_away_while_its_binding_stands_is_unknown_too(self, desk: Desk) -> None:
        await (await desk.server()).stop()
        bare = RpcServer(desk.transport, role="tests")
        await bare.start()
        client = await desk.client()
        with pytest.raises(RpcUnknownMethodError, match='the service "tests" has no method "double"'):
            await client.call("double", Doubled(1), result=int, timeout_seconds=20)
        await bare.stop()

    async def test_a_service_that_is_away_is_a_timeout_and_its_request_is_gone_when_it_comes_back(
        self, desk: Desk
    ) -> None:
        await (await desk.server()).stop()
        client = await desk.client()
        with pytest.raises(RpcTimeoutError, match=r'"double" gave no answer within 0.2 s'):
            await client.call("double", Doubled(1), result=int, timeout_seconds=0.2)
        await ready_messages(desk.transport, "vss.rpc.tests", 0)
        await desk.server()
        assert await client.call("double", Doubled(2), result=int, timeout_seconds=20) == 4
        assert desk.ran == [2]

    async def test_parameters_that_do_not_fit_are_refused_with_the_field(self, desk: Desk) -> None:
        await desk.server()
        client = await desk.client()
        with pytest.raises(RpcRemoteError, match="unknown field `text`") as refused:
            await client.call("double", Other("x"), result=int)
        assert refused.value.code == "invalid_params"
        with pytest.raises(RpcRemoteError, match="missing required field `number`"):
            await client.call("double", result=int)
        assert desk.ran == []

    async def test_what_a_method_says_is_told_and_what_it_did_not_mean_to_say_is_not(self, desk: Desk) -> None:
        server, client = await desk.server(), await desk.client()
        with pytest.raises(RpcRemoteError, match="nothing is left") as meant:
            await client.call("raise", Doubled(1), result=int)
        assert meant.value.code == "sold_out"
        with pytest.raises(RpcRemoteError, match=r'"raise" failed; the log of "tests" says why$') as not_meant:
            await client.call("raise", Doubled(0), result=int)
        assert not_meant.value.code == "failed"
        assert (server.stats.answered, server.stats.failed) == (2, 2)

    async def test_a_method_that_hangs_ends_with_its_time(self, desk: Desk) -> None:
        await desk.server()
        client = await desk.client()
        with pytest.raises(RpcRemoteError, match="was not done within 0.01 s") as late:
            await client.call("brief", Doubled(1), result=int, timeout_seconds=20)
        assert late.value.code == "timeout"

    async def test_a_result_of_another_type_is_refused_by_the_client(self, desk: Desk) -> None:
        await desk.server()
        client = await desk.client()
        with pytest.raises(RpcReplyError, match=r'the result of "double" is not a str'):
            await client.call("double", Doubled(1), result=str)
        assert bytes(await client.call("double", Doubled(1), result=msgspec.Raw)) == b"2"

    async def test_a_union_that_the_result_is_none_of_is_named(self, desk: Desk) -> None:
        await desk.server()
        client = await desk.client()
        with pytest.raises(RpcReplyError, match=r'the result of "double" is not a str \| None: '):
            await client.call("double", Doubled(1), result=str | None)  # type: ignore[arg-type]

    @pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 100_000, None, "5"])
    async def test_a_wait_that_is_no_time_is_refused(self, desk: Desk, seconds: Any) -> None:
        client = await desk.client()
        with pytest.raises(SettingsError, match='a call of "double" cannot wait '):
            await client.call("double", Doubled(1), result=int, timeout_seconds=seconds)

    async def test_an_answer_that_comes_late_is_nobody_elses(self, desk: Desk) -> None:
        await desk.server()
        client = await desk.client()
        with pytest.raises(RpcTimeoutError):
            await client.call("hold", Doubled(1), result=int, timeout_seconds=0.2)
        desk.held.set()
        assert await client.call("hold", Doubled(2), result=int, timeout_seconds=20) == 2

    async def test_many_calls_at_once_get_each_its_own_answer(self, desk: Desk) -> None:
        await desk.server()
        clients = [await desk.client(), await desk.client()]
        numbers = range(200)
        calls = [clients[n % 2].call("double", Doubled(n), result=int, timeout_seconds=20) for n in numbers]
        assert await asyncio.gather(*calls) == [2 * n for n in numbers]
        assert sorted(desk.ran) == list(numbers)

    async def test_two_servers_of_a_role_share_its_calls(self, desk: Desk) -> None:
        first, second = await desk.server(concurrency=1), await desk.server(concurrency=1)
        client = await desk.client()
        calls = [asyncio.ensure_future(client.call("hold", Doubled(n), result=int, timeout_seconds=20)) for n in (1, 2)]
        await until(lambda: len(desk.ran) == 2)
        assert (first.stats.running, second.stats.running) == (1, 1)
        desk.held.set()
        assert await asyncio.gather(*calls) == [1, 2]

    async def test_a_server_that_is_stopped_leaves_its_requests_to_another(self, desk: Desk) -> None:
        first = await desk.server()
        client = await desk.client()
        call = asyncio.ensure_future(client.call("hold", Doubled(7), result=int, timeout_seconds=20))
        await until(lambda: desk.ran == [7])
        await first.stop(0)
        desk.held.set()
        await desk.server()
        assert await call == 7
        assert desk.ran == [7, 7]

    async def test_a_method_that_must_not_run_twice_does_not(self, desk: Desk) -> None:
        first = await desk.server()
        client = await desk.client()
        call = asyncio.ensure_future(client.call("once", Doubled(7), result=int, timeout_seconds=1))
        await until(lambda: desk.ran == [7])
        await first.stop(0)
        desk.held.set()
        await desk.server()
        with pytest.raises(RpcTimeoutError):
            await call
        assert desk.ran == [7]

    async def test_calls_under_way_end_with_their_client_and_its_queue_is_gone(self, desk: Desk) -> None:
        await desk.server()
        client = await desk.client()
        call = asyncio.ensure_future(client.call("hold", Doubled(1), result=int, timeout_seconds=20))
        await until(lambda: desk.ran == [1])
        await client.stop()
        with pytest.raises(RpcUnavailableError, match="its client was stopped"):
            await call
        with pytest.raises(RpcUnavailableError, match="start the RPC client first"):
            await client.call("double", Doubled(1), result=int)
        assert await desk.transport.inspect("vss.rpc.reply.test.t0") is None

    async def test_an_answer_that_is_no_reply_fails_its_call_alone(self, desk: Desk) -> None:
        await desk.server()
        client = await desk.client()
        call = asyncio.ensure_future(client.call("hold", Doubled(1), result=int, timeout_seconds=20))
        await until(lambda: desk.ran == [1])
        forged = Properties(correlation_id="1", persistent=False)
        unknown = Properties(correlation_id="nobody's", persistent=False)
        for properties in (unknown, forged):
            await desk.transport.publish([Message("", "vss.rpc.reply.test.t0", b"<html>", properties)])
        with pytest.raises(RpcReplyError, match="is no reply"):
            await call
        assert client.late == 1
        assert await client.call("double", Doubled(1), result=int) == 2

    async def test_a_reply_never_goes_into_a_queue_of_the_system(self, desk: Desk) -> None:
        server = await desk.server()
        for reply_to in ("vss.autodial.leads", None):
            request = to("vss.rpc", "double", '{"number":1}', mandatory=True, reply_to=reply_to)
            [confirm] = await desk.transport.publish([request])
            assert confirm.outcome is Outcome.CONFIRMED
        await until(lambda: server.stats.unanswerable == 2)
        await ready_messages(desk.transport, "vss.autodial.leads", 0)
        assert desk.ran == [1, 1]

    async def test_a_plain_client_gets_plain_json_back_with_its_correlation_id(self, desk: Desk) -> None:
        await desk.server()
        await desk.transport.declare(Topology(queues=(Queue(name="mine"),)))
        arrived: list[Delivery] = []
        consumption = await desk.transport.consume("mine", arrived.append, prefetch=1)
        request = to("vss.rpc", "double", '{"number":21}', reply_to="mine", correlation_id="a-7")
        await desk.transport.publish([request])
        await until(lambda: bool(arrived))
        assert json.loads(arrived[0].body) == {"result": 42}
        assert arrived[0].properties.correlation_id == "a-7"
        assert arrived[0].properties.expiration_ms == 60_000
        arrived[0].ack()
        await consumption.close()

    async def test_status_and_health_are_answered(self, desk: Desk) -> None:
        await desk.status_server()
        client = await desk.client()
        found = await client.call("status.operator", OperatorParams(id="PJSIP/1001", source="main"), result=RowResult)
        assert msgspec.json.decode(found.row)["id"] == "PJSIP/1001"
        assert (found.source, found.stale, found.position) == ("main", False, "main:1")
        queue = await client.call("status.queue", QueueParams(name="support"), result=RowResult)
        assert msgspec.json.decode(queue.row)["name"] == "support"
        everything = await client.call("status.snapshot", result=SnapshotResult)
        assert set(msgspec.json.decode(everything.snapshot)["sources"]) == {"main", "b"}
        assert await client.call("health", result=HealthResult) == HealthResult(instance="one", sources=["b", "main"])

    @pytest.mark.parametrize(
        ("params", "code", "sentence"),
        [
            (OperatorParams(id="PJSIP/9"), "not_found", 'there is no operator "PJSIP/9"'),
            (OperatorParams(id="PJSIP/1001"), "ambiguous", "PJSIP/1001"),
            (OperatorParams(id="PJSIP/1001", source="c"), "invalid_params", "No PBX is called 'c'"),
        ],
    )
    async def test_a_question_about_status_that_has_no_answer_says_why(
        self, desk: Desk, params: OperatorParams, code: str, sentence: str
    ) -> None:
        await desk.status_server()
        client = await desk.client()
        with pytest.raises(RpcRemoteError, match=sentence) as refused:
            await client.call("status.operator", params, result=RowResult)
        assert refused.value.code == code


__all__ = ["Desk", "RpcContract", "desk"]
