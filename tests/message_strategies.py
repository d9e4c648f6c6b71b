"""Hypothesis strategies of messages, made from the types themselves."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from vss_router.events import MESSAGE_TYPES, AnyCommand, AnyEvent, Command, Event, MessageType
from vss_router.events.envelope import OpenStruct
from vss_router.events.registry import COMMANDS_EXCHANGE, EVENTS_EXCHANGE
from vss_router.events.shapes import shape_of

TEXT: Final = st.text(max_size=12)
WORD: Final = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=6)
TIMES: Final = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds take none
FLOATS: Final = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS: Final = st.integers(-(2**70), 2**70)
JSON: Final = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
UNTYPED: Final = (
    MessageType(EVENTS_EXCHANGE, "nobody.#", AnyEvent, None),
    MessageType(COMMANDS_EXCHANGE, "nobody.#", AnyCommand, None),
)


def values(described: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    match described:
        case inspect.Metadata(type=kind):
            return values(kind)
        case inspect.UnionType(types=types):
            return st.one_of([values(kind) for kind in types])
        case inspect.LiteralType(values=choices):
            return st.sampled_from(choices)
        case inspect.IntType(ge=least, le=most):
            return INTEGERS if least is None else st.integers(least, most)
        case inspect.ListType(item_type=kind):
            return st.lists(values(kind), max_size=3)
        case inspect.StructType(cls=cls):
            return structs(cls)
        case inspect.DictType():
            return st.dictionaries(TEXT, JSON, max_size=3)
    return {
        inspect.AnyType: JSON,
        inspect.NoneType: st.none(),
        inspect.BoolType: st.booleans(),
        inspect.FloatType: FLOATS,
        inspect.StrType: TEXT,
        inspect.DateTimeType: TIMES,
    }[type(described)]


def structs(kind: type[Any], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects of a type, with each field that has a default left to it now and then."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    fields = {field.name: field for field in described.fields}
    strategies = {name: values(field.type) for name, field in fields.items()} | given
    if issubclass(kind, OpenStruct):
        names = shape_of(kind).fields
        strategies["extra"] = st.dictionaries(TEXT.filter(lambda name: name not in names), JSON, max_size=2)
    required = {name for name, field in fields.items() if field.required} | given.keys()
    return st.fixed_dictionaries(
        {name: strategies[name] for name in required},
        optional={name: strategies[name] for name in strategies.keys() - required},
    ).map(lambda chosen: kind(**chosen))


def routing_keys(known: MessageType) -> st.SearchStrategy[str]:
    """Routing keys of a line of the registry."""
    if known.fixed_key:
        return st.just(known.pattern)
    least, most = (1, 1) if known.pattern.endswith("*") else (0, 3)
    return st.lists(WORD, min_size=least, max_size=most).map(lambda words: ".".join([known.pattern[:-2], *words]))


@st.composite
def messages(draw: st.DrawFn) -> tuple[MessageType, Event | Command]:
    """A message that may be published, with the line of the registry it belongs to."""
    known = draw(st.sampled_from([*MESSAGE_TYPES, *UNTYPED]))
    name = "event" if issubclass(known.type, Event) else "command"
    given: dict[str, st.SearchStrategy[Any]] = {"timestamp": TIMES}
    if not known.fixed_key:
        given[name] = routing_keys(known)
    message: Event | Command = draw(structs(known.type, **given))
    return known, message


def changed(message: Event | Command, **fields: Any) -> Event | Command:
    return msgspec.structs.replace(message, **fields)
