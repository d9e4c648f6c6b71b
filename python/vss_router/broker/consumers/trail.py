"""The trail a message carries in its headers: where it was first published, how often it failed, and with what.

Headers here begin with `x-`, which a headers exchange does not compare.
"""

import datetime
from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import msgspec

from vss_router.broker.amqp_limits import LARGEST_HEADERS
from vss_router.broker.consumers.fitting import fitting_headers, fitting_properties
from vss_router.broker.consumers.lanes import DELAY_HEADER, RETRY_EXCHANGE
from vss_router.broker.message import Delivery, Headers, HeaderValue, Properties
from vss_router.log import mask

__all__ = [
    "DEATH_HEADER",
    "EARLIER_DEATH",
    "FAILED_AT",
    "FAILED_QUEUE",
    "FAILED_REASON",
    "Trail",
    "death",
    "error_text",
    "fresh_headers",
]

DEATH_HEADER: Final = "x-death"
EARLIER_DEATH: Final = "x-earlier-death"
"""The broker's own `x-death` of before the first retry, which must not be sent again under its name."""
FAILED_QUEUE: Final = "x-failed-queue"
FAILED_REASON: Final = "x-failed-reason"
FAILED_AT: Final = "x-failed-at"
_EXCHANGE: Final = "x-origin-exchange"
_KEY: Final = "x-origin-routing-key"
_ATTEMPTS: Final = "x-attempts"
_LATERS: Final = "x-laters"
_FIRST_ERROR: Final = "x-first-error"
_LAST_ERROR: Final = "x-last-error"
_EXPIRES_AT: Final = "x-expires-at"
_LEFT_OUT: Final = "x-headers-left-out"
_OWN: Final = frozenset({_ATTEMPTS, _LATERS, _FIRST_ERROR, _LAST_ERROR, _EXPIRES_AT, DELAY_HEADER})
_OF_THE_END: Final = frozenset({FAILED_QUEUE, FAILED_REASON, FAILED_AT, EARLIER_DEATH})
_NEVER_AGAIN: Final = frozenset({DEATH_HEADER, "CC", "BCC", "x-delivery-count"})
"""With its `x-death` the broker takes a copy for a cycle and drops it; CC and BCC would send it to others again."""
_DEATH_PREFIXES: Final = ("x-first-death-", "x-last-death-")
_LONGEST_ERROR: Final = 500
_LONGEST_NAME: Final = 255
_ROOM_FOR_OWN: Final = 16_000
"""Bytes of headers that a copy adds at most: errors, a reason, a death, names."""
_MOST_COUNTED: Final = 1_000_000
_NO_TIME: Final = 253_402_300_800_000
"""Unix milliseconds after the year 9999: as good as never."""

_T = TypeVar("_T")


_Name = Annotated[str, msgspec.Meta(max_length=_LONGEST_NAME)]


class _Named(msgspec.Struct):
    event: _Name | None = None
    command: _Name | None = None


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a delivery's past. `expires_at` is Unix seconds."""

    exchange: str
    routing_key: str
    attempts: int = 0
    laters: int = 0
    first_error: str | None = None
    last_error: str | None = None
    expires_at: float | None = None

    @classmethod
    def of(cls, delivery: Delivery) -> "Trail":
        """Read out of a delivery; what is malformed or no time counts as missing, a count has an upper bound.

        A trail is that of one queue: what came through an exchange begins anew, dead letters too.
        """
        headers = delivery.properties.headers
        if delivery.exchange:
            return cls(exchange=delivery.exchange, routing_key=delivery.routing_key)
        exchange, key = _origin(delivery)
        expires = _typed(headers, _EXPIRES_AT, int)
        return cls(
            exchange=exchange,
            routing_key=key,
            attempts=_count(headers, _ATTEMPTS),
            laters=_count(headers, _LATERS),
            first_error=_text(headers, _FIRST_ERROR, _LONGEST_ERROR),
            last_error=_text(headers, _LAST_ERROR, _LONGEST_ERROR),
            # Anybody may have written it, and a float of it may be more than a header holds.
            expires_at=max(0, expires) / 1000 if expires is not None and expires < _NO_TIME else None,
        )

    def failed(self, error: str) -> "Trail":
        """The same after one more failure."""
        return msgspec.structs.replace(
            self, attempts=self.attempts + 1, first_error=self.first_error or error, last_error=error
        )

    def put_off(self) -> "Trail":
        """The same after it was put off."""
        return msgspec.structs.replace(self, laters=self.laters + 1)

    def copied(self, properties: Properties, added: Headers) -> Properties:
        """The properties of a copy: persistent, without what must not be sent again, with the trail and `added`.

        An expiration of its own is left to `expires_at`: in a lane it would end the wait. What cannot be sent (a broker
        carries headers that no client may write, and ours need room) is left out and counted: a copy that is refused
        would be made again for ever.
        """
        own, own_left_out = fitting_headers({**added, **self._headers()}, _ROOM_FOR_OWN)
        foreign, left_out = fitting_headers(_copied_headers(properties.headers), LARGEST_HEADERS - _ROOM_FOR_OWN)
        left_out += own_left_out
        if left_out:
            own[_LEFT_OUT] = left_out + _count(properties.headers, _LEFT_OUT)
        return msgspec.structs.replace(
            fitting_properties(properties),
            persistent=True,
            expiration_ms=None,
            # Only its own user may send it.
            user_id=None,
            headers={**foreign, **own},
        )

    def _headers(self) -> dict[str, HeaderValue]:
        told: dict[str, HeaderValue] = {_EXCHANGE: self.exchange, _KEY: self.routing_key}
        if self.attempts:
            told |= {_ATTEMPTS: self.attempts, _FIRST_ERROR: self.first_error, _LAST_ERROR: self.last_error}
        if self.laters:
            told[_LATERS] = self.laters
        if self.expires_at is not None:
            told[_EXPIRES_AT] = int(self.expires_at * 1000)
        return told


