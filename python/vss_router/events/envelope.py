"""What every message has around its own fields: name, time, id, source, sequence number, and what else came with it."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final

import msgspec

__all__ = ["UNSTAMPED", "Command", "Event", "Id", "OpenStruct", "Time"]

INTEGER_TOO: Final = "vss_integer_too"

Id = Annotated[str, msgspec.Meta(extra={INTEGER_TOO: True})]
"""An id as text; a sender may give an integer, which is read as its decimal text."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment with its offset from UTC; written as UTC with milliseconds, or with microseconds where it has them."""

UNSTAMPED: Final = datetime.min.replace(tzinfo=UTC)
"""The timestamp of a message that has none yet: whoever publishes it gives it one."""


class OpenStruct(msgspec.Struct, frozen=True, kw_only=True):
    """An object whose unknown fields are kept in `extra` and written back beside the known ones.

    A field that is None is left out of the JSON if it may be, except where `written_as_null` names it.
    """

    extra: dict[str, Any] = {}
    written_as_null: ClassVar[frozenset[str]] = frozenset()


class Event(OpenStruct, frozen=True, kw_only=True):
    """Something that happened, on `vss.events`.

    `event` is the routing key by habit; which type a message is, the routing key it came with says. A decoded message
    always has a `timestamp`; `id`, `source` and `seq` it has if its sender gave them.
    """

    event: str
    timestamp: Time = UNSTAMPED
    id: Id | None = None
    source: str | None = None
    seq: int | None = None


class Command(OpenStruct, frozen=True, kw_only=True):
    """Something that shall be done, on `vss.commands`; not after `expires_at`. Else as `Event`."""

    command: str
    timestamp: Time = UNSTAMPED
    id: Id | None = None
    source: str | None = None
    seq: int | None = None
    expires_at: Time | None = None
