"""Serves methods on `vss.rpc`; several servers of one role share its queue.

```
 delivery ─▶ known method? ─▶ parameters ─▶ run, within its time ─▶ reply confirmed ─▶ ack
                  │                │                  │
                  └────────────────┴── error reply ◀──┘      not idempotent: acked before it is run
```
"""

import asyncio
import inspect
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, final

import msgspec

from vss_router.broker.consumers.stats import worth_a_line
from vss_router.broker.message import Delivery, Message, Outcome, Properties
from vss_router.broker.quantities import is_number
from vss_router.broker.rpc.method import RpcMethod, failure_of
from vss_router.broker.rpc.wire import (
    LONGEST_SECONDS,
    RpcFailure,
    RpcReply,
    may_be_answered,
    server_queue,
    server_topology,
)
from vss_router.broker.tracing import handling, trace_headers
from vss_router.broker.transport import Consumption, Transport
from vss_router.errors import SettingsError

__all__ = ["RpcServer", "RpcServerStats"]

P = TypeVar("P")
Handler = Callable[[P], Awaitable[object]]

_LEAST_SECONDS: Final = 0.001
_SEND_SECONDS: Final = 1.0
"""What sending an answer may take even where the method has used up its caller's time."""
_CLOSE_SECONDS: Final = 2.0
_LONGEST_RUN: Final = 86_400.0
_FIRST_PAUSE: Final = 0.02  # seconds
_LONGEST_PAUSE: Final = 1.0
_log = logging.getLogger(__name__)


class RpcServerStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counted since the start, but `running`, which is now.

    `failed` were `answered` with an error, `unanswerable` named nobody to answer or a queue that is not theirs. The
    answers of `unsent` were not taken by the broker in their callers' time.
    """

    answered: int
    failed: int
    unanswerable: int
    unsent: int
    running: int


@final
class RpcServer:
    """The methods of one role, such as `router`.

    Parameters
    ----------
    role
        Names the queue, `vss.rpc.<role>`. Two roles must not have the same method.
    concurrency
        How many requests are run at a time; those besides them wait, not acked.
    random
        Numbers in [0, 1); spreads the pauses before an answer is sent again.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        role: str,
        concurrency: int = 32,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self._role = role
        self._concurrency = concurrency
        self._room = asyncio.Semaphore(concurrency)
        self._random = random
        self._methods: dict[str, RpcMethod] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._consumption: Consumption | None = None
        self._answered = self._failed = self._unanswerable = self._unsent = 0

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in order."""
        return tuple(sorted(self._methods))

    @property
    def stats(self) -> RpcServerStats:
        """What it has done."""
        return RpcServerStats(
            answered=self._answered,
            failed=self._failed,
            unanswerable=self._unanswerable,
            unsent=self._unsent,
            running=len(self._running),
        )

    def method(
        self, name: str, params: type[P], *, timeout_seconds: float = 10.0, idempotent: bool = True
    ) -> Callable[[Handler[P]], Handler[P]]:
        """Decorate what serves `name`: an async function of the parameters, a `msgspec.Struct`.

        What it returns is the result: anything msgspec can write as JSON. To tell the caller of a failure it raises
        `RpcRemoteError(code, sentence)`. A method that must not run twice for one request is not `idempotent`.

        Raises
        ------
        SettingsError
            There is one of that name, the server has started, or what it was given cannot be.
        """

        def add(handler: Handler[P]) -> Handler[P]:
            self._check(name, handler, params, timeout_seconds)
            self._methods[name] = RpcMethod(
                name=name, params=params, run=handler, timeout_seconds=timeout_seconds, idempotent=idempotent
            )
            return handler

        return add

    def _check(self, name: str, handler: object, params: object, timeout_seconds: object) -> None:
        if self._consumption is not None:
            raise SettingsError(f'the method "{name}" comes too late: add it before the server is started')
        if name in self._methods:
            raise SettingsError(f'there is a method "{name}" already: give this one another name')
        if not inspect.iscoroutinefunction(handler) and not inspect.iscoroutinefunction(type(handler).__call__):
            raise SettingsError(f'what serves the method "{name}" must be an async function of its parameters')
        if not isinstance(params, type) or not issubclass(params, msgspec.Struct):
            raise SettingsError(f'the parameters of the method "{name}" must be a msgspec.Struct')
        if not is_number(timeout_seconds) or not 0 < timeout_seconds <= _LONGEST_RUN:
            raise SettingsError(f'the method "{name}" needs a timeout_seconds above 0 and up to 86400')

    async def start(self) -> None:
        """Declare the role's queue and serve; a broker that is away is waited for by the transport.

        Raises
        ------
        TopologyError
            The queue cannot be as it should.
        """
        await self._transport.declare(server_topology(self._role, self._methods))
        self._consumption = await self._transport.consume(
            server_queue(self._role), self._delivered, prefetch=self._concurrency
        )

    async def stop(self, seconds: float = 5.0) -> None:
        """Take no more requests, let those under way end; those that do not within `seconds` go to another server."""
        if self._consumption is None:
            return
        consumption, self._consumption = self._consumption, None
        await _in_time(consumption.cancel(), self._role)
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await _in_time(consumption.close(), self._role)

    def _delivered(self, delivery: Delivery) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(delivery), name=f"rpc {delivery.routing_key}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, delivery: Delivery) -> None:
        until = asyncio.get_running_loop().time() + _seconds_of(delivery)
        try:
            # The prefetch alone would not hold back those that are acked before they are run.
            async with self._room:
                await self._served(delivery, until)
        except Exception:  # noqa: BLE001
            # A request must not keep its place for good; its client hears nothing, and its time runs out.
            _log.exception("a request was not answered", extra={"routing_key": delivery.routing_key})
            if not delivery.settled:
                delivery.ack()

    async def _served(self, delivery: Delivery, until: float) -> None:
        method = self._methods.get(delivery.routing_key)
        acked = method is not None and not method.idempotent
        if acked:
            delivery.ack()
        with handling(f"rpc {delivery.routing_key}", delivery.properties.headers, {}):
            reply = await self._answer(delivery, method, until)
            await self._reply(delivery, reply, until=until)
        if not acked:
            delivery.ack()

    async def _answer(self, delivery: Delivery, method: RpcMethod | None, until: float) -> RpcReply:
        name = delivery.routing_key
        if method is None:
            return _refusal("unknown_method", f'the service "{self._role}" has no method "{name}"')
        loop = asyncio.get_running_loop()
        if loop.time() >= until:
            return _refusal("timeout", f'the method "{name}" was not run: its caller has given up')
        seconds = min(method.timeout_seconds, _seconds_of(delivery))
        limit = asyncio.timeout_at(min(loop.time() + seconds, until))
        try:
            async with limit:
                return RpcReply(msgspec.Raw(await method.answer(delivery.body)))
        except BaseException as error:  # a SystemExit would end the loop with every other request in it
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            if limit.expired():
                return _refusal("timeout", f'the method "{name}" was not done within {seconds:g} s')
            code = failure_of(error)
            if code is not None:
                return _refusal(code, str(error))
            _log.exception("the method %s failed", name, extra={"routing_key": name})
            return _refusal("failed", f'the method "{name}" failed; the log of "{self._role}" says why')

    async def _reply(self, delivery: Delivery, reply: RpcReply, *, until: float) -> None:
        """Answer; a broker that takes nothing keeps the request's slot until its caller has given up, and no longer."""
        reply_to = delivery.properties.reply_to
        if not reply_to or not may_be_answered(reply_to):
            self._unanswerable += 1
            return
        try:
            async with asyncio.timeout_at(max(until, asyncio.get_running_loop().time() + _SEND_SECONDS)):
                if await self._sent(delivery, reply_to, reply) is Outcome.REFUSED:
                    said = f'the result of "{delivery.routing_key}" is larger than the broker takes'
                    reply = _refusal("too_large", said)
                    await self._sent(delivery, reply_to, reply)
        except TimeoutError:
            self._unsent += 1
            if worth_a_line(self._unsent):
                told = {"routing_key": delivery.routing_key, "times": self._unsent}
                trouble = self._transport.status.blocked or self._transport.status.trouble
                _log.warning("an answer was not sent in its caller's time", extra={**told, "trouble": trouble})
            return
        self._answered += 1
        self._failed += reply.error is not None

    async def _sent(self, delivery: Delivery, reply_to: str, reply: RpcReply) -> Outcome:
        """Send it until the broker has it or will never take it; the caller's time is the bound."""
        pause = _FIRST_PAUSE
        while (outcome := await self._send(delivery, reply_to, reply)) in {Outcome.LOST, Outcome.NACKED}:
            await asyncio.sleep(pause * (0.5 + self._random() / 2))
            pause = min(2 * pause, _LONGEST_PAUSE)
            await self._transport.ready()
        return outcome

    async def _send(self, delivery: Delivery, reply_to: str, reply: RpcReply) -> Outcome:
        body = msgspec.json.encode({"result": reply.result} if reply.error is None else {"error": reply.error})
        properties = Properties(
            correlation_id=delivery.properties.correlation_id,
            persistent=False,
            expiration_ms=int(_seconds_of(delivery) * 1_000),
            type=delivery.routing_key,
            headers=dict(trace_headers()),
        )
        [confirm] = await self._transport.publish([Message("", reply_to, body, properties)])
        return confirm.outcome


def _seconds_of(delivery: Delivery) -> float:
    """How long its client waits at most."""
    expiration = delivery.properties.expiration_ms
    return LONGEST_SECONDS if expiration is None else min(max(expiration / 1_000, _LEAST_SECONDS), LONGEST_SECONDS)


def _is_cancelled() -> bool:
    """Whether the server itself ends this task; else the cancellation is of something that a method waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _in_time(ending: Awaitable[None], role: str) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await ending
    except TimeoutError:
        _log.warning("the broker does not end a consumer", extra={"queue": server_queue(role)})


def _refusal(code: str, message: str) -> RpcReply:
    return RpcReply(error=RpcFailure(code, message))
