"""JSON Schema (2020-12, also read as draft 7) of the messages: what may be sent, and what `encode` gives."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import inspect

from vss_router.events.envelope import Command, Event, OpenStruct
from vss_router.events.registry import MESSAGE_TYPES
from vss_router.events.shapes import shape_of

__all__ = ["message_schema", "schema_components"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ID: Final = {"type": ["string", "integer"]}  # what decode takes; encode gives a string
_ENVELOPE: Final = {
    "event": "What the message calls itself: the routing key, unless its sender says otherwise.",
    "command": "What the message calls itself: the routing key, unless its sender says otherwise.",
    "timestamp": "When it happened or was asked for; the time of arrival when missing.",
    "id": "UUIDv7; a message that comes twice carries the same one.",
    "source": "The PBX or the service it comes from.",
    "seq": "The PBX's sequence number; only grows.",
    "expires_at": "Not to be carried out after this time.",
}


def schema_components(ref_template: str = "#/components/schemas/{name}") -> dict[str, dict[str, Any]]:
    """The schema of every message and of what messages hold, by name, referring to each other by `ref_template`."""
    return _components([known.type for known in MESSAGE_TYPES], ref_template)


def message_schema(kind: type[Event] | type[Command]) -> dict[str, Any]:
    """One message's schema as a document of its own."""
    components = _components([kind], "#/$defs/{name}")
    own = components.pop(kind.__name__)
    return {"$schema": _DIALECT, **own, **({"$defs": components} if components else {})}


def _components(kinds: Sequence[type[Event] | type[Command]], ref_template: str) -> dict[str, dict[str, Any]]:
    _, components = msgspec.json.schema_components(kinds, ref_template=ref_template)
    open_structs = _open_structs(kinds)
    return {
        name: _opened(schema, open_structs[name]) if name in open_structs else schema
        for name, schema in components.items()
    }


def _open_structs(kinds: Sequence[type[OpenStruct]]) -> dict[str, type[OpenStruct]]:
    """The types and the open structs inside of them, by name."""
    found: dict[str, type[OpenStruct]] = {}
    for kind in kinds:
        found |= {kind.__name__: kind, **_open_structs(list(shape_of(kind).open.values()))}
    return found


def _opened(schema: Mapping[str, Any], kind: type[OpenStruct]) -> dict[str, Any]:
    """The schema with unknown fields where they stand in a message: beside the known ones."""
    shape = shape_of(kind)
    properties = {}
    for name in shape.fields:
        field = {word: said for word, said in schema["properties"][name].items() if word != "default"}
        if name in shape.ids:
            field = {"anyOf": [_ID, {"type": "null"}]} if "anyOf" in field else dict(_ID)
        if name in _DEFAULTS.get(kind, {}):
            field["default"] = _DEFAULTS[kind][name]
        if issubclass(kind, Event | Command) and name in _ENVELOPE:
            field["description"] = _ENVELOPE[name]
        properties[name] = field
    return {**schema, "properties": properties, "additionalProperties": True}


def _plain_defaults(kind: type[OpenStruct]) -> dict[str, str | int]:
    """The defaults worth telling: names, numbers and words."""
    described = inspect.type_info(kind)
    fields = described.fields if isinstance(described, inspect.StructType) else ()
    return {field.name: field.default for field in fields if isinstance(field.default, str | int)}


_DEFAULTS: Final[dict[type[OpenStruct], dict[str, str | int]]] = {
    known.type: _plain_defaults(known.type) for known in MESSAGE_TYPES
}
