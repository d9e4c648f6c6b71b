"""Everything that is published goes through here: one order, in memory or on disk until the broker confirms it."""

import asyncio
import contextlib
import logging
import random as random_module
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, final

import msgspec

from vss_router.ami.backoff import Backoff
from vss_router.broker.message import Confirm, Message
from vss_router.broker.outbox.backlog import Backlog
from vss_router.broker.outbox.entry import Entry, lane_of, pack, sequence_of
from vss_router.broker.outbox.marks import Mark, Marks
from vss_router.broker.outbox.sender import Sender
from vss_router.broker.outbox.settling import Settling
from vss_router.broker.outbox.spool import DeadMessage
from vss_router.broker.outbox.stats import OutboxStats
from vss_router.broker.outbox.troubles import Trouble, Troubles
from vss_router.broker.outbox.window import Window
from vss_router.broker.transport import Transport
from vss_router.errors import BrokerError, BrokerUnavailableError, OutboxFullError

__all__ = ["LINGER_SECONDS", "Outbox"]

LINGER_SECONDS: Final = 0.02
"""How long a message waits for its confirm in memory before it goes to disk."""
_SPARE_MESSAGES: Final = 1_000
"""Urgent ones are taken beyond the bounds: they tell that those are reached."""

_log = logging.getLogger(__name__)


