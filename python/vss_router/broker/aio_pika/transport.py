"""The transport over aiormq: one connection after the other, each given everything anew, as with lapin."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar, final

from vss_router.ami.backoff import Backoff
from vss_router.broker.aio_pika.consumption import AioPikaConsumption
from vss_router.broker.aio_pika.declarations import Declarations
from vss_router.broker.aio_pika.desk import Desk, wanted
from vss_router.broker.aio_pika.faults import ABSENT, Fault, FaultError
from vss_router.broker.aio_pika.patience import Patience
from vss_router.broker.aio_pika.publisher import Caution, Publisher
from vss_router.broker.aio_pika.session import Session, tls_context
from vss_router.broker.amqp_limits import unsendable
from vss_router.broker.amqp_sentences import AmqpSentences
from vss_router.broker.endpoint import BrokerEndpoint
from vss_router.broker.message import Confirm, Delivery, Message, Outcome
from vss_router.broker.topology import Topology
from vss_router.broker.transport import QueueCounts, TransportStatus
from vss_router.broker.trouble_log import TroubleLog
from vss_router.errors import SettingsError

__all__ = ["AioPikaTransport"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_FIRST_SECONDS: Final = 0.05
_GOODBYE: Final = 0.1
"""Seconds that a good-bye gets even when closing has used its time up."""


@final
class AioPikaTransport:
    """A transport to RabbitMQ (see `broker.transport.Transport`), with the parameters of `LapinTransport`.

    Raises
    ------
    SettingsError
        A certificate of the endpoint cannot be read.
    """

    def __init__(
        self,
        endpoint: BrokerEndpoint,
        *,
        random: Callable[[], float],
        name: str = "vss-router",
        connect_seconds: float = 5.0,
        answer_seconds: float = 10.0,
        retry_longest_seconds: float = 2.0,
        outstanding: int = 4096,
        troubles: TroubleLog | None = None,
    ) -> None:
        self.random = random
        self._endpoint = endpoint
        self._sentences = AmqpSentences(endpoint)
        try:
            self._context = tls_context(endpoint)
        except OSError as error:
            raise SettingsError(
                f'"--broker": the certificates of {endpoint.url} cannot be used: {error.strerror or error}'
            ) from error
        self._name = name
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._outstanding = outstanding
        self._patience = Patience(Backoff(_FIRST_SECONDS, retry_longest_seconds, random))
        self._refused_seconds = 2 * retry_longest_seconds
        self._status = TransportStatus(state="new")
        self._troubles = troubles or TroubleLog()
        self._fault: Fault | None = None
        self._address = ""
        self._declarations = Declarations()
        self._consumptions: list[AioPikaConsumption] = []
        self._caution = Caution()
        self._session: Session | None = None
        self._desk: Desk | None = None
        self._publisher: Publisher | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()
        self._changed = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        self._closing: asyncio.Future[None] | None = None

    @property
    def status(self) -> TransportStatus:
        """How it stands now."""
        return self._status

    async def connect(self) -> None:
        """Start; returns when the first attempt succeeded."""
        if self._closing is not None:
            raise self._sentences.closed()
        if self._life is None:
            self._first = asyncio.get_running_loop().create_future()
            self._life = asyncio.create_task(self._live())
        if self._first is not None:
            await asyncio.shield(self._first)
        await self.ready()

    async def ready(self) -> None:
        """Wait until it is connected with topology and consumers standing."""
        while self._status.state != "ready":
            if self._status.state == "closed":
                raise self._sentences.closed()
            self._changed.clear()
            await self._changed.wait()

    async def declare(self, topology: Topology) -> None:
        """Declare now when connected, and again after every reconnection."""
        self._declarations.add(topology)
        desk, session = self._desk, self._session
        if desk is None or session is None:
            return
        try:
            refusals = await desk.declare(topology)
        except FaultError as error:
            session.fail(error.fault)
            return
        self._declarations.renew(topology, refusals)
        await self._declared_anew()
        if refusals:
            first, *others = (self._sentences.refused(*refusal) for refusal in refusals)
            for other in others:
                _log.warning(str(other))
                first.add_note(str(other))
            raise first

    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        """Publish in this order; one answer per message, in this order."""
        refused = {place: why for place, message in enumerate(messages) if (why := unsendable(message)) is not None}
        good = [message for place, message in enumerate(messages) if place not in refused] if refused else messages
        if not good:
            answers = []
        elif self._publisher is None:
            await asyncio.sleep(0)  # whoever tries again at once must not keep the loop from reconnecting
            answers = [self._sentences.confirm(message, "lost") for message in good]
        else:
            answers = await self._publisher.publish(good)
        if not refused:
            return answers
        told = iter(answers)
        return [
            Confirm(Outcome.REFUSED, refused[place]) if place in refused else next(told)
            for place in range(len(messages))
        ]

    async def consume(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> AioPikaConsumption:
        """Call `on_delivery` in the loop for each message, at most `prefetch` unsettled ones at a time."""
        if not 0 < prefetch < 65_536:
            raise ValueError("a prefetch has 1 to 65535 messages")
        consumption = AioPikaConsumption(
            self, queue, on_delivery, prefetch=prefetch, exclusive=exclusive, on_cancel=on_cancel
        )
        self._consumptions.append(consumption)
        if self._session is not None and self._desk is not None:
            await self._begin(consumption, self._session)
        return consumption

    async def get(self, queue: str) -> Delivery | None:
        """Take one message, or None when the queue is empty."""
        return await wanted(self._asked(queue, lambda desk: desk.get(queue)))

    async def inspect(self, queue: str) -> QueueCounts | None:
        """How full a queue is; None when there is none of that name."""
        return await self._asked(queue, lambda desk: desk.inspect(queue))

    async def purge(self, queue: str) -> int:
        """Drop the ready messages of a queue; how many."""
        return await self._asked(queue, lambda desk: desk.purge(queue))

    async def delete_queue(self, queue: str) -> None:
        """Delete a queue with its messages and bindings, and forget its declaration."""
        await self._asked(queue, lambda desk: desk.delete_queue(queue))
        self._declarations.forget_queue(queue)

    async def close(self, seconds: float = 2.0) -> None:
        """Wait up to `seconds` for confirms under way and acks to go out, then close. A second call does nothing."""
        if self._closing is not None:
            await asyncio.shield(self._closing)
            return
        self._closing = asyncio.get_running_loop().create_future()
        try:
            await self._leave(seconds)
        finally:
            self._set_status("closed")
            self._closing.set_result(None)

    async def _leave(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        if self._session is not None and self._session.is_alive:
            await self._settle_out(seconds)
        session = self._session
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])
        if self._first is not None and not self._first.done():  # who waits in `connect` must not wait for ever
            self._first.set_exception(self._sentences.closed())
            self._first.exception()
        if session is not None:
            left = deadline - asyncio.get_running_loop().time()
            await session.close(max(left, _GOODBYE))

    # -- what consumptions need ----------------------------------------------------------------------------------------

    def trouble_of(self, queue: str, fault: Fault | None) -> str | None:
        """The sentence about a fault of this queue's."""
        if self._status.state == "closed":
            return str(self._sentences.closed())
        if fault is not None:
            return str(self._sentences.queue(queue, fault))
        return None if self._status.state == "ready" else str(self._sentences.absent())

    def cancelled(self, queue: str) -> str:
        """The sentence about a consumer that the broker ended."""
        return self._sentences.cancelled(queue)

    def forget(self, consumption: AioPikaConsumption) -> None:
        """It is closed."""
        if consumption in self._consumptions:
            self._consumptions.remove(consumption)

    # -- one connection after the other --------------------------------------------------------------------------------

    async def _live(self) -> None:
        attempts = 0
        while True:
            address = self._endpoint.addresses[attempts % len(self._endpoint.addresses)]
            attempts += 1
            self._address = f"{address[0]}:{address[1]}"
            self._set_status("connecting")
            try:
                fault = await self._serve(await self._open(address))
            except FaultError as error:
                fault = error.fault
            except Exception as error:  # noqa: BLE001 - nobody else would make the next connection
                fault = _unexpected(error)
            self._fault = fault
            self._set_status("connecting", failures=self._status.failures + 1, blocked=None)
            if self._first is not None and not self._first.done():
                self._first.set_exception(self._sentences.connection(fault, self._address))
            wait = self._patience.next()
            await asyncio.sleep(self._refused_seconds * (0.5 + 0.5 * self.random()) if fault.is_refusal else wait)

    async def _open(self, address: tuple[str, int]) -> Session:
        return await Session.open(
            self._endpoint,
            address,
            name=self._name,
            context=self._context,
            connect_seconds=self._connect_seconds,
            answer_seconds=self._answer_seconds,
        )

    async def _serve(self, session: Session) -> Fault:
        """Use a connection until it is of no use; why it is."""
        self._session = session
        session.connection.on_blocked = self._blocked
        publisher = Publisher(session, self._sentences, self._outstanding, self._caution)
        try:
            await self._stand(session, publisher)
            self._patience.stands()
            return await asyncio.shield(session.lost)
        except FaultError as error:
            session.fail(error.fault)
            return session.lost.result()
        except Exception as error:  # noqa: BLE001 - the next connection may go better
            session.fail(_unexpected(error))
            return session.lost.result()
        finally:
            self._session = self._publisher = None
            if self._closing is None:
                self._fault = session.lost.result() if session.lost.done() else ABSENT
                self._set_status("connecting", blocked=None)
            if self._desk is not None:
                self._desk.drop()
                self._desk = None
            publisher.drop()
            fault = session.lost.result() if session.lost.done() else ABSENT
            for consumption in self._consumptions:
                consumption.lost(fault)
            for task in tuple(self._tasks):
                task.cancel()
            if self._closing is None:
                await session.close(_GOODBYE)

    async def _stand(self, session: Session, publisher: Publisher) -> None:
        """Everything anew: declare, let publish, consume."""
        desk = Desk(session)
        await self._declarations.declare(desk)
        self._run(session, publisher.run())
        self._run(session, self._declarations.declare_locked(desk, self.random, self._declared_anew))
        self._desk, self._publisher = desk, publisher
        self._consumptions = [consumption for consumption in self._consumptions if not consumption.is_over]
        for consumption in tuple(self._consumptions):
            await self._begin(consumption, session)
        if session.lost.done():
            raise FaultError(session.lost.result())
        self._fault = None
        self._set_status("ready", connects=self._status.connects + 1)
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    async def _declared_anew(self) -> None:
        """Consumers that wait for a queue try again."""
        self._show()
        async with self._news:
            self._news.notify_all()

    async def _begin(self, consumption: AioPikaConsumption, session: Session) -> None:
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._run(session, consumption.run(session, self._news, first))
        waited: tuple[asyncio.Future[Any], ...] = (first, session.lost)
        await asyncio.wait(waited, timeout=self._answer_seconds, return_when="FIRST_COMPLETED")

    def _run(self, session: Session, running: Awaitable[None]) -> None:
        async def watched() -> None:
            try:
                await running
            except FaultError as error:
                session.fail(error.fault)
            except Exception as error:  # noqa: BLE001 - without this task the connection is of no use
                session.fail(_unexpected(error))

        task = asyncio.create_task(watched())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle_out(self, seconds: float) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.finish()
        lines = [consumption.settle_out() for consumption in self._consumptions]
        if self._desk is not None:
            lines.append(self._desk.settle_out())
        under_way = [asyncio.ensure_future(line) for line in lines]
        if publisher is not None:
            under_way.append(asyncio.ensure_future(publisher.finished()))
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=seconds)
            for task in late:
                task.cancel()

    async def _asked(self, queue: str, ask: Callable[[Desk], Awaitable[T]]) -> T:
        if self._closing is not None:
            raise self._sentences.closed()
        desk, session = self._desk, self._session
        if desk is None or session is None:
            raise self._sentences.connection(self._fault, self._address) if self._fault else self._sentences.absent()
        if self._status.blocked is not None:  # it would not be read, and the silence taken for a broker that hangs
            raise self._sentences.blocked(self._status.blocked)
        try:
            return await ask(desk)
        except FaultError as error:
            if error.fault.kind != "answered":
                session.fail(error.fault)
            raise self._sentences.queue(queue, error.fault) from error

    def _blocked(self, why: str | None) -> None:
        self._set_status(self._status.state, blocked=why)

    def _set_status(self, state: str, **changes: object) -> None:
        kept = {name: getattr(self._status, name) for name in ("connects", "failures", "blocked")}
        fields = {**kept, "redeclares": self._declarations.redeclares, **changes}
        trouble = self._trouble() if state in {"connecting", "ready"} else None
        self._status = TransportStatus(state=state, trouble=trouble, **fields)  # type: ignore[arg-type]
        self._troubles.tell(self, trouble, is_ready=state == "ready")
        self._changed.set()

    def _show(self) -> None:
        self._set_status(self._status.state)

    def _trouble(self) -> str | None:
        if self._fault is not None:
            return str(self._sentences.connection(self._fault, self._address))
        if self._declarations.refusals:
            return str(self._sentences.refused(*self._declarations.refusals[0]))
        return None


def _unexpected(error: Exception) -> Fault:
    """The fault of what no library was expected to raise; its place is logged, for it is a defect."""
    _log.error("the transport to RabbitMQ failed, it connects again", exc_info=error)
    return Fault("broken", text=str(error) or repr(error))
