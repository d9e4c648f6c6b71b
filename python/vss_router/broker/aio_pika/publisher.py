"""Publishing with confirms on one connection, as `amqp/publisher.rs` of the core does it.

What the broker can never take closes the channel, and every message under way with it; which one it was nobody says. So
they are published again, in order and one at a time, until the channel closes on the culprit. An exchange is looked for
before the first message to it.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from itertools import takewhile
from typing import Final, final

import msgspec
from aiormq.abc import AbstractChannel, DeliveredMessage

from vss_router.broker.aio_pika.channels import ConfirmingChannel
from vss_router.broker.aio_pika.faults import ABSENT, Fault, FaultError, fault_of
from vss_router.broker.aio_pika.names import wire_name
from vss_router.broker.aio_pika.session import Session
from vss_router.broker.amqp_sentences import AmqpSentences
from vss_router.broker.message import Confirm, Message, Outcome

__all__ = ["Caution", "Publisher"]

_CONFIRMED: Final = Confirm(Outcome.CONFIRMED)
_CLOSED_WITHOUT_A_WORD: Final = 3
"""A channel that closes so often without the broker's saying why makes the connection useless."""


class Caution(msgspec.Struct):
    """So many messages go one at a time; it outlives connections."""

    messages: int = 0


class _Batch(msgspec.Struct, eq=False):
    answer: "asyncio.Future[list[Confirm]]"
    confirms: list[Confirm]
    missing: int


class _Entry(msgspec.Struct, eq=False):
    batch: _Batch
    place: int
    message: Message
    returned: bool = False


