"""What state intervals every database holds after gaps, restarts, losses and removals."""

from tests.recorded_database import column, intervals, record, recorder
from tests.recorded_events import (
    RecordedDouble,
    at,
    event,
    gap,
    operator_row,
    operator_update,
    queue_update,
    reconciled,
)
from vss_router.database.engine import Database
from vss_router.database.history import History


class IntervalContract:
    async def test_a_gap_cuts_the_interval_and_is_marked(self, database: Database) -> None:
        await record(
            database,
            operator_update(1, "PJSIP/1", "available", 0),
            gap(2, 100, 160),
            operator_update(3, "PJSIP/1", "available", 0, as_of=170),
            operator_update(4, "PJSIP/1", "paused", 200),
        )
        assert await intervals(database) == [
            ("available", 0, 100, True, False),
            ("available", 100, 160, False, True),
            ("available", 160, 200, True, True),
            ("paused", 200, None, True, False),
        ]

    async def test_what_changed_within_a_gap_is_not_claimed_before_its_end(self, database: Database) -> None:
        await record(
            database,
            operator_update(1, "PJSIP/1", "talking", 0),
            gap(2, 100, 160),
            operator_update(3, "PJSIP/1", "available", 130, as_of=160),
        )
        assert await intervals(database) == [
            ("talking", 0, 100, True, False),
            ("talking", 100, 160, False, True),
            ("available", 160, None, True, False),
        ]

    async def test_a_restart_is_a_gap_since_the_last_sign_of_life(self, database: Database) -> None:
        board = RecordedDouble(operators=[operator_row(1, "PJSIP/1", "available", 0)])
        await record(database, operator_update(1, "PJSIP/1", "available", 0), queue_update(2, "support", 50))
        await record(
            database,
            reconciled(1000, 90),
            operator_update(1001, "PJSIP/1", "available", 90),
            operator_update(1002, "PJSIP/1", "ringing", 95),
            board=board,
        )
        assert await intervals(database) == [
            ("available", 0, 50, True, False),
            ("available", 50, 90, False, True),
            ("available", 90, 95, True, True),
            ("ringing", 95, None, True, False),
        ]
        assert board.raised == 2

    async def test_dropped_events_are_a_gap(self, database: Database) -> None:
        writing = recorder(database, most_waiting=2)
        writing.handle("main", [operator_update(1, "PJSIP/1", "available", 0)])
        await writing.flush()
        for seq, state in ((2, "talking"), (3, "wrap_up"), (4, "available"), (5, "available")):
            writing.handle("main", [operator_update(seq, "PJSIP/1", state, seq * 10)])
        await writing.flush()
        assert writing.stats.dropped == 2
        assert await intervals(database) == [
            ("available", 0, 40, False, True),
            ("available", 40, 50, True, True),
            ("available", 50, None, True, False),
        ]

    async def test_another_set_of_queues_cuts_without_a_new_entry(self, database: Database) -> None:
        await record(
            database,
            operator_update(1, "PJSIP/1", "available", 0),
            operator_update(2, "PJSIP/1", "available", 0, as_of=30, queues=("support", "sales")),
        )
        assert await intervals(database) == [("available", 0, 30, True, False), ("available", 30, None, True, True)]

    async def test_a_wrap_up_belongs_to_the_call_before_it(self, database: Database) -> None:
        await record(
            database,
            operator_update(1, "PJSIP/1", "talking", 0, reason="support", call="c.1"),
            operator_update(2, "PJSIP/1", "wrap_up", 10),
        )
        found = await History(database).operator("1", at(0), at(100))
        assert found is not None
        assert [(item.state, item.queue, item.call) for item in found.items] == [
            ("talking", "support", "c.1"),
            ("wrap_up", "support", "c.1"),
        ]

    async def test_what_a_resync_no_longer_shows_is_gone(self, database: Database) -> None:
        board = RecordedDouble(operators=[operator_row(1, "PJSIP/2", "available", 0)])
        live = event(3, "call.start", 1, call_id="c.1", phone_number=None, direction="inbound")
        await record(
            database,
            operator_update(1, "PJSIP/1", "available", 0),
            operator_update(2, "PJSIP/2", "available", 0),
            live,
            queue_update(4, "support", 20),
            reconciled(5, 60),
            board=board,
        )
        assert await column(database, "operators", "gone_at") == [int(at(60).timestamp() * 1000), None]
        assert await column(database, "queues", "gone_at") == [int(at(60).timestamp() * 1000)]
        assert await column(database, "queue_members", "operator_key") == ["PJSIP/2"]
        assert await column(database, "calls", "status") == ["ended"]
        assert await intervals(database) == [("available", 0, 60, True, False)]

    async def test_who_comes_back_is_not_gone(self, database: Database) -> None:
        await record(
            database,
            operator_update(1, "PJSIP/1", "available", 0),
            reconciled(2, 60),
            operator_update(3, "PJSIP/1", "available", 70),
            board=RecordedDouble(),
        )
        assert await column(database, "operators", "gone_at") == [None]
        assert await column(database, "queue_members", "operator_key") == ["PJSIP/1"]
        assert await intervals(database) == [("available", 0, 60, True, False), ("available", 70, None, True, False)]
