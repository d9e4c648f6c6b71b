"""One dead letter as people see it: what it is, why it is dead, and where it would go again."""

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from vss_router.broker.consumers.lanes import RETRY_EXCHANGE
from vss_router.broker.consumers.trail import (
    DEATH_HEADER,
    EARLIER_DEATH,
    FAILED_AT,
    FAILED_QUEUE,
    FAILED_REASON,
    Trail,
    fresh_headers,
)
from vss_router.broker.message import Delivery, Headers, HeaderValue, Message, Properties

__all__ = ["REPLAYS", "Letter", "LetterDetail", "detail_of", "letter_of", "message_again"]

REPLAYS: Final = "x-replays"
_SHOWN_BODY: Final = 65_536


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message in a queue for those that nobody could handle.

    `id` is its own, or a digest of its body when it has none. `exchange` and `routing_key` are those of its first
    publish, `failed_queue` is where it failed (null: not known, it is replayed to its exchange).
    """

    id: str
    queue: str
    exchange: str
    routing_key: str
    failed_queue: str | None
    reason: str
    failed_at: str | None
    attempts: int
    first_error: str | None
    last_error: str | None
    replays: int
    bytes: int


class LetterDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A letter with its headers and its body, as text; a body over 64 KiB is cut."""

    letter: Letter
    headers: dict[str, Any]
    body: str
    cut: bool


def letter_of(delivery: Delivery) -> Letter:
    """What a delivery tells of itself; what is missing or malformed is left open."""
    headers = delivery.properties.headers
    death = _death(headers)
    # A trail counts here whichever way the letter came.
    trail = Trail.of(msgspec.structs.replace(delivery, exchange=""))
    exchange, key = trail.exchange, trail.routing_key
    if "x-origin-exchange" not in headers and death is not None:
        exchange, key = _text(death.get("exchange")) or "", _first_text(death.get("routing-keys")) or key
    elif "x-origin-exchange" not in headers and delivery.exchange:
        exchange, key = delivery.exchange, delivery.routing_key
    reason = _text(headers.get(FAILED_REASON))
    if reason is None and death is not None:
        reason = f"{_text(death.get('reason')) or 'dead-lettered'} in {_text(death.get('queue')) or 'a queue'}"
    return Letter(
        id=_id_of(delivery),
        queue=delivery.queue,
        exchange=exchange,
        routing_key=key,
        failed_queue=_text(headers.get(FAILED_QUEUE)) or (None if death is None else _text(death.get("queue"))),
        reason=reason or "not known",
        failed_at=_text(headers.get(FAILED_AT)) or (None if death is None else _time(death.get("time"))),
        attempts=trail.attempts,
        first_error=trail.first_error,
        last_error=trail.last_error,
        replays=_number(headers.get(REPLAYS)),
        bytes=len(delivery.body),
    )


def detail_of(delivery: Delivery) -> LetterDetail:
    """The letter with everything in it."""
    return LetterDetail(
        letter=letter_of(delivery),
        headers={name: _plain(value) for name, value in delivery.properties.headers.items()},
        body=delivery.body[:_SHOWN_BODY].decode("utf-8", "replace"),
        cut=len(delivery.body) > _SHOWN_BODY,
    )


def message_again(delivery: Delivery, *, to_exchange: bool) -> Message:
    """What is published to replay it: as it first was, without its failures.

    It goes to the queue in which it failed, so that those who handled their copy do not get another; `to_exchange`, or
    when that queue is not known, to its first exchange and routing key, so to all who are bound for it.
    """
    letter = letter_of(delivery)
    exchange, key = letter.exchange, letter.routing_key
    if letter.failed_queue is not None and not to_exchange:
        exchange, key = "", letter.failed_queue
    headers: dict[str, HeaderValue] = {**fresh_headers(delivery.properties.headers), REPLAYS: letter.replays + 1}
    if letter.exchange:
        headers |= {"x-origin-exchange": letter.exchange, "x-origin-routing-key": letter.routing_key}
    properties: Properties = msgspec.structs.replace(
        delivery.properties, persistent=True, expiration_ms=None, user_id=None, headers=headers
    )
    return Message(exchange, key, delivery.body, properties, mandatory=True)


class _Named(msgspec.Struct):
    id: str | int | None = None


def _id_of(delivery: Delivery) -> str:
    if delivery.properties.message_id:
        return delivery.properties.message_id
    try:
        own = msgspec.json.decode(delivery.body, type=_Named).id
    except (ValueError, RecursionError):
        own = None
    return str(own) if own else f"sha256:{hashlib.sha256(delivery.body).hexdigest()[:32]}"


def _death(headers: Headers) -> Mapping[str, HeaderValue] | None:
    """The broker's newest record that is not of a lane."""
    for name in (DEATH_HEADER, EARLIER_DEATH):
        records = headers.get(name)
        if isinstance(records, Sequence) and not isinstance(records, str | bytes):
            for record in records:
                if isinstance(record, Mapping) and not str(record.get("queue", "")).startswith(f"{RETRY_EXCHANGE}."):
                    return record
    return None


def _text(value: HeaderValue) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: HeaderValue) -> int:
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0


def _first_text(value: HeaderValue) -> str | None:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and value:
        return _text(value[0])
    return None


def _time(value: HeaderValue) -> str | None:
    if not isinstance(value, datetime.datetime):
        return None
    return value.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: HeaderValue) -> Any:
    """A header as JSON can say it."""
    if isinstance(value, datetime.datetime):
        return _time(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value
