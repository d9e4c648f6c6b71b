"""Exchanges, queues and bindings by name, and what a message goes through."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from vss_router.broker.embedded.changes import Changes
from vss_router.broker.embedded.consumer import EmbeddedConsumption
from vss_router.broker.embedded.dead_letter import DeathReason, dead_lettered, goes_round
from vss_router.broker.embedded.declarations import other_exchange, other_queue, unbindable
from vss_router.broker.embedded.embedded_queue import EmbeddedQueue
from vss_router.broker.embedded.entry import Entry
from vss_router.broker.embedded.exchange import EmbeddedExchange
from vss_router.broker.embedded.store import (
    Recovered,
    all_forgotten,
    binding_write,
    exchange_forgotten,
    exchange_write,
    queue_forgotten,
    queue_write,
    record_of,
)
from vss_router.broker.journal import Write
from vss_router.broker.message import Confirm, Message, Outcome
from vss_router.broker.topology import Binding, Exchange, Limits, Queue, Topology
from vss_router.errors import TopologyError

__all__ = ["EmbeddedBroker"]

_LONGEST_KEY: Final = 255
_MOST_BURIED_AT_ONCE: Final = 10_000
_CONFIRMED: Final = Confirm(Outcome.CONFIRMED)


class EmbeddedBroker:
    """The broker itself; `changed` is called when `changes` has something that nobody waits for.

    Without `lasting` nothing is to be written.
    """

    def __init__(
        self, clock: Callable[[], float], *, message_bytes: int, lasting: bool, changed: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._lasting = lasting
        self._message_bytes = message_bytes
        self._changed = changed
        self.changes = Changes()
        self._exchanges: dict[str, EmbeddedExchange] = {}
        self._queues: dict[str, EmbeddedQueue] = {}
        self._numbered: dict[int, EmbeddedQueue] = {}
        self._queue_numbers = itertools.count(1)
        self._places = itertools.count(1)
        self._waiting: list[EmbeddedConsumption] = []
        self._dying: deque[tuple[EmbeddedQueue, Entry, DeathReason]] = deque()
        self._record: tuple[Message, bytes] | None = None

    def now(self) -> float:
        """Unix time."""
        return self._clock()

    @property
    def queues(self) -> Mapping[str, EmbeddedQueue]:
        """The queues by name."""
        return self._queues

    # -- publishing ----------------------------------------------------------------------------------------------------

    def publish(self, message: Message) -> Confirm:
        """Route a message into queues; what of it must be written stands in `changes` then."""
        if len(message.routing_key) * 4 > _LONGEST_KEY and len(message.routing_key.encode()) > _LONGEST_KEY:
            return Confirm(
                Outcome.REFUSED, f"the routing key of a message to {message.exchange!r} has more than 255 bytes"
            )
        if len(message.body) > self._message_bytes:
            return Confirm(
                Outcome.REFUSED,
                f"the message {message.routing_key} has {len(message.body)} bytes, more than {self._message_bytes}",
            )
        queues = self._route(message)
        if queues is None:
            return Confirm(Outcome.REFUSED, f"there is no exchange {message.exchange}: declare it first")
        if not queues:
            if not message.mandatory:
                return _CONFIRMED
            where = f"the exchange {message.exchange}" if message.exchange else "the default exchange"
            return Confirm(Outcome.RETURNED, f"no queue takes {message.routing_key} of {where}: bind one")
        # All its queues have it before any of them buries anything for it, as in RabbitMQ.
        full = [queue.name for queue in queues if not queue.put(message)]
        self._record = None
        self.bury_dead()
        if full:
            return Confirm(Outcome.NACKED, f"the queue {full[0]} is full and rejects: let it be consumed")
        return _CONFIRMED

    def takes(self, exchange: str, routing_key: str) -> bool:
        """Whether a message to this exchange with this key may go to a queue."""
        if not exchange:
            return routing_key in self.queues
        there = self._exchanges.get(exchange)
        return there is not None and there.takes(routing_key)

    def _route(self, message: Message) -> list[EmbeddedQueue] | None:
        if not message.exchange:
            queue = self._queues.get(message.routing_key)
            return [] if queue is None else [queue]
        exchange = self._exchanges.get(message.exchange)
        if exchange is None:
            return None
        return [self._numbered[number] for number in exchange.route(message)]

    def stored(self, queue: EmbeddedQueue, message: Message, expires_at: float | None) -> Entry:
        """A new entry, the last so far; written to the journal when queue and message are to last."""
        lasting = message.properties.persistent and self._lasts(queue.declared)
        entry = Entry(next(self._places), message, expires_at, stored=lasting)
        if lasting:
            if self._record is None or self._record[0] is not message:
                self._record = (message, record_of(message))
            self.changes.add(entry, queue.number, self._record[1])
        return entry

    def _lasts(self, queue: Queue) -> bool:
        return self._lasting and queue.durable and not queue.exclusive

    def forget(self, entry: Entry) -> None:
        """It is done."""
        if entry.stored:
            entry.stored = False
            self.changes.remove(entry.seq)
            self._changed()

    # -- dead letters --------------------------------------------------------------------------------------------------

    def bury(self, queue: EmbeddedQueue, entry: Entry, reason: DeathReason) -> None:
        """It died: to the dead-letter exchange with it at the next `bury_dead`, if the queue has one."""
        if queue.limits.dead_letter is None:
            self.forget(entry)
        else:
            self._dying.append((queue, entry, reason))

    def bury_dead(self) -> None:
        """Send on what died, one after the other: a dead letter can push the next one out of a full queue."""
        if not self._dying:
            return
        try:
            for _ in range(_MOST_BURIED_AT_ONCE):
                if not self._dying:
                    return
                queue, entry, reason = self._dying.popleft()
                self._bury_one(queue, entry, reason)
                # Both in one write: it is never in both queues nor in none.
                self.forget(entry)
        finally:
            self._changed()
        asyncio.get_running_loop().call_soon(self.bury_dead)

    def _bury_one(self, queue: EmbeddedQueue, entry: Entry, reason: DeathReason) -> None:
        to = queue.limits.dead_letter
        if to is None:
            return
        message = dead_lettered(entry.message, reason, queue.name, to, self.now())
        for target in self._route(message) or ():
            if not goes_round(message, reason, target.name):
                target.put(message)

    # -- topology ------------------------------------------------------------------------------------------------------

    def declare(self, topology: Topology) -> list[TopologyError]:
        """Declare all that can be; an error for each that cannot."""
        refused = [self._declare_exchange(exchange) for exchange in topology.exchanges]
        refused += [self._declare_queue(queue) for queue in topology.queues]
        refused += [self._declare_binding(binding) for binding in topology.bindings]
        return [error for error in refused if error is not None]

    def _declare_exchange(self, wanted: Exchange) -> TopologyError | None:
        there = self._exchanges.get(wanted.name)
        if there is None:
            self._exchanges[wanted.name] = EmbeddedExchange(wanted)
            if self._lasting and wanted.durable:
                self.changes.define(exchange_write(wanted))
            return None
        return other_exchange(there.declared, wanted)

    def _declare_queue(self, wanted: Queue) -> TopologyError | None:
        there = self._queues.get(wanted.name)
        if there is None:
            queue = self._new_queue(next(self._queue_numbers), wanted)
            if self._lasts(wanted):
                self.changes.define(queue_write(queue.number, wanted))
            queue.touch()
            self.attach_waiting(queue)
            return None
        if (error := other_queue(there.declared, wanted)) is not None:
            return error
        there.touch()
        if wanted.limits_by == "policy" and wanted.limits not in {Limits(), there.limits}:
            changed = replace(there.declared, limits=wanted.limits)
            there.change_limits(changed)
            if self._lasts(wanted):
                self.changes.define(queue_write(there.number, changed))
        return None

    def _declare_binding(self, wanted: Binding) -> TopologyError | None:
        exchange, queue = self._exchanges.get(wanted.exchange), self._queues.get(wanted.queue)
        if exchange is None or queue is None:
            return unbindable(wanted, f"exchange {wanted.exchange}" if exchange is None else f"queue {wanted.queue}")
        if len(wanted.routing_key.encode()) > _LONGEST_KEY:
            return unbindable(wanted, None)
        lasting = exchange.declared.durable and self._lasts(queue.declared)
        if exchange.bind(wanted, queue.number) and lasting:
            self.changes.define(binding_write(queue.number, wanted))
        return None

    def _new_queue(self, number: int, declared: Queue) -> EmbeddedQueue:
        queue = EmbeddedQueue(number, declared, self)
        self._queues[declared.name] = self._numbered[number] = queue
        return queue

    def delete(self, queue: EmbeddedQueue, reason: str) -> None:
        """Delete a queue with its messages and bindings."""
        del self._queues[queue.name], self._numbered[queue.number]
        for name, exchange in list(self._exchanges.items()):
            if exchange.forget_queue(queue.number) and exchange.declared.auto_delete and not exchange.bound:
                del self._exchanges[name]
                self._undefine(*exchange_forgotten(name))
        self._undefine(*queue_forgotten(queue.number))
        queue.end(reason)

    def _undefine(self, *writes: Write) -> None:
        if self._lasting:
            self.changes.define(*writes)
            self._changed()

    def definitions(self) -> list[Write]:
        """Exchanges, queues and bindings as they are to last, instead of what the journal has of them."""
        writes = all_forgotten()
        for exchange in self._exchanges.values():
            if exchange.declared.durable:
                writes.append(exchange_write(exchange.declared))
                lasting = [each for each in exchange.bindings if self._lasts(self._numbered[each[0]].declared)]
                writes += [binding_write(number, binding) for number, binding in lasting]
        queues = [queue for queue in self._queues.values() if self._lasts(queue.declared)]
        return writes + [queue_write(queue.number, queue.declared) for queue in queues]

    # -- consumers -----------------------------------------------------------------------------------------------------

    def consume(self, consumer: EmbeddedConsumption) -> None:
        """Let it consume now, or as soon as it can."""
        self._waiting.append(consumer)
        queue = self._queues.get(consumer.queue)
        if queue is None:
            consumer.wait(f"there is no queue {consumer.queue}: declare it")
        else:
            self.attach_waiting(queue)

    def attach_waiting(self, queue: EmbeddedQueue) -> None:
        """Let those consume that wait for this queue."""
        for consumer in [one for one in self._waiting if one.queue == queue.name and one.home is not queue]:
            queue.attach(consumer)

    def give_up(self, consumer: EmbeddedConsumption) -> None:
        """It is cancelled."""
        if consumer in self._waiting:
            self._waiting.remove(consumer)

    async def close(self) -> None:
        """End all consumers and timers; what is out stays in its queue's journal."""
        for consumer in list(self._waiting):
            await consumer.close()
        for queue in self._queues.values():
            queue.end("the embedded broker is closed")

    def take_back(self) -> None:
        """Forget the entries that are gone."""
        for queue in self._queues.values():
            queue.take_back()

    # -- what was there ------------------------------------------------------------------------------------------------

    def recover(self, recovered: Recovered) -> None:
        """Begin with what the journal had."""
        for declaration in recovered.exchanges:
            self._exchanges[declaration.name] = EmbeddedExchange(declaration)
        for number, declared in recovered.queues.items():
            self._new_queue(number, declared)
        self._queue_numbers = itertools.count(max(recovered.queues, default=0) + 1)
        for binding in recovered.bindings:
            exchange, queue = self._exchanges.get(binding.exchange), self._queues.get(binding.queue)
            if exchange is not None and queue is not None:
                exchange.bind(binding, queue.number)
        waiting: dict[int, list[Entry]] = {number: [] for number in recovered.queues}
        for stored in recovered.entries:
            entry = Entry(stored.seq, stored.message, stored.expires_at, stored=True)
            if stored.queue in waiting:
                waiting[stored.queue].append(entry)
            else:  # its queue was deleted while it was on its way to the disk
                self.forget(entry)
        self._places = itertools.count(recovered.last_seq + 1)
        for number, entries in waiting.items():
            queue = self._numbered[number]
            queue.recover(entries)
            queue.touch()
        for queue in list(self._queues.values()):
            queue.drop_surplus()
            self.attach_waiting(queue)