@final
class Publisher:
    """What publishes on one connection; `run` until it is finished or fails, then `drop`."""

    def __init__(self, session: Session, sentences: AmqpSentences, outstanding: int, caution: Caution) -> None:
        self._session = session
        self._sentences = sentences
        self._most = outstanding
        self._caution = caution
        self._waiting: deque[_Entry] = deque()
        self._flight: OrderedDict[int, _Entry] = OrderedDict()
        self._channel: ConfirmingChannel | None = None
        self._sent = 0
        self._known: set[str] = set()
        self._looking: AbstractChannel | None = None
        self._wordless = 0
        self._wake = asyncio.Event()
        self._is_finishing = False
        self._is_dropped = False
        self._done = asyncio.Event()

    def publish(self, messages: Sequence[Message]) -> "asyncio.Future[list[Confirm]]":
        """Take messages; their answers come in their order."""
        answer: asyncio.Future[list[Confirm]] = asyncio.get_running_loop().create_future()
        batch = _Batch(answer, [_CONFIRMED] * len(messages), len(messages))
        entries = (_Entry(batch, place, message) for place, message in enumerate(messages))
        self._waiting.extend(entries)
        if self._is_dropped:
            self.drop()
        self._wake.set()
        return answer

    async def run(self) -> None:
        """Publish. Raises FaultError when the connection is of no use any more."""
        self._open(await self._session.confirming_channel(self))
        while not (self._is_finishing and not self._waiting and not self._flight):
            self._wake.clear()
            if self._channel is None or self._channel.is_closed:
                await self._mend()
            elif self._waiting and not self._channel.is_ending and len(self._flight) < self._room():
                await self._send_next(self._channel)
            else:
                await self._wake.wait()
        self._done.set()

    async def finished(self) -> None:
        """Wait until everything is answered for; `finish` was called."""
        await self._done.wait()

    def finish(self) -> None:
        """Nothing more comes: `run` returns when everything is answered for."""
        self._is_finishing = True
        self._wake.set()

    def drop(self) -> None:
        """Whatever is not answered for is lost."""
        self._is_dropped = True
        self._done.set()
        for entry in (*self._flight.values(), *self._waiting):
            self._answer(entry, self._sentences.confirm(entry.message, "lost"))
        self._flight.clear()
        self._waiting.clear()

    # -- what the channel tells ----------------------------------------------------------------------------------------

    def confirmed(self, tag: int, *, multiple: bool, taken: bool) -> None:
        """An ack or a nack."""
        tags = list(takewhile(lambda known: known <= tag, self._flight)) if multiple else [tag]
        for known in tags:
            entry = self._flight.pop(known, None)
            if entry is None:
                continue
            self._wordless = 0
            self._caution.messages = max(0, self._caution.messages - 1)
            if entry.returned:
                self._answer(entry, self._sentences.confirm(entry.message, "returned"))
            else:
                self._answer(entry, _CONFIRMED if taken else self._sentences.confirm(entry.message, "nacked"))
        self._wake.set()

    def returned(self, message: DeliveredMessage) -> None:
        """A message came back; the first one like it is the one, for they come back in the order of publishing."""
        message_id = message.header.properties.message_id or None
        for entry in self._flight.values():
            sent = entry.message
            if (
                sent.mandatory
                and not entry.returned
                and (sent.routing_key, sent.exchange, sent.body)
                == (message.routing_key, message.exchange, message.body)
                and sent.properties.message_id == message_id
            ):
                entry.returned = True
                return

    # -- sending -------------------------------------------------------------------------------------------------------

    def _open(self, channel: ConfirmingChannel) -> None:
        self._channel = channel
        self._sent = 0
        channel.closing.add_done_callback(lambda _: self._wake.set())

    async def _send_next(self, channel: ConfirmingChannel) -> None:
        entry = self._waiting[0]
        if not await self._is_known(entry):
            return
        self._waiting.popleft()
        try:
            frame = channel.framed(entry.message)
        except Exception as error:  # noqa: BLE001 - pamqp raises this and that; it would do the same again
            self._refuse(entry, Fault("answered", text=f"aio-pika cannot send it: {error}"))
            return
        self._sent += 1
        self._flight[self._sent] = entry
        # What the broker closed the channel before is not under suspicion.
        if not await channel.send(frame) and self._flight.pop(self._sent, None) is not None:
            self._waiting.appendleft(entry)

    def _room(self) -> int:
        return 1 if self._caution.messages else self._most

    async def _is_known(self, entry: _Entry) -> bool:
        exchange = entry.message.exchange
        if not exchange or exchange in self._known:
            return True
        if self._looking is None or self._looking.is_closed:
            self._looking = await self._session.channel()
        try:
            await self._session.answer(self._looking.exchange_declare(wire_name(exchange), passive=True))
        except FaultError as error:
            if not error.fault.is_final or not self._session.is_alive:
                raise
            self._waiting.popleft()
            self._refuse(entry, error.fault)
            return False
        self._known.add(exchange)
        return True

    async def _mend(self) -> None:
        """The channel is closed: open another one and begin anew with what was under way."""
        closing = self._channel.closing if self._channel is not None else None
        error = closing.exception() if closing is not None and closing.done() and not closing.cancelled() else None
        cause = fault_of(error)
        under_way = list(self._flight.values())
        self._flight.clear()
        self._known.clear()
        if cause.is_final and len(under_way) == 1:
            self._refuse(under_way.pop(), cause)
            self._caution.messages = max(0, self._caution.messages - 1)
        elif cause.is_final:
            self._caution.messages = max(self._caution.messages, len(under_way))
        else:
            self._wordless += 1
        for entry in under_way:
            entry.returned = False
        self._waiting.extendleft(reversed(under_way))
        if not self._session.is_alive or self._wordless > _CLOSED_WITHOUT_A_WORD:
            raise FaultError(cause if cause.kind == "answered" else ABSENT)
        self._open(await self._session.confirming_channel(self))

    def _refuse(self, entry: _Entry, fault: Fault) -> None:
        self._answer(entry, self._sentences.confirm(entry.message, "refused", fault.code, fault.text))

    @staticmethod
    def _answer(entry: _Entry, confirm: Confirm) -> None:
        batch = entry.batch
        batch.confirms[entry.place] = confirm
        batch.missing -= 1
        if batch.missing == 0 and not batch.answer.done():
            batch.answer.set_result(batch.confirms)
