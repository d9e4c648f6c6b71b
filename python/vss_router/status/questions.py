"""What all readers have in common: the checks of a question, the words of a refusal, the shape of a page."""

from collections.abc import Iterable
from typing import Final, get_args

from vss_router.errors import AmbiguousSourceError, StatusQueryError
from vss_router.status.rows import OperatorState

__all__ = [
    "LARGEST_PAGE",
    "ambiguous",
    "check_limit",
    "check_state",
    "list_of_names",
    "no_source_chosen",
    "page",
    "shown",
    "unknown_source",
]

LARGEST_PAGE: Final = 10_000
"""The most rows a caller may ask for at once by `limit`."""

_STATES: Final = frozenset(get_args(OperatorState))


def check_state(state: str | None) -> None:
    """Refuse a state that no operator can have."""
    if state is not None and state not in _STATES:
        raise StatusQueryError(
            "state", f"No operator state is called {shown(state)}: use one of {list_of_names(_STATES)}."
        )


def check_limit(limit: int | None) -> None:
    """Refuse a limit out of bounds."""
    if limit is not None and not 1 <= limit <= LARGEST_PAGE:
        raise StatusQueryError("limit", f"The limit {limit} is out of bounds: use 1 to {LARGEST_PAGE}.")


def unknown_source(source: str, known: Iterable[str]) -> StatusQueryError:
    """The refusal of a PBX's name that no reader knows."""
    return StatusQueryError(
        "source", f"No PBX is called {shown(source)}: the sources are {list_of_names(known) or 'none'}."
    )


def ambiguous(kind: str, key: str, sources: tuple[str, ...]) -> AmbiguousSourceError:
    """The refusal to choose between PBXs; `kind` is `operator`, `channel`, `call`, `queue` or `callers`."""
    return AmbiguousSourceError(
        f"The {'queue' if kind == 'callers' else kind} {shown(key)} stands in more than one PBX: "
        f"choose one of {list_of_names(sources)} by `source`.",
        sources,
    )


def no_source_chosen(sources: Iterable[str]) -> AmbiguousSourceError:
    """The refusal to set a row somewhere when there are several PBXs."""
    names = tuple(sorted(sources))
    return AmbiguousSourceError(f"There is more than one PBX: choose one of {list_of_names(names)} by `source`.", names)


def page(bodies: list[bytes], following: str | None) -> bytes:
    """A list's JSON out of its rows' and the cursor of the next page."""
    cursor = b"null" if following is None else b'"' + following.encode("ascii") + b'"'
    return b'{"items":[' + b",".join(bodies) + b'],"next_cursor":' + cursor + b"}"


def list_of_names(names: Iterable[str]) -> str:
    """Names in order, for a sentence."""
    return ", ".join(sorted(names))


def shown(text: str) -> str:
    """A name from outside, short enough for a sentence."""
    return repr(text if len(text) <= 80 else text[:80] + "…")
