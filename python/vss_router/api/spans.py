"""The span of time a question is about: `from` and `to` as ISO 8601 with a zone."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from vss_router.api.problems import FieldError, Refusal
from vss_router.errors import DatabaseUnavailableError, StatusQueryError, StatusUnavailableError

__all__ = ["FromParameter", "PageSizeParameter", "ToParameter", "answering", "database_response", "no_database", "span"]

_DAY: Final = timedelta(days=1)
_LONGEST_ANSWER: Final = 30.0
_RETRY_SECONDS: Final = 5
# Python reads more than ISO 8601's calendar form, week dates for one; what is not documented is not taken.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)")
_MICROSECONDS: Final = re.compile(rb'("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d{3}Z"')
_WHOLE_SECONDS: Final = re.compile(rb'("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z"')
_SCHEMA: Final = {"format": "date-time", "examples": ["2026-11-21T00:00:00Z", "2026-11-21T03:00:00+03:00"]}

FromParameter = Annotated[
    str | None,
    QueryParameter(
        name="from",
        description="Begin of the span, ISO 8601 with zone (a `+` is written `%2B`); by default a day before `to`.",
        schema_extra=_SCHEMA,
    ),
]
ToParameter = Annotated[
    str | None,
    QueryParameter(
        name="to", description="End of the span, which does not belong to it; by default now.", schema_extra=_SCHEMA
    ),
]
PageSizeParameter = Annotated[int, QueryParameter(ge=1, le=10_000, description="Items per page.")]


def span(begin: str | None, end: str | None, clock: Callable[[], float]) -> tuple[datetime, datetime]:
    """The two ends of the span in UTC; `clock` gives Unix seconds.

    Raises
    ------
    Refusal
        One of them is no time, or the span is empty (422).
    """
    until = _time("to", end) if end is not None else datetime.fromtimestamp(clock(), UTC)
    try:
        since = _time("from", begin) if begin is not None else until - _DAY
    except OverflowError as error:
        raise _bad("to", "It leaves no day before it: name `from` too.") from error
    if since >= until:
        raise _bad("from", "It is not before `to`: a span has a beginning and, later, an end.")
    return since, until


def no_database(what: str) -> Refusal:
    """There is no database to ask."""
    return Refusal("no-database", f"This router keeps no {what} because it has no database: start it with --database.")


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Around a question to the database: one that hangs or does not answer becomes 503.

    Raises
    ------
    Refusal
        It does not answer, or not in time (503); the span has too many intervals (422).
    """
    try:
        async with asyncio.timeout(_LONGEST_ANSWER):
            yield
    except TimeoutError as error:
        raise Refusal(
            "no-database",
            f"The database took longer than {_LONGEST_ANSWER:.0f} s: ask for a shorter span.",
            retry_seconds=_RETRY_SECONDS,
        ) from error
    except StatusQueryError as error:
        if error.field != "step":
            raise
        # What Python calls a step is `interval` here.
        said = FieldError(field="interval", detail=str(error))
        raise Refusal("bad-input", str(error), errors=[said]) from error
    except (DatabaseUnavailableError, StatusUnavailableError) as error:
        raise Refusal("no-database", _sentence(str(error)), retry_seconds=_RETRY_SECONDS) from error


def database_response(found: object) -> ASGIResponse:
    """The answer out of the database."""
    return ASGIResponse(
        body=_in_milliseconds(msgspec.json.encode(found)),
        headers={"x-source-of-truth": "database", "cache-control": "no-store"},
        media_type="application/json",
    )


def _in_milliseconds(body: bytes) -> bytes:
    """Times as all rows have them, `…:01.500Z`; msgspec writes six digits, or none."""
    return _WHOLE_SECONDS.sub(rb'\1.000Z"', _MICROSECONDS.sub(rb'\1Z"', body))


def _time(field: str, text: str) -> datetime:
    said = f"{text[:40]!r} is no time: write it as 2026-11-21T00:00:00Z, or with an offset (its `+` as `%2B`)."
    if not _TIME.fullmatch(text):
        raise _bad(field, said)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad(field, said) from error


def _bad(field: str, said: str) -> Refusal:
    return Refusal(
        "bad-input", f"These parameters cannot be used: {field} ({said})", errors=[FieldError(field=field, detail=said)]
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
