"""The span a question is about, and its intervals in a time zone."""

from datetime import datetime, timedelta
from typing import Final, get_args
from zoneinfo import ZoneInfo

import msgspec

from vss_router.database.history_rows import Step
from vss_router.database.row_keys import milliseconds, moment
from vss_router.errors import StatusQueryError
from vss_router.status.questions import list_of_names, shown

__all__ = ["MOST_INTERVALS", "Span", "checked_span", "intervals_of"]

MOST_INTERVALS: Final = 1000
"""One report holds so many: ten days of quarters, forty days of hours."""
_MINUTES: Final[dict[str, int]] = {"quarter": 15, "hour": 60, "day": 1440}


class Span(msgspec.Struct, frozen=True):
    """From `since` up to, not including, `until`; milliseconds."""

    since: int
    until: int


def checked_span(since: datetime, until: datetime) -> Span:
    """The span in milliseconds.

    Raises
    ------
    StatusQueryError
        A time without zone, or `since` not before `until`.
    """
    for name, at in (("since", since), ("until", until)):
        if at.tzinfo is None:
            raise StatusQueryError(
                name, f"The time {at.isoformat()} has no zone: end it with Z, or with one like +03:00."
            )
    span = Span(milliseconds(since), milliseconds(until))
    if span.since >= span.until:
        raise StatusQueryError("until", "The span is empty: `since` must be before `until`.")
    return span


def intervals_of(span: Span, step: Step, time_zone: str) -> list[Span]:
    """The span cut at the zone's quarters, hours or midnights; the first and the last may be shorter.

    Raises
    ------
    StatusQueryError
        An unknown step or zone, or more intervals than one report holds.
    """
    if step not in get_args(Step):
        raise StatusQueryError("step", f"No step is called {shown(step)}: use one of {list_of_names(get_args(Step))}.")
    zone = _zone(time_zone)
    minutes = _MINUTES[step]
    if span.until - span.since > (MOST_INTERVALS + 1) * minutes * 60_000:
        raise _too_many(step)
    cut: list[Span] = []
    begins = span.since
    while begins < span.until:
        ends = min(_next_border(begins, minutes, zone), span.until)
        cut.append(Span(begins, ends))
        begins = ends
    if len(cut) > MOST_INTERVALS:
        raise _too_many(step)
    return cut


def _next_border(at: int, minutes: int, zone: ZoneInfo) -> int:
    """The first time after `at` that the zone's clock shows a border."""
    local = moment(at).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if minutes == 1440:
        # Midnight by the clock on the wall: a day of a change of clocks is an hour longer or shorter.
        return milliseconds((midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone))
    step = minutes * 60_000
    wall = (local.replace(tzinfo=None) - midnight.replace(tzinfo=None)) // timedelta(milliseconds=1)
    border = at + step - wall % step
    shift = _offset(border, zone) - _offset(at, zone)
    # Clocks that changed by less than a step meanwhile (Lord Howe: half an hour) show the border earlier or later.
    return border - shift % step if shift % step and border - shift % step > at else border


def _offset(at: int, zone: ZoneInfo) -> int:
    offset = moment(at).astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(milliseconds=1)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise StatusQueryError(
            "time_zone", f"No time zone is called {shown(name)}: use a name like UTC or Europe/Berlin."
        ) from error


def _too_many(step: str) -> StatusQueryError:
    return StatusQueryError(
        "step",
        f"The span has more than {MOST_INTERVALS} intervals of one {step}: take a longer step or a shorter span.",
    )
