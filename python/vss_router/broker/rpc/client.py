"""Calls methods on `vss.rpc`: each call ends with a result or an error, within its time."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import Final, TypeVar, final

import msgspec

from vss_router.broker.message import Delivery, Message, Outcome, Properties
from vss_router.broker.quantities import is_number
from vss_router.broker.rpc.wire import RpcReply, reply_queue, reply_topology
from vss_router.broker.tracing import trace_headers
from vss_router.broker.transport import Consumption, Transport
from vss_router.broker.vss_topology import RPC
from vss_router.errors import (
    BrokerError,
    RpcRemoteError,
    RpcReplyError,
    RpcTimeoutError,
    RpcUnavailableError,
    RpcUnknownMethodError,
    SettingsError,
)

__all__ = ["RpcClient"]

T = TypeVar("T")
_PREFETCH: Final = 256
_CLOSE_SECONDS: Final = 2.0
_LONGEST_CALL: Final = 86_400.0


@final
class RpcClient:
    """Calls methods of any role; many calls may be under way at once.

    Parameters
    ----------
    name
        Who calls; part of the reply queue's name.
    ids
        Gives what makes the reply queue's name its own, such as a UUID.
    """

    def __init__(self, transport: Transport, *, name: str, ids: Callable[[], str]) -> None:
        self._transport = transport
        self._name = name
        self._queue = reply_queue(name, ids())
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[RpcReply]] = {}
        self._consumption: Consumption | None = None
        self.late = 0
        """Replies that came after their call had ended."""

    async def start(self) -> None:
        """Declare the reply queue and listen.

        Raises
        ------
        TopologyError
            The reply queue cannot be declared: no right to it.
        """
        await self._transport.declare(reply_topology(self._queue))
        self._consumption = await self._transport.consume(self._queue, self._replied, prefetch=_PREFETCH)

    async def stop(self) -> None:
        """End the calls under way with `RpcUnavailableError`, and delete the reply queue."""
        if self._consumption is None:
            return
        consumption, self._consumption = self._consumption, None
        for number, future in self._waiting.items():
            if not future.done():
                future.set_exception(RpcUnavailableError(f"call {number} has no answer: its client was stopped"))
        # Without a connection, or with a broker that does not answer, the queue expires by itself.
        with contextlib.suppress(BrokerError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await consumption.close()
                await self._transport.delete_queue(self._queue)

    async def call(
        self, method: str, params: msgspec.Struct | None = None, *, result: type[T], timeout_seconds: float = 5.0
    ) -> T:
        """Call a method and wait for its result, read as `result` (`msgspec.Raw` gives the JSON as it came).

        Raises
        ------
        RpcUnknownMethodError
            No service has such a method.
        RpcTimeoutError
            No answer came in time; whether the method ran is not known.
        RpcUnavailableError
            There is no connection, it was lost meanwhile, or the service's queue is full.
        RpcRemoteError
            The method says why it has no result.
        RpcReplyError
            The answer cannot be read.
        SettingsError
            `timeout_seconds` is no time to wait.
        """
        if not is_number(timeout_seconds) or not 0 < timeout_seconds <= _LONGEST_CALL:
            raise SettingsError(
                f'a call of "{method}" cannot wait {timeout_seconds!r} s: give a number above 0 and up to 86400'
            )
        if self._consumption is None:
            raise RpcUnavailableError(f'the method "{method}" cannot be called: start the RPC client first')
        number = str(next(self._numbers))
        future: asyncio.Future[RpcReply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._send(method, params, number, timeout_seconds)
                reply = await future
        except TimeoutError:
            raise RpcTimeoutError(
                f'the method "{method}" gave no answer within {timeout_seconds:g} s: '
                "see whether its service runs, or allow more time"
            ) from None
        finally:
            del self._waiting[number]
            if future.done() and not future.cancelled():
                future.exception()  # it was stopped while something else went wrong: nobody asks for it any more
        return _result_of(method, reply, result)

    async def _send(self, method: str, params: msgspec.Struct | None, number: str, seconds: float) -> None:
        properties = Properties(
            persistent=False,
            reply_to=self._queue,
            correlation_id=number,
            expiration_ms=max(1, int(seconds * 1_000)),
            type=method,
            app_id=self._name,
            headers=dict(trace_headers()),
        )
        body = b"{}" if params is None else msgspec.json.encode(params)
        [confirm] = await self._transport.publish([Message(RPC, method, body, properties, mandatory=True)])
        match confirm.outcome:
            case Outcome.CONFIRMED:
                return
            case Outcome.RETURNED:
                raise RpcUnknownMethodError(
                    f'no service answers to the method "{method}": start the one that has it, or check the name'
                )
            case Outcome.NACKED:
                raise RpcUnavailableError(f'the service of the method "{method}" is too busy: its queue is full')
        raise RpcUnavailableError(f'the method "{method}" cannot be called: {confirm.reason}')

    def _replied(self, delivery: Delivery) -> None:
        delivery.ack()
        future = self._waiting.get(delivery.properties.correlation_id or "")
        if future is None or future.done():
            self.late += 1
            return
        try:
            future.set_result(msgspec.json.decode(delivery.body, type=RpcReply))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            why = str(error).rstrip(".")
            future.set_exception(RpcReplyError(f"the answer of a service is no reply: {why}; see what answers there"))


def _result_of(method: str, reply: RpcReply, wanted: type[T]) -> T:
    if reply.error is not None:
        if reply.error.code == "unknown_method":
            raise RpcUnknownMethodError(f'the method "{method}" is not there any more: {reply.error.message}')
        raise RpcRemoteError(reply.error.code, f'the method "{method}" was refused: {reply.error.message}')
    if wanted is msgspec.Raw:
        return msgspec.Raw(bytes(reply.result))  # type: ignore[return-value]
    try:
        return msgspec.json.decode(reply.result, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = str(error).rstrip(".")
        # What is asked for may also be a union, which has no name.
        name = getattr(wanted, "__name__", str(wanted))
        raise RpcReplyError(f'the result of "{method}" is not a {name}: {why}') from error