def fresh_headers(headers: Headers) -> dict[str, HeaderValue]:
    """The headers of a message that begins anew, as if it had never failed."""
    return {
        name: value
        for name, value in headers.items()
        if name not in _OWN | _OF_THE_END | _NEVER_AGAIN and not name.startswith(_DEATH_PREFIXES)
    }


def _copied_headers(headers: Headers) -> dict[str, HeaderValue]:
    """What a copy takes along: all but the trail, and what the broker wrote about an earlier death aside."""
    kept = {
        name: value
        for name, value in headers.items()
        if name not in _OWN | _NEVER_AGAIN and not name.startswith(_DEATH_PREFIXES)
    }
    deaths = headers.get(DEATH_HEADER)
    if isinstance(deaths, list | tuple):
        told = [each for each in deaths if isinstance(each, Mapping) and not _of_a_lane(each)]
        if told:
            kept[EARLIER_DEATH] = told
    return kept


def error_text(error: BaseException) -> str:
    """An error for a header that others read: one line, bounded, without secrets and telephone numbers."""
    said = " ".join(str(error)[: 4 * _LONGEST_ERROR].split())
    name = type(error).__name__
    text = mask(f"{name}: {said}" if said else name)[:_LONGEST_ERROR]
    return text.encode(errors="replace").decode()  # halves of pairs of surrogates cannot be sent


def death(delivery: Delivery, trail: Trail, reason: str, now: float) -> dict[str, HeaderValue]:
    """What a broker writes on a message that it dead-letters itself."""
    return {
        DEATH_HEADER: [
            {
                "count": 1,
                "reason": reason,
                "queue": delivery.queue,
                "time": datetime.datetime.fromtimestamp(int(now), datetime.UTC),
                "exchange": trail.exchange,
                "routing-keys": [trail.routing_key],
            }
        ],
        "x-first-death-exchange": trail.exchange,
        "x-first-death-queue": delivery.queue,
        "x-first-death-reason": reason,
    }


def _of_a_lane(record: Mapping[str, HeaderValue]) -> bool:
    return str(record.get("queue", "")).startswith(f"{RETRY_EXCHANGE}.")


def _origin(delivery: Delivery) -> tuple[str, str]:
    """Exchange and key it was first published with; of one laid straight into the queue, those its body names."""
    headers = delivery.properties.headers
    exchange, key = _text(headers, _EXCHANGE, _LONGEST_NAME), _text(headers, _KEY, _LONGEST_NAME)
    if exchange is not None and key is not None:
        return exchange, key
    try:
        named = msgspec.json.decode(delivery.body, type=_Named)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return delivery.exchange, delivery.routing_key
    if named.command is not None:
        return "vss.commands", named.command
    if named.event is not None:
        return "vss.events", named.event
    return delivery.exchange, delivery.routing_key


def _count(headers: Headers, name: str) -> int:
    return min(max(0, _typed(headers, name, int) or 0), _MOST_COUNTED)


def _text(headers: Headers, name: str, longest: int) -> str | None:
    text = _typed(headers, name, str)
    return text if text is not None and len(text) <= longest else None


def _typed(headers: Headers, name: str, kind: type[_T]) -> _T | None:
    value = headers.get(name)
    return value if isinstance(value, kind) and not isinstance(value, bool) else None
