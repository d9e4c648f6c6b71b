"""What a message gets when it is published: an id and a time, unless it has them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from vss_router.events.envelope import UNSTAMPED, Command, Event

__all__ = ["stamped"]

_Message = TypeVar("_Message", bound=Event | Command)


def stamped(message: _Message, *, now: float, new_id: Callable[[], str]) -> _Message:
    """The message with `timestamp` (Unix seconds `now`, whole milliseconds) and `id` filled in where missing."""
    missing: dict[str, object] = {}
    if message.timestamp == UNSTAMPED:
        missing["timestamp"] = datetime.fromtimestamp(int(now * 1000) / 1000, UTC)
    if message.id is None:
        missing["id"] = new_id()
    return msgspec.structs.replace(message, **missing) if missing else message
