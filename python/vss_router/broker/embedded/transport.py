"""The embedded broker as a `Transport`."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

from vss_router.broker.embedded.broker import EmbeddedBroker
from vss_router.broker.embedded.consumer import EmbeddedConsumption
from vss_router.broker.embedded.embedded_queue import EmbeddedQueue
from vss_router.broker.embedded.journal_writing import JournalWriting
from vss_router.broker.embedded.store import SCHEMA, recovered
from vss_router.broker.journal import JournalFile, JournalStats
from vss_router.broker.message import Confirm, Delivery, Message, Outcome
from vss_router.broker.topology import Topology
from vss_router.broker.transport import QueueCounts, TransportStatus
from vss_router.errors import BrokerRefusedError, BrokerUnavailableError, JournalError, TopologyError

__all__ = ["EmbeddedTransport"]

_LOG: Final = logging.getLogger(__name__)
_MESSAGE_BYTES: Final = 134_217_728
"""RabbitMQ's own limit."""


class EmbeddedTransport:
    """A `Transport` that is its own broker.

    With `path` persistent messages in durable queues, those queues, and durable exchanges are kept in a journal there:
    a publish is confirmed after its commit. Acks are written a moment later, so what was settled in the last
    milliseconds before a kill -9 comes again. Without `path` all is gone with the process. `clock` gives Unix time.

    It has no connection to lose: after an error of `connect`, call `connect` again.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random.random,
        message_bytes: int = _MESSAGE_BYTES,
        disk_bytes: int | None = None,
    ) -> None:
        self._path = path
        self._disk_bytes = disk_bytes
        self._state: Literal["new", "connecting", "ready", "closed"] = "new"
        self._trouble: str | None = None
        self._ready = asyncio.Event()
        self._declared: list[Topology] = []
        self._broker = EmbeddedBroker(
            clock, message_bytes=message_bytes, lasting=path is not None, changed=self._on_changed
        )
        self._random = random
        self._journal: JournalFile | None = None
        self._writing: JournalWriting | None = None

    @property
    def status(self) -> TransportStatus:
        """How it stands now."""
        written = self._writing.trouble if self._writing is not None else None
        return TransportStatus(
            state=self._state,
            trouble=self._trouble or written,
            connects=int(self._ready.is_set()),
            blocked=written,
        )

    @property
    def journal(self) -> JournalStats | None:
        """How the journal is doing; None without one."""
        return self._journal.stats if self._journal is not None else None

    async def connect(self) -> None:
        """Open the journal and begin with what it has.

        Raises
        ------
        BrokerRefusedError
            The journal cannot be opened; the sentence says why.
        BrokerUnavailableError
            The transport is closed.
        """
        if self._state in {"ready", "connecting"}:
            return
        self._refuse_closed()
        self._state = "connecting"
        try:
            if self._path is not None and self._journal is None:
                await self._open(self._path)
            self._trouble = None
            while self._declared:
                await self._declare_late(self._declared.pop(0))
            self._refuse_closed()
            # Whoever waits publishes at once, and then the queues must stand.
            self._state = "ready"
            self._ready.set()
        finally:
            if self._state == "connecting":
                self._state = "new"

    async def _declare_late(self, topology: Topology) -> None:
        try:
            await self._declare_now(topology)
        except TopologyError as error:
            self._trouble = str(error)
            _LOG.warning("%s", error)

    async def _open(self, path: Path) -> None:
        journal = JournalFile(path, SCHEMA, disk_bytes=self._disk_bytes)
        try:
            await journal.start()
            found = await recovered(journal)
        except JournalError as error:
            self._trouble = str(error)
            await journal.stop()
            raise BrokerRefusedError(f"the embedded broker cannot begin: {error}") from error
        except BaseException:
            await journal.stop()
            raise
        if self._state == "closed":
            await journal.stop()
            self._refuse_closed()
        self._journal, self._writing = journal, JournalWriting(journal, self._broker, self._random)
        self._broker.recover(found)

    async def ready(self) -> None:
        """Wait until it is open."""
        await self._ready.wait()
        self._refuse_closed()

    async def declare(self, topology: Topology) -> None:
        """Declare now, or when it opens; calls add up.

        Raises
        ------
        TopologyError
            Something exists with other properties, or cannot be bound; everything else was declared all the same.
        """
        if self._state != "ready":
            self._refuse_closed()
            self._declared.append(topology)
            return
        await self._declare_now(topology)

    async def _declare_now(self, topology: Topology) -> None:
        refused = self._broker.declare(topology)
        if self._writing is not None:
            try:
                await self._writing.write_now()
            except JournalError as error:
                raise TopologyError(f"what was declared cannot be kept over a restart: {error}") from error
        if len(refused) == 1:
            raise refused[0]
        if refused:
            raise TopologyError(f"{len(refused)} objects cannot be declared: {'; '.join(map(str, refused))}")

    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        """Publish in this order; one answer per message. Those that must last are answered after their commit."""
        if self._state != "ready":
            return [Confirm(Outcome.LOST, f"the embedded broker is {self._state}: connect it")] * len(messages)
        confirms = [self._broker.publish(message) for message in messages]
        if self._writing is None or not self._broker.changes.added:
            await asyncio.sleep(0)  # whoever publishes in a loop lets the others run
            return confirms
        failed = await self._writing.write_published(messages)
        if failed is None:
            return confirms
        sentence, given_up = failed
        return [
            Confirm(Outcome.NACKED, sentence) if id(message) in given_up else confirm
            for message, confirm in zip(messages, confirms, strict=True)
        ]

    def takes(self, exchange: str, routing_key: str) -> bool:
        """Whether a queue is bound that takes such messages; others vanish, unless they are mandatory."""
        return self._broker.takes(exchange, routing_key)

    async def consume(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> EmbeddedConsumption:
        """Call `on_delivery` in the loop for each message, at most `prefetch` unsettled ones at a time.

        While there is no such queue, or another consumer has it for itself, the consumption waits.
        """
        self._refuse_closed()
        consumption = EmbeddedConsumption(
            queue,
            on_delivery,
            prefetch=prefetch,
            exclusive=exclusive,
            on_cancel=on_cancel,
            give_up=self._broker.give_up,
        )
        self._broker.consume(consumption)
        return consumption

    async def get(self, queue: str) -> Delivery | None:
        """Take one message, or None when the queue is empty; raises as `Transport.get`."""
        return self._queue(queue).get()

    async def inspect(self, queue: str) -> QueueCounts | None:
        """How full a queue is; None when there is none of that name."""
        self._refuse_unready()
        there = self._broker.queues.get(queue)
        if there is None:
            return None
        there.touch()
        return QueueCounts(there.messages, there.consumers)

    async def purge(self, queue: str) -> int:
        """Drop the ready messages of a queue; how many. They do not come back with a restart."""
        purged = self._queue(queue).purge()
        await self._write_now()
        return purged

    async def delete_queue(self, queue: str) -> None:
        """Delete a queue with its messages and bindings; one that is not there is no error."""
        self._refuse_unready()
        there = self._broker.queues.get(queue)
        if there is not None:
            self._broker.delete(there, f"the queue {queue} was deleted")
            await self._write_now()

    async def close(self, seconds: float = 2.0) -> None:
        """Requeue what is out, write what waits for up to `seconds`, end. A second call does nothing."""
        if self._state == "closed":
            return
        self._state = "closed"
        self._ready.set()
        await self._broker.close()
        if self._writing is not None and self._journal is not None:
            await self._writing.stop(seconds)
            await self._journal.stop(seconds)

    async def _write_now(self) -> None:
        """What the journal cannot take now it is given again later; the status says so meanwhile."""
        if self._writing is not None:
            with contextlib.suppress(JournalError):
                await self._writing.write_now()

    def _on_changed(self) -> None:
        if self._writing is not None:
            self._writing.write_soon()

    def _queue(self, name: str) -> EmbeddedQueue:
        self._refuse_unready()
        queue = self._broker.queues.get(name)
        if queue is None:
            raise TopologyError(f"there is no queue {name}: declare it")
        return queue

    def _refuse_unready(self) -> None:
        self._refuse_closed()
        if self._state != "ready":
            raise BrokerUnavailableError("the embedded broker is not open yet: connect it first")

    def _refuse_closed(self) -> None:
        if self._state == "closed":
            raise BrokerUnavailableError("the embedded broker is closed: make a new one")
