"""What figures every database answers: service level and handling times, counted by hand and by a naive reference."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recorded_database import emptied, record
from tests.recorded_events import (
    RecordedDouble,
    at,
    call_end,
    call_row,
    operator_update,
    queue_update,
    said,
    visit,
)
from vss_router.database.analytics import Analytics
from vss_router.database.engine import Database
from vss_router.database.history import History
from vss_router.database.history_rows import ServiceInterval
from vss_router.errors import StatusQueryError

VISITS = [
    # (joined, wait, talk, outcome, operator)
    (0, 5, 60, "answered", "PJSIP/1"),
    (899.999, 20, 30, "answered", "PJSIP/2"),
    (900, 20.001, 90, "answered", "PJSIP/1"),
    (1000, 3, 0, "abandoned", None),
    (1100, 50, 0, "abandoned", None),
    (1200, 60, 0, "timeout", None),
    (1300, 1, 0, "left_empty", None),
    (1799.999, 7, 0, "exit_key", None),
    (1800, 0, 0, None, None),
]


async def visited(database: Database, visits: list[tuple[float, float, float, str | None, str | None]]) -> None:
    rows = [
        call_row(
            seq,
            f"c.{seq}",
            joined,
            visit("support", joined, wait=wait, talk=talk, outcome=outcome, operator=operator),
            status="ended",
            ended_at=said(joined + wait + talk),
        )
        for seq, (joined, wait, talk, outcome, operator) in enumerate(visits, 10)
    ]
    ends = [call_end(row["seq"], row["id"], 4000) for row in rows]
    operators = [operator_update(seq, f"PJSIP/{seq}", "available", 0) for seq in (1, 2)]
    board = RecordedDouble(calls=rows)
    await record(database, *operators, queue_update(3, "support", service_level_seconds=20), *ends, board=board)


def told(interval: ServiceInterval) -> tuple[Any, ...]:
    level = interval.service_level_percent
    counts = (interval.offered, interval.answered, interval.abandoned, interval.timed_out)
    return (*counts, level.of_answered, level.of_offered, interval.wait.p90)


class ServiceLevelContract:
    @pytest.mark.parametrize(
        ("question", "field"),
        [({"time_zone": "Mars/Base"}, "time_zone"), ({"time_zone": "../etc"}, "time_zone"), ({"step": "year"}, "step")],
    )
    async def test_an_unknown_zone_or_step_is_refused(
        self, database: Database, question: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(StatusQueryError) as refused:
            await Analytics(database).service_level("support", at(0), at(1), **question)
        assert refused.value.field == field

    async def test_more_intervals_than_a_report_holds_are_refused(self, database: Database) -> None:
        with pytest.raises(StatusQueryError, match="more than 1000 intervals of one quarter"):
            await Analytics(database).service_level("support", at(0), at(86_400 * 11), step="quarter")

    async def test_each_visit_counts_in_the_interval_it_began_in(self, database: Database) -> None:
        await visited(database, VISITS)  # type: ignore[arg-type]
        found = await Analytics(database).service_level("support", at(0), at(2700), step="quarter")
        assert found is not None
        assert [told(interval) for interval in found.intervals] == [
            (2, 2, 0, 0, 100.0, 100.0, 20.0),
            # One answered a millisecond too late; of two abandoned one in time.
            (6, 1, 2, 2, 0.0, 33.3, 20.001),
            (1, 0, 0, 0, None, None, None),
        ]
        assert told(found.total) == (9, 3, 2, 2, 66.7, 60.0, 20.001)
        assert (found.service_level_seconds, found.intervals[1].begins) == (20, at(900))

    async def test_the_borders_of_a_day_are_the_zones_midnights(self, database: Database) -> None:
        await visited(database, VISITS)  # type: ignore[arg-type]
        since, until = datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC)
        found = await Analytics(database).service_level("support", since, until, step="day", time_zone="Europe/Berlin")
        assert found is not None
        assert [(interval.begins, interval.ends) for interval in found.intervals] == [
            (since, datetime(2026, 10, 24, 22, tzinfo=UTC)),
            # The day the clocks went back has 25 hours.
            (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
            (datetime(2026, 10, 25, 23, tzinfo=UTC), until),
        ]

    async def test_the_borders_of_an_hour_are_the_zones_full_hours(self, database: Database) -> None:
        await visited(database, VISITS)  # type: ignore[arg-type]
        found = await Analytics(database).service_level(
            "support", at(0), at(7200), step="hour", time_zone="Asia/Kolkata"
        )
        assert found is not None
        assert [interval.begins for interval in found.intervals] == [at(0), at(1800), at(5400)]

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        visits=st.lists(
            st.tuples(
                st.integers(0, 3_600_000).map(lambda ms: ms / 1000),
                st.integers(0, 40_000).map(lambda ms: ms / 1000),
                st.just(0.0),
                st.sampled_from(["answered", "abandoned", "timeout", "left_empty", "exit_key", None]),
                st.none(),
            ),
            max_size=25,
        ),
        since=st.integers(0, 3_000_000),
    )
    async def test_the_report_equals_counting_the_visits(
        self, database: Database, visits: list[tuple[float, float, float, str | None, str | None]], since: int
    ) -> None:
        await emptied(database)
        await visited(database, visits)
        begin = since / 1000
        found = await Analytics(database).service_level("support", at(begin), at(3700), step="quarter")
        assert found is not None
        for interval in [*found.intervals, found.total]:
            inside = [one for one in visits if interval.begins <= at(one[0]) < interval.ends]
            waits = sorted(wait for _, wait, _, outcome, _ in inside if outcome == "answered")
            gave_up = [wait for _, wait, _, outcome, _ in inside if outcome == "abandoned"]
            in_time = sum(wait <= 20 for wait in waits)
            assert interval.offered == len(inside)
            assert (interval.answered, interval.abandoned) == (len(waits), len(gave_up))
            assert interval.timed_out == sum(one[3] in {"timeout", "left_empty"} for one in inside)
            assert interval.wait.p90 == (waits[math.ceil(len(waits) * 9 / 10) - 1] if waits else None)
            assert interval.wait.longest == (waits[-1] if waits else None)
            level = interval.service_level_percent.of_offered
            whole = len(waits) + len(gave_up)
            good = in_time + sum(wait <= 20 for wait in gave_up)
            assert level is None if not whole else level == pytest.approx(100 * good / whole, abs=0.0501)
        assert sum(interval.offered for interval in found.intervals) == found.total.offered


class HandlingContract:
    async def test_times_of_a_queue_and_of_an_operator(self, database: Database) -> None:
        await visited(database, VISITS)  # type: ignore[arg-type]
        await record(
            database,
            operator_update(100, "PJSIP/1", "talking", 5, reason="support", call="c.10"),
            operator_update(101, "PJSIP/1", "on_hold", 10, reason="support", call="c.10"),
            operator_update(102, "PJSIP/1", "talking", 14, reason="support", call="c.10"),
            operator_update(103, "PJSIP/1", "on_hold", 20, reason="support", call="c.10"),
            operator_update(104, "PJSIP/1", "talking", 23, reason="support", call="c.10"),
            operator_update(105, "PJSIP/1", "wrap_up", 65),
            operator_update(106, "PJSIP/1", "available", 75),
        )
        found = await Analytics(database).handling(at(0), at(1800), queue="support")
        assert found is not None
        assert (found.answered, found.wait.mean, found.wait.p50, found.wait.longest) == (3, 15.0, 20.0, 20.001)
        assert (found.talk.mean, found.talk.p50, found.talk.p99) == (60.0, 60.0, 90.0)
        # Both holds of the one call together.
        assert (found.hold.count, found.hold.mean) == (1, 7.0)
        assert (found.wrap_up.count, found.wrap_up.mean) == (1, 10.0)
        assert found.handling_mean == 63.333
        one = await Analytics(database).handling(at(0), at(1800), operator="PJSIP/2")
        assert one is not None
        assert (one.answered, one.wait.mean, one.hold.count, one.handling_mean) == (1, 20.0, 0, 30.0)

    async def test_nothing_to_divide_by_is_null(self, database: Database) -> None:
        await record(database, queue_update(1, "support"))
        found = await Analytics(database).handling(at(0), at(1))
        assert found is not None
        assert (found.answered, found.wait.mean, found.handling_mean, found.wait.p90) == (0, None, None, None)

    async def test_visits_come_in_pages_in_order_of_joining(self, database: Database) -> None:
        await visited(database, [(*one[:3], *one[3:]) for one in VISITS] + [(900, 1, 1, "answered", None)])  # type: ignore[arg-type]
        history = History(database)
        seen: list[tuple[datetime, str]] = []
        cursor: str | None = None
        for _ in range(10):
            page = await history.queue("support", at(0), at(1800), limit=2, cursor=cursor)
            assert page is not None
            seen += [(item.joined_at, item.call) for item in page.items]
            if (cursor := page.next_cursor) is None:
                break
        # Two joined at one moment; what joined at the end of the span is not in it.
        assert len(set(seen)) == len(seen) == 9
        assert seen == sorted(seen)
        assert seen[-1][0] == at(1799.999)
        assert timedelta(0) == seen[2][0] - seen[3][0]
