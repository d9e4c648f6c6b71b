"""What history and time in state every database answers, counted by hand and millisecond by millisecond."""

import itertools
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recorded_database import emptied, record
from tests.recorded_events import (
    at,
    gap,
    operator_update,
    queue_update,
)
from vss_router.database.analytics import Analytics
from vss_router.database.engine import Database
from vss_router.database.history import History
from vss_router.database.history_rows import TimeInState
from vss_router.errors import StatusQueryError


def spent(found: TimeInState | None) -> dict[str, tuple[float, int]]:
    assert found is not None
    return {entry.state: (entry.seconds, entry.entered) for entry in found.states}


class StateTimeContract:
    async def test_a_span_that_is_none_is_refused(self, database: Database) -> None:
        for since, until, field in (
            (at(1), at(1), "until"),
            (at(2), at(1), "until"),
            (datetime(2026, 11, 20, 8), at(1), "since"),  # noqa: DTZ001 - that is what is refused
        ):
            with pytest.raises(StatusQueryError) as refused:
                await Analytics(database).operator_states("PJSIP/1", since, until)
            assert refused.value.field == field

    async def test_nobody_of_that_name_is_none(self, database: Database) -> None:
        await record(database, operator_update(1, "PJSIP/1", "available", 0))
        analytics, history = Analytics(database), History(database)
        assert await analytics.operator_states("PJSIP/2", at(0), at(1)) is None
        assert await analytics.queue_states("none", at(0), at(1)) is None
        assert await analytics.handling(at(0), at(1), queue="none") is None
        assert await analytics.service_level("none", at(0), at(1)) is None
        assert await history.operator("PJSIP/2", at(0), at(1)) is None
        assert await history.queue("none", at(0), at(1)) is None

    async def test_what_began_before_the_span_and_goes_on_after_it_is_clipped(self, database: Database) -> None:
        await record(
            database,
            operator_update(1, "PJSIP/1", "available", 0),
            operator_update(2, "PJSIP/1", "talking", 100),
            operator_update(3, "PJSIP/1", "wrap_up", 160.5),
            operator_update(4, "PJSIP/1", "available", 170),
            operator_update(5, "PJSIP/1", "paused", 300),
        )
        analytics = Analytics(database)
        assert spent(await analytics.operator_states("1", at(50), at(200))) == {
            "talking": (60.5, 1),
            "wrap_up": (9.5, 1),
            "available": (80.0, 1),
        }
        # A border belongs to what follows it.
        assert spent(await analytics.operator_states("1", at(100), at(160.5))) == {"talking": (60.5, 1)}
        assert spent(await analytics.operator_states("1", at(120), at(130))) == {"talking": (10.0, 0)}
        history = await History(database).operator("1", at(50), at(165))
        assert history is not None
        assert [(item.state, item.since, item.ended, item.seconds) for item in history.items] == [
            ("available", at(50), at(100), 50.0),
            ("talking", at(100), at(160.5), 60.5),
            ("wrap_up", at(160.5), at(165), 4.5),
        ]

    async def test_what_still_lasts_counts_up_to_the_last_sign_of_life(self, database: Database) -> None:
        await record(database, operator_update(1, "PJSIP/1", "available", 0), queue_update(2, "support", 40))
        assert spent(await Analytics(database).operator_states("1", at(0), at(1000))) == {"available": (40.0, 1)}
        history = await History(database).operator("1", at(0), at(1000))
        assert history is not None
        assert [(item.ended, item.seconds) for item in history.items] == [(None, 40.0)]

    async def test_unwatched_time_is_no_states(self, database: Database) -> None:
        await record(
            database,
            operator_update(1, "PJSIP/1", "talking", 0),
            gap(2, 10, 40),
            operator_update(3, "PJSIP/1", "available", 50),
            operator_update(4, "PJSIP/1", "paused", 60),
        )
        found = await Analytics(database).operator_states("1", at(0), at(60))
        assert spent(found) == {"talking": (20.0, 1), "available": (10.0, 1)}
        assert found is not None
        assert found.unwatched_seconds == 30.0

    async def test_a_queues_time_is_that_of_its_operators_while_they_were_in_it(self, database: Database) -> None:
        await record(
            database,
            queue_update(1, "sales"),
            operator_update(2, "PJSIP/1", "available", 0, queues=("support",)),
            operator_update(3, "PJSIP/2", "available", 0, queues=("sales",)),
            operator_update(4, "PJSIP/1", "available", 0, as_of=30, queues=("support", "sales")),
            operator_update(5, "PJSIP/1", "logged_out", 80, queues=()),
            operator_update(6, "PJSIP/2", "paused", 100, queues=("sales",)),
        )
        found = await Analytics(database).queue_states("sales", at(0), at(100))
        assert spent(found) == {"available": (150.0, 1)}

    async def test_history_comes_in_pages(self, database: Database) -> None:
        states = itertools.cycle(["available", "talking", "wrap_up"])
        await record(database, *(operator_update(n, "PJSIP/1", next(states), n * 10) for n in range(1, 12)))
        history = History(database)
        whole = await history.operator("1", at(0), at(1000))
        paged: list[Any] = []
        cursor: str | None = None
        for _ in range(12):
            page = await history.operator("1", at(0), at(1000), limit=2, cursor=cursor)
            assert page is not None
            paged += page.items
            if (cursor := page.next_cursor) is None:
                break
        assert whole is not None
        assert (paged, len(paged)) == (whole.items, 11)
        with pytest.raises(StatusQueryError, match="belongs to another list"):
            await history.operator("1", at(0), at(1000), cursor="WyJtYWluIiwiUEpTSVAvMSJd")

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        changes=st.lists(
            st.tuples(st.sampled_from(["available", "talking", "paused", "gap"]), st.integers(1, 5000)), max_size=15
        ),
        since=st.integers(0, 40_000),
        length=st.integers(1, 40_000),
    )
    async def test_time_in_state_equals_counting_every_millisecond(
        self, database: Database, changes: list[tuple[str, int]], since: int, length: int
    ) -> None:
        await emptied(database)
        events = [operator_update(1, "PJSIP/1", "available", 0)]
        timeline = ["available"]  # the state of each millisecond
        for seq, (change, after) in enumerate(changes, 2):
            if change == "gap":
                events.append(gap(seq, len(timeline) / 1000, (len(timeline) + after) / 1000))
                state = timeline[-1] if timeline[-1] != "?" else timeline[-2]
                timeline += ["?"] * after
                timeline.append(state)
            else:
                timeline += [timeline[-1]] * after
                events.append(operator_update(seq, "PJSIP/1", change, len(timeline) / 1000))
                timeline.append(change)
        events.append(queue_update(len(events) + 1, "support", len(timeline) / 1000))
        await record(database, *events)
        found = await Analytics(database).operator_states("1", at(since / 1000), at((since + length) / 1000))
        asked = timeline[since : since + length]
        counted = {state: asked.count(state) / 1000 for state in set(asked) - {"?"}}
        assert found is not None
        assert {entry.state: entry.seconds for entry in found.states if entry.seconds} == counted
        assert found.unwatched_seconds == asked.count("?") / 1000
