"""The transport over lapin: AMQP is spoken in the compiled core, this side waits for answers and hands them out."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, final

from vss_router._core import AmqpCancelled, AmqpClient, AmqpConfirms, AmqpDelivery, AmqpDone, AmqpStatus
from vss_router.broker.amqp_limits import unsendable
from vss_router.broker.amqp_sentences import AmqpSentences
from vss_router.broker.endpoint import BROKER_URL, BrokerEndpoint
from vss_router.broker.lapin.consumption import LapinConsumption
from vss_router.broker.lapin.deliveries import delivery_of
from vss_router.broker.message import Confirm, Delivery, Message, Outcome
from vss_router.broker.topology import Topology
from vss_router.broker.transport import QueueCounts, TransportStatus
from vss_router.broker.trouble_log import TroubleLog

__all__ = ["LapinTransport"]

_log = logging.getLogger(__name__)

_CONFIRMED: Final = Confirm(Outcome.CONFIRMED)
_SLACK: Final = 2.0
"""Seconds that closing may take beyond its own time: the core's word about it has to come through."""


@final
class LapinTransport:
    """A transport to RabbitMQ (see `broker.transport.Transport`).

    `name` is what RabbitMQ shows of the connection. `random` gives numbers in [0, 1) for the jitter of reconnections.
    An answer may take `answer_seconds`, then the connection is given up; up to `outstanding` messages are published
    ahead of their confirms. Transports that lead to one broker may share `troubles`, where they tell what is wrong.

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
        self._sentences = AmqpSentences(endpoint)
        self._client = AmqpClient(
            endpoint.addresses,
            vhost=endpoint.vhost,
            username=endpoint.user,
            password=endpoint.password.reveal(),
            tls=endpoint.tls,
            ca=BROKER_URL.pem("ca", endpoint.ca),
            certificate=BROKER_URL.pem("cert", endpoint.certificate),
            private_key=BROKER_URL.pem("key", endpoint.private_key),
            name=name,
            heartbeat_seconds=endpoint.heartbeat,
            connect_seconds=connect_seconds,
            answer_seconds=answer_seconds,
            retry_longest_seconds=retry_longest_seconds,
            outstanding=outstanding,
            seed=int(random() * (1 << 62)),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._orders: dict[int, asyncio.Future[AmqpDone]] = {}
        self._batches: dict[int, tuple[Sequence[Message], asyncio.Future[list[Confirm]]]] = {}
        self._consumptions: dict[int, LapinConsumption] = {}
        self._changed = asyncio.Event()
        self._closing: asyncio.Future[None] | None = None
        self._troubles = troubles or TroubleLog()

    @property
    def status(self) -> TransportStatus:
        """How it stands now."""
        status = self._client.status()
        return TransportStatus(
            state=status.state,
            trouble=self._trouble(status),
            connects=status.connects,
            failures=status.failures,
            redeclares=status.redeclares,
            blocked=status.blocked,
        )

    async def connect(self) -> None:
        """Start; returns when the first attempt succeeded."""
        self._listen()
        order = self._client.start()
        if order is None:
            await self.ready()
            return
        done = await self._done(order)
        if done.fault is not None:
            raise self._sentences.connection(done.fault, self._client.status().address)

    async def ready(self) -> None:
        """Wait until it is connected with topology and consumers standing."""
        while (state := self._client.status().state) != "ready":
            if state == "closed":
                raise self._sentences.closed()
            self._changed.clear()
            await self._changed.wait()

    async def declare(self, topology: Topology) -> None:
        """Declare now when connected, and again after every reconnection."""
        if self._client.status().state == "new":
            self._client.declare(topology)
            return
        done = await self._done(self._client.declare(topology))
        if done.refusals:
            first, *others = (
                self._sentences.refused(refusal.object, refusal.name, refusal.fault) for refusal in done.refusals
            )
            for other in others:
                _log.warning(str(other))
                first.add_note(str(other))
            raise first

    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        """Publish in this order; one answer per message, in this order."""
        refused = {place: why for place, message in enumerate(messages) if (why := unsendable(message)) is not None}
        if refused:
            good = [message for place, message in enumerate(messages) if place not in refused]
            answers = iter(await self.publish(good))
            return [
                Confirm(Outcome.REFUSED, refused[place]) if place in refused else next(answers)
                for place in range(len(messages))
            ]
        batch = self._client.publish(messages)
        if batch is None:
            await asyncio.sleep(0)  # whoever tries again at once must not keep the loop from hearing of a connection
            return [self._sentences.confirm(message, "lost") for message in messages]
        answer: asyncio.Future[list[Confirm]] = asyncio.get_running_loop().create_future()
        self._batches[batch] = (messages, answer)
        return await answer

    async def consume(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> LapinConsumption:
        """Call `on_delivery` in the loop for each message, at most `prefetch` unsettled ones at a time."""
        number = self._client.consume(queue, prefetch=prefetch, exclusive=exclusive)

        async def cancel(release: bool) -> None:
            if number in self._consumptions and self._closing is None:
                await self._done(self._client.cancel(number, release=release))
                if release:
                    self._consumptions.pop(number, None)

        consumption = LapinConsumption(
            queue, on_delivery, on_cancel, lambda: self._consumption_trouble(number, queue), cancel, self._losses
        )
        self._consumptions[number] = consumption
        if self._client.status().state != "new":
            await self._done(number)
        return consumption

    async def get(self, queue: str) -> Delivery | None:
        """Take one message, or None when the queue is empty."""
        done = await self._asked(queue, self._client.get)
        return delivery_of(queue, done.message) if done.message is not None else None

    async def inspect(self, queue: str) -> QueueCounts | None:
        """How full a queue is; None when there is none of that name."""
        done = await self._asked(queue, self._client.inspect)
        return QueueCounts(*done.counts) if done.counts is not None else None

    async def purge(self, queue: str) -> int:
        """Drop the ready messages of a queue; how many."""
        return (await self._asked(queue, self._client.purge)).purged

    async def delete_queue(self, queue: str) -> None:
        """Delete a queue with its messages and bindings, and forget its declaration."""
        await self._asked(queue, self._client.delete_queue)

    async def close(self, seconds: float = 2.0) -> None:
        """Wait up to `seconds` for confirms under way and acks to go out, then close. A second call does nothing."""
        if self._closing is not None:
            await asyncio.shield(self._closing)
            return
        self._closing = asyncio.get_running_loop().create_future()
        try:
            self._client.close(seconds)
            if self._loop is not None:
                await asyncio.wait_for(self._closed(), seconds + _SLACK)
        except TimeoutError:
            _log.warning("the connection to the broker did not close in time")
        finally:
            self._end()
            self._closing.set_result(None)

    # -- what comes from the core --------------------------------------------------------------------------------------

    def _listen(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._client.fileno(), self._drain)

    def _drain(self) -> None:
        losses = self._losses()
        for note in self._client.drain():
            match note:
                case AmqpDelivery():
                    if (consumption := self._consumptions.get(note.consumer)) is not None:
                        consumption.hand_out(note, losses)
                case AmqpConfirms():
                    self._confirmed(note)
                case AmqpDone():
                    answer = self._orders.pop(note.order, None)
                    if answer is not None and not answer.done():
                        answer.set_result(note)
                    elif note.message is not None:  # whoever asked for it was cancelled
                        delivery_of("", note.message).nack(requeue=True)
                case AmqpCancelled():
                    if (consumption := self._consumptions.get(note.consumer)) is not None:
                        consumption.tell_cancelled(self._sentences.cancelled(consumption.queue))
                case AmqpStatus():
                    self._changed.set()
                    self._show(note)

    def _confirmed(self, confirms: AmqpConfirms) -> None:
        messages, answer = self._batches.pop(confirms.batch)
        if answer.done():  # its caller was cancelled
            return
        answers = [_CONFIRMED] * len(messages)
        for place, outcome, code, text in confirms.failures:
            answers[place] = self._sentences.confirm(messages[place], outcome, code, text)
        answer.set_result(answers)

    def _losses(self) -> int:
        return self._client.status().failures

    def _show(self, status: AmqpStatus) -> None:
        self._troubles.tell(self, self._trouble(status), is_ready=status.state == "ready")

    async def _closed(self) -> None:
        while self._client.status().state != "closed":
            self._changed.clear()
            await self._changed.wait()

    def _end(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._client.fileno())
            self._drain()
        for order in self._orders.values():
            if not order.done():
                order.set_exception(self._sentences.closed())
        for messages, answer in self._batches.values():
            if not answer.done():
                answer.set_result([self._sentences.confirm(message, "lost") for message in messages])
        self._orders.clear()
        self._batches.clear()
        self._consumptions.clear()
        self._changed.set()

    # -- what is asked of it -------------------------------------------------------------------------------------------

    async def _done(self, order: int) -> AmqpDone:
        if self._closing is not None:
            raise self._sentences.closed()
        self._orders[order] = asyncio.get_running_loop().create_future()
        return await self._orders[order]

    async def _asked(self, queue: str, ask: Callable[[str], int]) -> AmqpDone:
        status = self._client.status()
        if status.state == "closed" or self._closing is not None:
            raise self._sentences.closed()
        if status.state == "new":
            raise self._sentences.absent()
        if status.blocked is not None:  # it would not be read, and the silence taken for a broker that hangs
            raise self._sentences.blocked(status.blocked)
        done = await self._done(ask(queue))
        if done.fault is not None:
            raise self._sentences.queue(queue, done.fault)
        return done

    def _trouble(self, status: AmqpStatus) -> str | None:
        if status.state in {"closed", "new"}:
            return None
        if status.fault is not None:
            return str(self._sentences.connection(status.fault, status.address))
        if status.refusals:
            refusal = status.refusals[0]
            return str(self._sentences.refused(refusal.object, refusal.name, refusal.fault))
        return None

    def _consumption_trouble(self, number: int, queue: str) -> str | None:
        status = self._client.status()
        if status.state == "closed":
            return str(self._sentences.closed())
        fault = self._client.consumption_fault(number)
        if fault is not None:
            return str(self._sentences.queue(queue, fault))
        return None if status.state == "ready" else str(self._sentences.absent())
