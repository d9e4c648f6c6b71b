"""One queue: its limits, its consumers, what waits and what is out."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final, Protocol

from vss_router.broker.embedded.consumer import EmbeddedConsumption
from vss_router.broker.embedded.dead_letter import DeathReason
from vss_router.broker.embedded.entry import Entry
from vss_router.broker.embedded.out_messages import OutMessages
from vss_router.broker.embedded.ready_messages import ReadyMessages
from vss_router.broker.message import Delivery, Message, Settlement
from vss_router.broker.topology import Limits, Queue

__all__ = ["EmbeddedQueue", "QueueHost"]

_MOST_EXPIRED_AT_ONCE: Final = 1_000
_SHORTEST_WAIT: Final = 0.001  # seconds; a clock that stands still must not make the loop spin


class QueueHost(Protocol):
    """What a queue needs of its broker."""

    def now(self) -> float:
        """Unix time."""

    def stored(self, queue: "EmbeddedQueue", message: Message, expires_at: float | None) -> Entry:
        """A new entry, the last so far; written to the journal when queue and message are to last."""

    def forget(self, entry: Entry) -> None:
        """It is done."""

    def bury(self, queue: "EmbeddedQueue", entry: Entry, reason: DeathReason) -> None:
        """It died: to the dead-letter exchange with it at the next `bury_dead`, if the queue has one."""

    def bury_dead(self) -> None:
        """Send on what died; called after a change is complete, for a dead letter can come back to this queue."""

    def delete(self, queue: "EmbeddedQueue", reason: str) -> None:
        """The queue ends itself."""

    def attach_waiting(self, queue: "EmbeddedQueue") -> None:
        """A consumer left: another one may wait for its place."""


class EmbeddedQueue:
    """A queue. While messages wait, no consumer has room: every change that could alter that is followed by `_run`.

    Only while more of them are over than are buried at once do consumers wait with them, a turn of the loop each time.
    """

    def __init__(self, number: int, declared: Queue, host: QueueHost) -> None:
        self.number = number
        self.declared = declared
        self._host = host
        self._limits: Limits = declared.limits
        self._ready = ReadyMessages(declared.max_priority)
        self._consumers: deque[EmbeddedConsumption] = deque()
        self._got = OutMessages(self)
        self._expiry_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._used_at = host.now()
        self._deleted = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.declared.name

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self._limits

    @property
    def messages(self) -> int:
        """How many are ready."""
        self._drop_expired()
        self._host.bury_dead()
        return len(self._ready)

    @property
    def consumers(self) -> int:
        """How many consume."""
        return len(self._consumers)

    # -- messages come -------------------------------------------------------------------------------------------------

    def put(self, message: Message) -> bool:
        """Take a message; False when it is full and rejects. What dies of it is not buried yet."""
        limits = self._limits
        if limits.max_length is not None and limits.overflow != "drop-head" and len(self._ready) >= limits.max_length:
            if limits.overflow == "reject-publish-dlx":
                self._host.bury(self, Entry(0, message, None, stored=False), "maxlen")
            return False
        entry = self._host.stored(self, message, self._expires_at(message))
        if not self._ready and (consumer := self._with_room()) is not None:
            consumer.assign(entry)
            return True
        self._ready.append(entry)
        # Either way there can be another head, and that one can be over.
        if self._drop_over_length() or entry.expires_at is not None:
            self._drop_expired()
        return True

    def _expires_at(self, message: Message) -> float | None:
        ttl, own = self._limits.ttl_ms, message.properties.expiration_ms
        if own is not None and (ttl is None or own < ttl):
            ttl = own
        return None if ttl is None else self._host.now() + ttl / 1000

    def recover(self, entries: Iterable[Entry]) -> None:
        """Take what the journal had; none of it is new, so any of it may have been seen."""
        for entry in entries:
            entry.redelivered = True
            self._ready.append(entry)

    def drop_surplus(self) -> None:
        """Bury what is too much or too old."""
        self._drop_surplus()
        self._host.bury_dead()

    def _drop_surplus(self) -> None:
        self._drop_over_length()
        self._drop_expired()

    def give_back(self, entries: list[Entry]) -> None:
        """Put entries back where they stood."""
        if self._deleted or not entries:
            return
        for entry in entries:
            if not entry.gone:  # else its publisher has been told that it is not here
                self._ready.give_back(entry)
        self._drop_surplus()
        self._run()
        self._host.bury_dead()

    # -- messages go ---------------------------------------------------------------------------------------------------

    def get(self) -> Delivery | None:
        """Take one, without a consumer."""
        self.touch()
        while not self._drop_expired():
            pass
        delivery = None
        if self._ready:
            entry = self._ready.pop()
            self._drop_expired()
            delivery = self._got.delivery(self._got.add(entry), entry, waiting=len(self._ready))
        self._host.bury_dead()
        return delivery

    def settled(self, entry: Entry, how: Settlement) -> None:
        """A consumer decided."""
        if how is Settlement.REQUEUE:
            entry.redelivered = True
            self.give_back([entry])
            return
        if how is Settlement.ACK:
            self._host.forget(entry)
        else:
            self._host.bury(self, entry, "rejected")
        self._run()
        self._host.bury_dead()

    def purge(self) -> int:
        """Drop what is ready; how many."""
        entries = self._ready.clear()
        for entry in entries:
            self._host.forget(entry)
        return len(entries)

    def take_back(self) -> None:
        """Forget entries that could not be kept."""
        self._ready.drop_gone()
        self._drop_expired()
        self._host.bury_dead()

    def _with_room(self) -> EmbeddedConsumption | None:
        """The next consumer in turn that may get one more."""
        consumers = self._consumers
        for _ in range(len(consumers)):
            consumer = consumers[0]
            consumers.rotate(-1)
            if consumer.has_room:
                return consumer
        return None

    def _run(self) -> None:
        while self._drop_expired() and self._ready and (consumer := self._with_room()) is not None:
            consumer.assign(self._ready.pop())

    def _drop_over_length(self) -> bool:
        most = self._limits.max_length
        if most is None or self._limits.overflow != "drop-head" or len(self._ready) <= most:
            return False
        while len(self._ready) > most:
            self._host.bury(self, self._ready.pop(), "maxlen")
        return True

    # -- time ----------------------------------------------------------------------------------------------------------

    def _drop_expired(self) -> bool:
        """Bury what is over, at the head only, as RabbitMQ does; wait for the next one's end.

        False when they are too many for one turn of the loop, so that the head is still one that must not be delivered.
        """
        head = self._ready.head()
        if head is None or head.expires_at is None:
            return True
        now = self._host.now()
        for _ in range(_MOST_EXPIRED_AT_ONCE):
            if head is None or head.expires_at is None or head.expires_at > now:
                break
            self._host.bury(self, self._ready.pop(), "expired")
            head = self._ready.head()
        if head is None or head.expires_at is None:
            return True
        self._wait_for(head.expires_at - now)
        return head.expires_at > now

    def _wait_for(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + max(seconds, _SHORTEST_WAIT)
        if self._expiry_timer is not None:
            if self._expiry_timer.when() <= due:
                return
            self._expiry_timer.cancel()
        self._expiry_timer = loop.call_at(due, self._on_expiry)

    def _on_expiry(self) -> None:
        self._expiry_timer = None
        self._run()
        self._host.bury_dead()

    def touch(self) -> None:
        """It was used: its own end, if it has one, is put off."""
        self._used_at = self._host.now()
        if self._limits.expires_ms is not None and self._idle_timer is None and not self._deleted:
            self._wait_idle(self._limits.expires_ms / 1000)

    def _wait_idle(self, seconds: float) -> None:
        self._idle_timer = asyncio.get_running_loop().call_later(max(seconds, _SHORTEST_WAIT), self._on_idle)

    def _on_idle(self) -> None:
        self._idle_timer = None
        if self._limits.expires_ms is None or self._consumers or self._deleted:
            return
        left = self._used_at + self._limits.expires_ms / 1000 - self._host.now()
        if left > 0:
            self._wait_idle(left)
        else:
            self._host.delete(self, f"the queue {self.name} expired: nobody used it")

    # -- consumers, limits, the end ------------------------------------------------------------------------------------

    def attach(self, consumer: EmbeddedConsumption) -> bool:
        """Let it consume; False when one of them wants to be the only one."""
        if self._consumers and (consumer.exclusive or self._consumers[0].exclusive):
            consumer.wait(f"the queue {self.name} has an exclusive consumer: close that one first")
            return False
        consumer.attach(self)
        self._consumers.append(consumer)
        self._run()
        self._host.bury_dead()
        return True

    def detach(self, consumer: EmbeddedConsumption) -> None:
        """It gets no more."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def after_consumer_left(self) -> None:
        """What follows: the queue's own end, or another consumer's turn."""
        if self._deleted:
            return
        if not self._consumers and self.declared.auto_delete:
            self._host.delete(self, f"the queue {self.name} is gone with its last consumer")
            return
        self.touch()
        self._host.attach_waiting(self)

    def change_limits(self, declared: Queue) -> None:
        """Put limits in force, as a policy does: at once for the length, from the next message on for the time."""
        self.declared = declared
        self._limits = declared.limits
        self.drop_surplus()
        self.touch()

    def end(self, reason: str) -> None:
        """It is deleted: its consumers are told, what is settled now comes too late."""
        self._deleted = True
        for timer in (self._expiry_timer, self._idle_timer):
            if timer is not None:
                timer.cancel()
        consumers = list(self._consumers)
        self._consumers.clear()
        self._got.forget()
        for consumer in consumers:
            consumer.deleted(reason)