@final
class Outbox:
    """Publishes by `transport`, at least once, in the order of the calls.

    ```
      publish, offer ──▶ window ──▶ transport ──▶ confirmed: gone
                           │ 20 ms unconfirmed      │ lost: first again, before anything newer
                           ▼                        │ nacked: its lane waits, one message probes
                         outbox.db ◀────────────────┘
                           └─ read back in order when the window has room, also after a crash
    ```

    Parameters
    ----------
    path
        The file; None keeps messages in memory only.
    memory_messages, memory_bytes
        How much stands in memory; with a file, more than that stands on disk alone.
    disk_bytes
        How much may wait on disk. Then the oldest telemetry goes; then `publish` waits and `offer` drops.
    message_bytes
        A bigger message is refused; RabbitMQ's own limit is 16 MiB from version 4 on.
    outstanding, batch
        Messages sent and not answered yet; messages in one call to the transport.
    room_seconds
        How long `publish` waits for room.
    on_trouble
        Hears of what is lost, refused or full, the first time and each tenfold.
    clock, random
        Unix time in seconds, numbers in [0, 1).
    """

    def __init__(
        self,
        transport: Transport,
        *,
        path: Path | None,
        memory_messages: int = 10_000,
        memory_bytes: int = 64 * 1024 * 1024,
        disk_bytes: int = 1024 * 1024 * 1024,
        message_bytes: int = 16 * 1024 * 1024,
        outstanding: int = 2_048,
        batch: int = 256,
        room_seconds: float = 5.0,
        on_trouble: Callable[[Trouble], None] | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.on_trouble = on_trouble
        self._memory_messages = memory_messages
        self._memory_bytes = memory_bytes
        self._message_bytes = message_bytes
        self._room_seconds = room_seconds
        self._clock = clock
        self._stats = OutboxStats()
        self._troubles = Troubles(lambda trouble: self.on_trouble and self.on_trouble(trouble), clock)
        self._marks = Marks()
        self._window = Window(lambda: Backoff(0.5, 30.0, random))
        self._settling = Settling(self._window, self._marks, self._stats, self._troubles, now=_loop_time)
        self._sender = Sender(
            transport,
            self._window,
            answered=self._answered,
            republished=self._republished,
            outstanding=outstanding,
            batch=batch,
            backoff=Backoff(0.02, 2.0, random),
        )
        self._backlog: Backlog | None = None
        if path is not None:
            self._backlog = Backlog(
                path,
                self._window,
                self._marks,
                self._settling,
                self._stats,
                self._troubles,
                memory_messages=memory_messages,
                memory_bytes=memory_bytes,
                disk_bytes=disk_bytes,
                changed=self._changed,
                clock=clock,
                random=random,
            )
        self._next_position = 1
        self._change = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._running = False

    # -- its life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the file and begin to send what stands in it. The transport is started by whoever owns it.

        Raises
        ------
        JournalError
            The file cannot be used.
        """
        if self._backlog is not None:
            self._next_position = await self._backlog.open()
            for name, run in self._backlog.runs():
                self._spawn(name, run)
        self._spawn("outbox sender", self._sender.run())
        self._running = True

    def _spawn(self, name: str, run: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(run, name=name)
        task.add_done_callback(_report)
        self._tasks.append(task)

    async def stop(self, seconds: float = 2.0) -> None:
        """Take nothing more, wait up to `seconds` for confirms, put what is left on disk. A second call does nothing.

        Whoever still waits for a message that no disk keeps gets `BrokerUnavailableError`.
        """
        if not self._running:
            return
        self._running = False
        if self._sender.connected:
            await self._drained(seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._backlog is not None:
            await self._backlog.close(seconds)
        self._change.set()
        unlisted = self._backlog.unlisted() if self._backlog is not None else []
        for entry in (*self._window.waiting(), *unlisted):
            entry.fail(BrokerUnavailableError("the outbox was stopped before the broker confirmed: publish it again"))

    async def _drained(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while self._window.messages or (self._backlog is not None and self._backlog.spooling):
                    self._change.clear()
                    await self._change.wait()
        except TimeoutError:
            _log.warning("the outbox stops before all is confirmed", extra={"waiting": self.stats.waiting_messages})

    # -- what it knows -------------------------------------------------------------------------------------------------

    @property
    def stats(self) -> OutboxStats:
        """Counters, and how it stands now."""
        window, backlog = self._window, self._backlog
        settled = self._stats.confirmed + self._stats.returned + self._stats.refused + self._stats.full_queue
        return msgspec.structs.replace(
            self._stats,
            waiting_messages=self._stats.accepted + self._stats.inherited - settled - self._stats.telemetry_dropped,
            memory_messages=window.messages,
            disk_messages=backlog.messages if backlog is not None else 0,
            disk_bytes=backlog.bytes if backlog is not None else 0,
            dead_messages=backlog.dead_messages if backlog is not None else 0,
            under_way=window.under_way,
            held_messages=window.held,
        )

    def marks(self) -> Mapping[str, Mark]:
        """How far each PBX's events were safe when the last process ended, after `start`; empty without a file.

        What is behind a mark and was not published since may be lost: a `sync.gap` must reach from `Mark.seq` on.
        """
        return self._backlog.inherited if self._backlog is not None else {}

    async def dead(self, most: int = 100) -> list[DeadMessage]:
        """Messages the broker would not take, newest first.

        Raises
        ------
        JournalError
            The file cannot be read.
        """
        return await self._backlog.dead(most) if self._backlog is not None else []

    async def revive(self, dead: Sequence[DeadMessage]) -> int:
        """Publish dead messages again, with their old ids and as they are; how many the broker took or the disk has.

        Raises
        ------
        JournalError
            The file cannot be written.
        """
        outcomes = await self.publish_many([each.message for each in dead])
        revived = [each.position for each, error in zip(dead, outcomes, strict=True) if error is None]
        if self._backlog is not None and revived:
            await self._backlog.dig_up(revived)
        return len(revived)

    # -- what is given to it -------------------------------------------------------------------------------------------

    async def publish(self, message: Message, *, refusable: bool = False) -> None:
        """Publish one message; returns when the broker confirmed it or it is on disk, whichever is first.

        From then on it is published at least once, whatever happens. Without a file only the confirm counts, for which
        the caller waits as long as the broker is away. With `refusable`, which commands are, a queue that is full is
        told to the caller while that one waits, instead of being tried again: whoever sends a lead can slow down or
        come back later, and would otherwise fill the disk with what the queue's limit is there to keep out. A caller
        that is cancelled may have published.

        Raises
        ------
        UnroutableError
            It is mandatory and no queue is bound for it.
        OutboxFullError
            There was no room within `room_seconds`; or the message is refusable and its queue is full.
        MessageError
            It is too big, a header cannot be written, or the broker will never take it.
        """
        await (await self._enter(message, refusable=refusable))

    async def publish_many(self, messages: Sequence[Message], *, refusable: bool = False) -> list[BrokerError | None]:
        """Publish in this order, together; for each None, or the error that `publish` would raise."""
        entered: list[asyncio.Future[None] | BrokerError] = []
        for message in messages:
            try:
                entered.append(await self._enter(message, refusable=refusable))
            except BrokerError as error:
                entered.append(error)
        if waiting := [waiter for waiter in entered if isinstance(waiter, asyncio.Future)]:
            await asyncio.wait(waiting)
        return [_error_of(outcome) for outcome in entered]

    def offer(self, messages: Sequence[Message], *, urgent: bool = False) -> int:
        """Take messages without waiting; how many from the start were taken.

        The rest is dropped and counted: no room, or a message that cannot be sent. `urgent` ones find room beyond the
        bounds. Those with headers `x-source` and `x-seq` move that PBX's mark when they are safe.
        """
        now, due = self._clock(), _loop_time() + LINGER_SECONDS
        for taken, message in enumerate(messages):
            try:
                packed, size = pack(message, self._message_bytes)
                self._check_room(size, spare=_SPARE_MESSAGES if urgent else 0)
            except BrokerError as error:
                self._stats.dropped += len(messages) - taken
                self._sender.wake()
                self._troubles.happened("dropped", str(error), len(messages) - taken)
                return taken
            self._accept(message, packed, size, due=due, offered_at=now)
        self._sender.wake()
        return len(messages)

    async def _enter(self, message: Message, *, refusable: bool) -> asyncio.Future[None]:
        packed, size = pack(message, self._message_bytes)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._room_seconds
        while True:
            if refusable and self._window.rests(lane_of(message)):
                raise OutboxFullError(
                    f"a queue that {message.routing_key!r} goes to is full: wait until its consumers have taken some"
                )
            try:
                self._check_room(size)
                break
            except OutboxFullError:
                left = deadline - loop.time()
                if not self._running or left <= 0:
                    raise
            self._change.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._change.wait(), left)
        waiter: asyncio.Future[None] = loop.create_future()
        waiter.add_done_callback(_retrieve)
        # Who waits is not kept waiting for a broker that is known to be away.
        due = loop.time() + LINGER_SECONDS if self._sender.connected else 0.0
        self._accept(message, packed, size, due=due, waiter=waiter, refusable=refusable)
        self._sender.wake()
        return waiter

    def _check_room(self, size: int, *, spare: int = 0) -> None:
        if not self._running:
            raise OutboxFullError("nothing can be published while the outbox is not running: start the router")
        refusal: str | None = None
        if self._backlog is not None:
            refusal = self._backlog.refusal(size, spare=spare)
        elif self._window.messages >= self._memory_messages + spare or (
            self._window.bytes + size > self._memory_bytes and not spare
        ):
            refusal = f"{self._window.messages} messages wait in memory: see why the broker does not take them"
        if refusal is not None:
            raise OutboxFullError(f"no more can be published, {refusal}")

    def _accept(
        self,
        message: Message,
        packed: bytes,
        size: int,
        *,
        due: float,
        offered_at: float = 0.0,
        waiter: asyncio.Future[None] | None = None,
        refusable: bool = False,
    ) -> None:
        sequence = sequence_of(message)
        entry = Entry(
            position=self._next_position,
            message=message,
            packed=packed,
            lane=sequence[0] if sequence is not None else lane_of(message),
            size=size,
            due=due,
            waiter=waiter,
            refusable=refusable,
        )
        if sequence is not None and waiter is None:
            entry.source, entry.seq = sequence
            entry.offered_at = offered_at
            self._marks.watch(entry)
        self._next_position += 1
        self._stats.accepted += 1
        if self._backlog is None:
            self._window.add(entry)
        else:
            self._backlog.add(entry, at_once=not due)

    # -- what becomes of it --------------------------------------------------------------------------------------------

    def _answered(self, entries: list[Entry], confirms: list[Confirm]) -> None:
        self._settling.answered(entries, confirms)
        if self._backlog is None:
            self._settling.forget()
        else:
            self._backlog.settled()
        self._change.set()

    def _republished(self, times: int) -> None:
        self._stats.republished += times

    def _changed(self) -> None:
        self._sender.wake()
        self._change.set()


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _retrieve(waiter: "asyncio.Future[None]") -> None:
    """Whoever waited may be gone; its error was told nobody then, which is no mistake of the program."""
    if not waiter.cancelled():
        waiter.exception()


def _error_of(outcome: "asyncio.Future[None] | BrokerError") -> BrokerError | None:
    if isinstance(outcome, BrokerError):
        return outcome
    error = outcome.exception()
    if error is not None and not isinstance(error, BrokerError):
        raise error
    return error


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("%s ended, which it must not", task.get_name(), exc_info=error)
