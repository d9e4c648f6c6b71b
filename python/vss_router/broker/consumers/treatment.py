"""What becomes of one delivery: handled, tried again, given up or put back, never dropped.

```
 delivery ─▶ decoded? ─ no ──────────────────────────────────────────────▶ parked
                │ yes
                ├─ expires_at is past ────────────────────────────────────▶ dead letter
                ├─ inbox: done before ─▶ ack      busy ─▶ lane, no attempt
                ▼
             handler ─ returned ─▶ inbox: done ─▶ ack
                ├─ Retry.later ─▶ lane, no attempt
                ├─ failed, hung, stuck ─▶ attempts left? lane : dead letter
                └─ drained ─▶ requeued
 dead letter: where the queue's dead letters go, else parked
 a copy that the broker did not take ─▶ pause, longer each time ─▶ requeued
 a connection that is gone ─▶ no copy: the broker delivers it again
```
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, Literal, TypeAlias, final

import msgspec

from vss_router.ami.backoff import Backoff
from vss_router.broker.consumers.copies import Copies
from vss_router.broker.consumers.deadline import deadline_of, iso, kept_deadline
from vss_router.broker.consumers.handler_run import Ended, HandlerRun
from vss_router.broker.consumers.inbox import Claimed, Inbox
from vss_router.broker.consumers.inbox_entry import InboxEntry
from vss_router.broker.consumers.registration import Registration, Takes
from vss_router.broker.consumers.retry import lanes_later
from vss_router.broker.consumers.sending import Sending
from vss_router.broker.consumers.stats import ConsumerStats, worth_a_line
from vss_router.broker.consumers.trail import Trail, error_text
from vss_router.broker.message import Confirm, Delivery, Outcome
from vss_router.broker.topology import Queue
from vss_router.broker.tracing import handling
from vss_router.errors import MessageDecodeError
from vss_router.events import Command, Event, decode

__all__ = ["Treatment"]

BUSY_SECONDS: Final = 5.0
"""How much later a message comes again that somebody else is at, or that the inbox could not be asked about."""
PAUSE_FIRST_SECONDS: Final = 0.5
PAUSE_MOST_SECONDS: Final = 30.0
_SECONDS_OF_A_DATE: Final = range(253_402_300_800)
"""Unix seconds that are a time of the years 1970 to 9999."""

_End: TypeAlias = Literal["handled", "duplicates", "retried", "later", "dead_lettered", "parked", "requeued"]

_log = logging.getLogger(__name__)


@final
class Treatment:
    """The treatment of one consumer's deliveries. `clock` gives Unix seconds, `monotonic` and `random` as usual.

    `queue` is how the topology knows the queue: its dead letters and its time to live. `draining` cuts pauses short.
    """

    def __init__(
        self,
        registration: Registration,
        stats: ConsumerStats,
        copies: Copies,
        *,
        queue: Queue | None,
        inbox: Inbox | None,
        draining: asyncio.Event,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        random: Callable[[], float],
        consumed: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self._registration = registration
        self._stats = stats
        self._copies = copies
        self._limits = None if queue is None else queue.limits
        self._inbox = inbox
        self._draining = draining
        self._clock = clock
        self._monotonic = monotonic
        self._consumed = consumed
        self._sending = Sending(copies, stats, draining, random)
        self._backoff = Backoff(PAUSE_FIRST_SECONDS, PAUSE_MOST_SECONDS, random)
        self._runs: set[HandlerRun] = set()

    def stop_handlers(self) -> None:
        """Cancel the handlers that run; their messages are requeued."""
        for run in self._runs:
            run.stop()

    async def take(self, delivery: Delivery) -> None:
        """See one delivery to its end; never raises. When this is cancelled it is requeued."""
        began = self._monotonic()
        trail = Trail.of(delivery)
        try:
            try:
                end = await self._treated(delivery, trail)
            except Exception as error:  # noqa: BLE001 - it must not be lost with us
                _log.exception("a message could not be treated and goes back", extra={"queue": delivery.queue})
                end = await self._put_back(delivery, f"a defect of the consumer: {error_text(error)}")
        finally:
            if not delivery.settled:
                self._ended("requeued", delivery.nack(requeue=True))
        if _log.isEnabledFor(logging.DEBUG):
            told = {"routing_key": trail.routing_key, "id": delivery.properties.message_id, "queue": delivery.queue}
            took = round(self._monotonic() - began, 6)
            _log.debug("consumed", extra={**told, "handler": self._stats.handler, "outcome": end, "took": took})

    async def _treated(self, delivery: Delivery, trail: Trail) -> _End:
        try:
            message = self._decoded(delivery, trail)
        except MessageDecodeError as error:
            self._stats.undecodable += 1
            return await self._parked(delivery, trail, str(error))
        if self._consumed is not None:
            self._consumed(trail.routing_key, delivery.body)
        deadline = deadline_of(message, trail)
        if deadline is not None and self._clock() >= deadline:
            self._stats.expired += 1
            reason = f"it expired at {iso(deadline)}, before it was handled"
            return await self._given_up(delivery, trail, reason, expired=True)
        entry = None
        if self._inbox is not None and self._registration.keeps(message):
            entry = InboxEntry.of(self._inbox, self._registration, self._stats, delivery, message)
        if entry is not None and (claimed := await entry.claim()) is not Claimed.YOURS:
            if claimed is Claimed.DONE:
                return self._ended("duplicates", _acked(delivery))
            return await self._later(delivery, trail, message, BUSY_SECONDS)
        ended = await self._handled(delivery, message)
        if entry is not None and ended.how != "stuck":
            # Of a stuck handler nobody knows what it still does: its lease keeps others off.
            await (entry.done() if ended.how == "returned" else entry.release())
        return await self._settled(delivery, trail, message, ended)

    def _decoded(self, delivery: Delivery, trail: Trail) -> Event | Command:
        stamped = delivery.properties.timestamp
        # Some senders give milliseconds there, and anything else may stand there too.
        arrived = self._clock() if stamped is None or stamped not in _SECONDS_OF_A_DATE else float(stamped)
        message = decode(trail.exchange, trail.routing_key, delivery.body, arrived=arrived)
        wanted = self._registration.takes
        if wanted is not None and not isinstance(message, wanted):
            raise MessageDecodeError(
                f"The consumer {self._stats.handler} of {delivery.queue} takes {_names(wanted)}, "
                f"and {trail.routing_key} on {trail.exchange} is a {type(message).__name__}: bind it to another queue."
            )
        return message

    async def _handled(self, delivery: Delivery, message: Event | Command) -> Ended:
        stats, registration = self._stats, self._registration
        began = self._monotonic()
        attributes = {
            "messaging.operation.type": "process",
            "messaging.destination.name": delivery.queue,
            "messaging.message.id": message.id or "",
        }
        with handling(f"process {delivery.queue}", delivery.properties.headers, attributes) as span:
            run = HandlerRun(lambda: registration.call(message, delivery), stats.handler)
            self._runs.add(run)
            try:
                ended = await run.ended(registration.timeout_seconds)
            except asyncio.CancelledError:
                run.stop()
                self._stuck(run)
                raise
            finally:
                self._runs.discard(run)
            if ended.error:
                span.failed(ended.error)
        stats.seconds += self._monotonic() - began
        stats.timed_out += ended.how in {"hung", "stuck"}
        if ended.how == "stuck":
            self._stuck(run)
        return ended

    def _stuck(self, run: HandlerRun) -> None:
        self._stats.stuck += 1
        run.when_over(self._freed)

    def _freed(self) -> None:
        self._stats.stuck -= 1

    async def _settled(self, delivery: Delivery, trail: Trail, message: Event | Command, ended: Ended) -> _End:
        if ended.how == "returned":
            return self._ended("handled", _acked(delivery))
        if ended.how == "drained":
            return self._ended("requeued", _requeued(delivery))
        if ended.how == "later":
            return await self._later(delivery, trail, message, ended.later)
        self._stats.failed += 1
        failed = trail.failed(ended.error)
        retry = self._registration.retry
        if worth_a_line(self._stats.failed):
            told = {"queue": delivery.queue, "handler": self._stats.handler, "times": self._stats.failed}
            _log.warning("a message was not handled", extra={**told, "id": message.id, "reason": ended.error})
        if failed.attempts >= retry.attempts:
            reason = f"the handler {self._stats.handler} failed {failed.attempts} times, last with {ended.error}"
            return await self._given_up(delivery, failed, reason, expired=False)
        return await self._into_lane(delivery, failed, message, retry.lanes_after(failed.attempts), "retried")

    async def _later(self, delivery: Delivery, trail: Trail, message: Event | Command, seconds: float) -> _End:
        return await self._into_lane(delivery, trail.put_off(), message, lanes_later(seconds), "later")

    async def _into_lane(
        self, delivery: Delivery, trail: Trail, message: Event | Command, lanes: tuple[int, ...], end: _End
    ) -> _End:
        if not await self._sending.is_worth_it(delivery):
            return self._ended("requeued", _requeued(delivery))
        expires = kept_deadline(delivery, trail, message, self._limits, self._clock())
        confirm = await self._sending.confirmed(
            self._copies.into_lane(delivery, msgspec.structs.replace(trail, expires_at=expires), lanes)
        )
        return await self._after(confirm, delivery, end)

    async def _given_up(self, delivery: Delivery, trail: Trail, reason: str, *, expired: bool) -> _End:
        if not await self._sending.is_worth_it(delivery):
            return self._ended("requeued", _requeued(delivery))
        target = None if self._limits is None else self._limits.dead_letter
        if target is None:
            return await self._parked(delivery, trail, reason)
        confirm = await self._sending.confirmed(
            self._copies.to_dead_letters(delivery, trail, target, reason, expired=expired)
        )
        if confirm.outcome in {Outcome.RETURNED, Outcome.REFUSED}:
            # Nobody is bound for dead letters there: parked is better than lost.
            return await self._parked(
                delivery, trail, f"{reason} (and its dead letter was not taken: {confirm.reason})"
            )
        return await self._after(confirm, delivery, "dead_lettered")

    async def _parked(self, delivery: Delivery, trail: Trail, reason: str) -> _End:
        if not await self._sending.is_worth_it(delivery):
            return self._ended("requeued", _requeued(delivery))
        if worth_a_line(self._stats.parked + 1):
            told = {"queue": delivery.queue, "routing_key": trail.routing_key, "id": delivery.properties.message_id}
            _log.warning("a message is parked", extra={**told, "reason": reason})
        confirm = await self._sending.confirmed(self._copies.into_parking(delivery, trail, reason))
        return await self._after(confirm, delivery, "parked")

    async def _after(self, confirm: Confirm, delivery: Delivery, end: _End) -> _End:
        if confirm.outcome is Outcome.CONFIRMED:
            self._backoff.reset()
            self._stats.trouble = None
            return self._ended(end, _acked(delivery))
        self._stats.unconfirmed += 1
        return await self._put_back(delivery, confirm.reason or f"the broker answered {confirm.outcome} to a copy")

    async def _put_back(self, delivery: Delivery, trouble: str) -> _End:
        """Requeue it after a pause, in which it holds its slot: what fails at once must not come back at once."""
        if self._stats.trouble is None:
            _log.warning("a message goes back to its queue", extra={"queue": delivery.queue, "trouble": trouble})
        self._stats.trouble = trouble
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._draining.wait(), self._backoff.next())
        return self._ended("requeued", _requeued(delivery))

    def _ended(self, end: _End, in_time: bool) -> _End:
        if not in_time:
            self._stats.late += 1
        setattr(self._stats, end, getattr(self._stats, end) + 1)
        return end


def _names(wanted: Takes) -> str:
    return " or ".join(each.__name__ for each in (wanted if isinstance(wanted, tuple) else (wanted,)))


def _acked(delivery: Delivery) -> bool:
    # A handler that was given the delivery may have settled it itself.
    return delivery.settled or delivery.ack()


def _requeued(delivery: Delivery) -> bool:
    return delivery.settled or delivery.nack(requeue=True)
