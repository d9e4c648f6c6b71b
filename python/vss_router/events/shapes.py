"""What decode and encode must know of a type's fields, worked out once per type."""

from functools import cache
from typing import Final

import msgspec
from msgspec import inspect

from vss_router.events.envelope import INTEGER_TOO, OpenStruct

__all__ = ["Shape", "shape_of"]

_FIRST: Final = ("event", "command", "timestamp")
_LAST: Final = ("id", "source", "seq", "expires_at")


class Shape(msgspec.Struct, frozen=True):
    """The fields of an `OpenStruct` but `extra`, in the order they are written in."""

    fields: tuple[str, ...]
    ids: frozenset[str]
    """May come as integers."""
    null_is_default: frozenset[str]
    """Have a default and no meaning for null: a sender's null stands for the default."""
    left_out: frozenset[str]
    """Are not written when None."""
    open: dict[str, type[OpenStruct]]
    """Hold an object that keeps its unknown fields in turn."""


@cache
def shape_of(kind: type[OpenStruct]) -> Shape:
    """The shape of a type."""
    described = inspect.type_info(kind)
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"{kind!r} is no struct")
    fields = {field.name: field for field in described.fields if field.name != "extra"}
    names = sorted(fields, key=_place)
    defaults = {name: field.default for name, field in fields.items() if not field.required}
    return Shape(
        fields=tuple(names),
        ids=frozenset(name for name, field in fields.items() if _is_id(field.type)),
        null_is_default=frozenset(name for name in defaults if not _takes_null(fields[name].type)),
        left_out=frozenset(name for name, default in defaults.items() if default is None) - kind.written_as_null,
        open={name: held for name, field in fields.items() if (held := _open_struct(field.type))},
    )


def _place(name: str) -> int:
    if name in _FIRST:
        return _FIRST.index(name) - len(_FIRST)
    return 1 + _LAST.index(name) if name in _LAST else 0


def _is_id(described: inspect.Type) -> bool:
    match described:
        case inspect.Metadata(extra=extra):
            return INTEGER_TOO in (extra or {})
        case inspect.UnionType(types=types):
            return any(_is_id(kind) for kind in types)
    return False


def _takes_null(described: inspect.Type) -> bool:
    match described:
        case inspect.AnyType() | inspect.NoneType():
            return True
        case inspect.UnionType(types=types):
            return any(map(_takes_null, types))
    return False


def _open_struct(described: inspect.Type) -> type[OpenStruct] | None:
    match described:
        case inspect.StructType(cls=cls) if issubclass(cls, OpenStruct):
            return cls
        case inspect.UnionType(types=types):
            return next(filter(None, map(_open_struct, types)), None)
    return None
