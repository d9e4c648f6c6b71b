"""Typed messages out: stamped, encoded, with the properties every reader may count on, through the outbox.

| property | is |
|---|---|
| `delivery_mode` | persistent |
| `content_type` | `application/json` |
| `message_id` | the message's `id` |
| `type` | the routing key |
| `timestamp` | the message's `timestamp`, whole seconds; none for one before 1970 |
| `app_id` | who published it |
| `priority` | a lead's priority |
| `expiration` | what is left until a command's `expires_at`; none for more than 49 days, which AMQP cannot say |
| headers | `x-source`, `x-seq` where it has them, `traceparent` within a trace |
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Final, final

import msgspec

from vss_router._core import TopicMatcher
from vss_router.broker.message import HeaderValue, Message, Properties
from vss_router.broker.outbox import Outbox, Trouble, TroubleKind
from vss_router.broker.quantities import is_count
from vss_router.broker.tracing import trace_headers
from vss_router.broker.vss_topology import vss_topology
from vss_router.errors import BrokerError, MessageError
from vss_router.events import AutodialLead, Command, Event, SystemAlert, encode, route_of, stamped
from vss_router.events.system import Severity

__all__ = ["Publisher", "is_mandatory"]

_SEVERITIES: Final[Mapping[TroubleKind, Severity]] = {
    "dropped": "critical",
    "refused": "critical",
    "returned": "error",
    "nacked": "warning",
    "telemetry_dropped": "warning",
    "journal": "critical",
}


_MOST_EXPIRATION_MS: Final = (1 << 32) - 1
"""RabbitMQ refuses a longer one."""


@cache
def _bindings(exchange: str) -> TopicMatcher:
    matcher = TopicMatcher()
    for binding in vss_topology().bindings:
        if binding.exchange == exchange:
            matcher.add(binding.routing_key, 0)
    return matcher


@lru_cache(maxsize=1024)
def is_mandatory(exchange: str, routing_key: str) -> bool:
    """Whether a message must reach a queue: the topology binds one for its routing key."""
    return bool(_bindings(exchange).match(routing_key))


@final
class Publisher:
    """Publishes typed messages by `outbox`, whose own troubles become `system.alert`s.

    Parameters
    ----------
    ids
        Gives a new id: a UUIDv7.
    clock
        Unix time in seconds.
    app_id
        The property of every message.
    instance
        Which of several such programs: the `source` of its alerts.
    trace
        The headers of the trace one is in.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        ids: Callable[[], str],
        clock: Callable[[], float],
        app_id: str = "vss-router",
        instance: str = "vss-router",
        trace: Callable[[], Mapping[str, str]] = trace_headers,
    ) -> None:
        self._outbox = outbox
        self._ids = ids
        self._clock = clock
        self._app_id = app_id
        self._instance = instance
        self._trace = trace
        outbox.on_trouble = self._alert

    async def publish(
        self, message: Event | Command, *, priority: int | None = None, expires_seconds: float | None = None
    ) -> None:
        """Publish; returns when the broker confirmed it or it is on disk, whichever is first.

        Missing `id` and `timestamp` are filled in. `priority` (0 to 255) stands over the message's own.
        `expires_seconds` from now the broker drops it, or dead-letters it where its queue says so; a command without
        `expires_at` gets that too. A command for a full queue is refused, an event is tried again.

        Raises
        ------
        UnroutableError
            No queue is bound for it, and one should be.
        OutboxFullError
            Nothing more can be taken, or the command's queue is full.
        MessageError
            It cannot be encoded, is too big, `expires_seconds` is no time, or the broker will never take it.
        """
        made = self.message_of(message, priority=priority, expires_seconds=expires_seconds)
        await self._outbox.publish(made, refusable=isinstance(message, Command))

    async def publish_many(self, messages: Sequence[Event | Command]) -> list[BrokerError | None]:
        """Publish in this order as one batch; for each None, or the error that `publish` would raise.

        Raises
        ------
        MessageError
            One cannot be encoded; none was published.
        """
        made = [self.message_of(message) for message in messages]
        return await self._outbox.publish_many(made, refusable=any(isinstance(each, Command) for each in messages))

    def offer(self, message: Event, *, urgent: bool = False) -> bool:
        """Publish without waiting; False when the outbox has no room.

        Raises
        ------
        MessageError
            It cannot be encoded.
        """
        return self._outbox.offer([self.message_of(message)], urgent=urgent) == 1

    def message_of(
        self, message: Event | Command, *, priority: int | None = None, expires_seconds: float | None = None
    ) -> Message:
        """The message as it goes to the broker; see `publish`.

        Raises
        ------
        MessageError
            It cannot be encoded.
        """
        if not isinstance(message, Event | Command):
            raise MessageError(f"a {type(message).__name__} cannot be published: give a message of vss_router.events")
        _check_fields(message)
        if priority is not None and not is_count(priority):
            raise MessageError(f"the priority of a message is a whole number from 0 to 255, not {priority!r}")
        now = self._clock()
        if isinstance(message, Command) and message.expires_at is None and expires_seconds is not None:
            message = msgspec.structs.replace(message, expires_at=_end(now, expires_seconds))
        message = stamped(message, now=now, new_id=self._ids)
        if priority is None and isinstance(message, AutodialLead):
            priority = message.priority
        route = route_of(message)
        return Message(
            route.exchange,
            route.routing_key,
            encode(message),
            Properties(
                headers=self._headers(message),
                priority=priority,
                expiration_ms=_expiration(message, now, expires_seconds),
                message_id=message.id,
                timestamp=_whole_seconds(message.timestamp),
                type=route.routing_key,
                app_id=self._app_id,
            ),
            is_mandatory(route.exchange, route.routing_key),
        )

    def _headers(self, message: Event | Command) -> dict[str, HeaderValue]:
        headers: dict[str, HeaderValue] = {}
        if message.source is not None:
            headers["x-source"] = message.source
        if message.seq is not None:
            headers["x-seq"] = message.seq
        headers.update(self._trace())
        return headers

    def _alert(self, trouble: Trouble) -> None:
        """Tell people; the outbox has a place for it also when it has none for anything else."""
        alert = SystemAlert(
            severity=_SEVERITIES[trouble.kind],
            message=trouble.sentence,
            details={"kind": f"outbox.{trouble.kind}", "times": trouble.times},
            source=self._instance,
        )
        self.offer(alert, urgent=True)


def _check_fields(message: Event | Command) -> None:
    """Refuse a field of another type than it is declared with: constructors take anything, and readers would not."""
    try:
        msgspec.convert(msgspec.structs.asdict(message), type(message))
    except msgspec.ValidationError as error:
        raise MessageError(
            f"a {type(message).__name__} cannot be published ({error}): give that field what it is declared to hold"
        ) from error


def _expiration(message: Event | Command, now: float, seconds: float | None) -> int | None:
    """Milliseconds; the earlier of the two, None for ever and for longer than the broker takes."""
    left = [] if seconds is None else [_end(now, seconds).timestamp() - now]
    if isinstance(message, Command) and message.expires_at is not None:
        left.append(message.expires_at.timestamp() - now)
    milliseconds = max(0, round(min(left) * 1000)) if left else None
    return milliseconds if milliseconds is not None and milliseconds <= _MOST_EXPIRATION_MS else None


def _end(now: float, seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(round(now + seconds, 3), UTC)
    except (ValueError, OverflowError, OSError):
        raise MessageError(f"a message cannot expire in {seconds:g} s: give a number of seconds") from None


def _whole_seconds(moment: datetime) -> int | None:
    seconds = int(moment.timestamp())
    return seconds if seconds >= 0 else None
