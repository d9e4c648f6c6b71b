"""Queries taken at their word: a parameter once, and never the text `null` for "left out"."""

from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request

from vss_router.api.problems import FieldError, Refusal

__all__ = ["check_query"]

_ONCE: Final = frozenset(
    {"source", "limit", "cursor", "state", "queue", "from", "to", "interval", "time_zone", "last_event_id"}
)
_NEVER_NULL: Final = frozenset({"limit", "state", "interval"})
"""Of the others `null` may be a name."""


async def check_query(request: Request[Any, Any, Any]) -> None:
    """Before a request is taken apart; a coroutine, because Litestar would run a plain function in a thread.

    Raises
    ------
    Refusal
        A parameter stands twice, or as `null` (422).
    """
    sent = request.scope["query_string"]
    if not sent:
        return
    seen: set[str] = set()
    errors: list[FieldError] = []
    for name, value in parse_qsl(sent.decode("latin-1"), keep_blank_values=True):
        if name in seen:
            errors.append(FieldError(field=name, detail="It is given twice: give it once."))
        elif value == "null" and name in _NEVER_NULL:
            errors.append(FieldError(field=name, detail="It is `null`: leave it out instead."))
        if name in _ONCE:
            seen.add(name)
    if errors:
        named = ", ".join(f"{each.field} ({each.detail})" for each in errors)
        raise Refusal("bad-input", f"These parameters cannot be used: {named}", errors=errors)
