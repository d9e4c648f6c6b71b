"""Bytes to typed messages: strict about types, lenient about what a sender leaves out or adds.

The rules, in the order they apply: the exchange and the routing key say the type; the body is one JSON object in UTF-8;
a missing name is the routing key, a missing time the arrival; null stands for nothing where a field has a default; an
integer id becomes text; unknown fields are kept in `extra`; the rest must have the types of the fields.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from vss_router.errors import MessageDecodeError
from vss_router.events.envelope import Event, OpenStruct
from vss_router.events.nesting import DEEPEST, is_deeper
from vss_router.events.registry import AnyMessage, type_of
from vss_router.events.shapes import shape_of

__all__ = ["LARGEST_BODY", "decode"]

LARGEST_BODY: Final = 16 * 1024 * 1024
"""Bytes; what RabbitMQ 4 takes at most by default."""

_WORD: Final = re.compile(r"[A-Za-z_.-]{1,32}'")
"""A value that was probably meant for one of an enumeration."""
_READ: Final = msgspec.json.Decoder()


def decode(exchange: str, routing_key: str, body: bytes, *, arrived: datetime | float) -> AnyMessage:
    """The message that came with this exchange and routing key.

    `arrived` is the time it gets if it has none: the delivery's own `timestamp`, else now; a datetime with an offset,
    or Unix seconds.

    Raises
    ------
    MessageDecodeError
        It is not what its exchange and routing key promise; the sentence names the field.
    """
    kind = type_of(exchange, routing_key)
    try:
        given = _object(body)
        _default(given, "event" if issubclass(kind, Event) else "command", routing_key)
        if given.get("timestamp") is None:
            given["timestamp"] = _moment(arrived)
        return msgspec.convert(_settled(given, kind), kind)
    except (ValueError, OverflowError, RecursionError) as error:
        reason = _reason(error)
    raise MessageDecodeError(
        f"The message {routing_key} on {exchange} cannot be read ({reason}): let its sender keep to docs/messages.md."
    )


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > LARGEST_BODY:
        raise ValueError(f"the body has {len(body)} bytes, {LARGEST_BODY} are the most")
    try:
        given = _READ.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(f"the body is not JSON: {str(error).partition(' - at ')[0]}") from None
    if not isinstance(given, dict):
        raise ValueError("the body is not a JSON object")  # noqa: TRY004 - the body's fault, not a caller's
    # Each level has a bracket of its own: few brackets need no counting.
    if body.count(b"{") + body.count(b"[") > DEEPEST and is_deeper(given):
        raise ValueError(f"the body is nested more than {DEEPEST} deep")
    return given


def _default(given: dict[str, Any], field: str, value: str) -> None:
    if given.get(field) is None:
        given[field] = value


def _moment(arrived: datetime | float) -> datetime:
    if isinstance(arrived, datetime):
        return arrived
    try:
        return datetime.fromtimestamp(arrived, UTC)
    except (ValueError, OverflowError, OSError):
        # What a sender wrote into the properties may be anything.
        raise ValueError("timestamp: missing, and the time of arrival is out of range") from None


def _settled(given: dict[str, Any], kind: type[OpenStruct]) -> dict[str, Any]:
    """The fields as the type wants them, what is unknown under `extra`."""
    shape = shape_of(kind)
    fields: dict[str, Any] = {}
    for name in shape.fields:
        if name not in given:
            continue
        value = given.pop(name)
        if value is None and name in shape.null_is_default:
            continue
        if name in shape.ids and type(value) is int:
            value = str(value)
        elif name in shape.open and isinstance(value, dict):
            value = _settled(value, shape.open[name])
        fields[name] = value
    if given:
        fields["extra"] = given
    return fields


def _reason(error: Exception) -> str:
    """Why, in a few words that name the field; of what stands in it at most a word, never a telephone number."""
    match error:
        case msgspec.ValidationError():
            said, at, path = str(error).rpartition(" - at `$.")
            said, _, value = said.partition(" '")
            if _WORD.fullmatch(value):
                said = f"{said} '{value}"
            return f"{path.rstrip('`')}: {said[:1].lower()}{said[1:]}" if at else f"{path[:1].lower()}{path[1:]}"
        case UnicodeDecodeError():
            return "the body is not UTF-8"
        case RecursionError():
            return f"the body is nested more than {DEEPEST} deep"
    return str(error)
