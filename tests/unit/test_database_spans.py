"""Intervals of a span: refusals, borders at the zone's clock, and that nothing is lost between them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vss_router.database.history_rows import Step
from vss_router.database.row_keys import milliseconds, moment
from vss_router.database.spans import MOST_INTERVALS, Span, intervals_of
from vss_router.errors import StatusQueryError

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Asia/Kathmandu", "Australia/Sydney"]
MINUTES = {"quarter": 15, "hour": 60, "day": 1440}


def span(since: datetime, until: datetime) -> Span:
    return Span(milliseconds(since), milliseconds(until))


@pytest.mark.parametrize("name", ["", "Mars", "../UTC", "/etc/passwd", "Europe", "x" * 10_000, "nul\0"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(StatusQueryError, match="No time zone is called"):
        intervals_of(Span(0, 1), "hour", name)


def test_too_many_intervals_are_refused_and_just_enough_are_not() -> None:
    hours = timedelta(hours=MOST_INTERVALS)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(intervals_of(span(begin, begin + hours), "hour", "UTC")) == MOST_INTERVALS
    with pytest.raises(StatusQueryError, match="more than 1000 intervals of one hour"):
        intervals_of(span(begin, begin + hours + timedelta(milliseconds=1)), "hour", "UTC")
    with pytest.raises(StatusQueryError, match="take a longer step or a shorter span"):
        intervals_of(span(begin, begin + 1000 * hours), "hour", "UTC")


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["quarter", "hour", "day"]),
    st.integers(1_767_225_600_000, 1_798_761_600_000),
    st.integers(1, 86_400_000 * 3),
)
def test_the_intervals_are_the_span_and_their_borders_the_zones(zone: str, step: Step, since: int, length: int) -> None:
    cut = intervals_of(Span(since, since + length), step, zone)
    assert (cut[0].since, cut[-1].until) == (since, since + length)
    assert [one.until for one in cut[:-1]] == [one.since for one in cut[1:]]
    for one in cut[1:]:
        local = moment(one.since).astimezone(ZoneInfo(zone))
        assert (local.hour * 60 + local.minute) % MINUTES[step] == 0
        assert (local.second, local.microsecond) == (0, 0)
    for one in cut[1:-1]:
        assert one.until - one.since >= (MINUTES[step] - (60 if step == "day" else 0)) * 60_000


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    begin = datetime(2026, 10, 25, 0, tzinfo=UTC)
    cut = intervals_of(span(begin, begin + timedelta(hours=3)), "hour", "Europe/Berlin")
    assert [moment(one.since) for one in cut] == [begin + timedelta(hours=hour) for hour in range(3)]
