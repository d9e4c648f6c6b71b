"""Typed rows as JSON with times as all rows have them: UTC, always three digits of a second, and Z."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

__all__ = ["said_at", "to_json"]

_MARKS: Final = frozenset({"manual", "stale"})


def to_json(row: msgspec.Struct, **more: Any) -> bytes:
    """The struct as a JSON object; `more` are further fields, None takes one away.

    A mark that is not set is left out.
    """
    fields = {name: _plain(getattr(row, name)) for name in row.__struct_fields__}
    fields = {name: value for name, value in fields.items() if value or name not in _MARKS} | more
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in more or value is not None})


def said_at(at: datetime) -> str:
    """A time as rows write it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return said_at(value)
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
