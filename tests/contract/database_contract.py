"""What every database does for the recorder and the readers: written once, inherited for SQLite and for PostgreSQL.

A subclass gives the fixtures `url` (of an empty database) and `database` (opened, closed at the end).
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text

from tests.contract.database_intervals_contract import IntervalContract
from tests.recorded_database import column, contents, record, recorder
from tests.recorded_events import (
    RecordedDouble,
    at,
    call_end,
    call_row,
    event,
    hung_up,
    operator_row,
    operator_update,
    queue_update,
    said,
    visit,
)
from tests.recordings import START
from vss_router import StatusBoard
from vss_router.database.configured import load_configured
from vss_router.database.engine import Database
from vss_router.database.migrations.upgrade import configuration
from vss_router.database.recorder import StatusRecorder
from vss_router.database.retention import expire
from vss_router.database.tables import METADATA
from vss_router.errors import DatabaseError
from vss_router.status.verify.recording import recorded_chunks

RECORDING = Path(__file__).parents[1] / "data" / "asterisk-22.ami.gz"


class SchemaContract:
    async def test_a_schema_newer_than_this_version_is_refused(self, url: str) -> None:
        first = Database(url)
        async with first.writing() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await first.close()
        second = Database(url)
        with pytest.raises(DatabaseError, match=r"was made by a newer vss-router \(its schema is 9999\)"):
            await second.open()
        await second.close()

    async def test_processes_that_start_at_once_do_not_race_for_the_schema(self, url: str) -> None:
        together = [Database(url) for _ in range(4)]
        await asyncio.gather(*(database.open() for database in together))
        for database in together:
            await database.close()

    async def test_the_migrated_schema_is_that_of_the_tables(self, database: Database) -> None:
        def differences(connection: Connection) -> list[Any]:
            return list(compare_metadata(MigrationContext.configure(connection), METADATA))

        async with database.reading() as connection:
            assert await connection.run_sync(differences) == []

    async def test_the_schema_goes_down_to_nothing_and_up_again(self, database: Database) -> None:
        def down_and_up(connection: Connection) -> tuple[set[str], set[str]]:
            config = configuration(connection)
            command.downgrade(config, "base")
            left = set(inspect(connection).get_table_names())
            command.upgrade(config, "head")
            return left, set(inspect(connection).get_table_names())

        async with database.writing() as connection:
            left, made = await connection.run_sync(down_and_up)
        assert left == {"alembic_version"}
        assert made == {"alembic_version", *METADATA.tables}


class RecorderContract:
    async def test_what_cannot_be_read_is_counted_and_the_rest_is_written(self, database: Database) -> None:
        written = await record(
            database, (1, "operator.update", b'{"row": {"id": 7}}'), operator_update(2, "PJSIP/1", "available", 0)
        )
        assert (written.stats.unreadable, await column(database, "operators", "id")) == (1, ["PJSIP/1"])

    async def test_events_told_twice_change_nothing(self, database: Database) -> None:
        board = RecordedDouble(calls=[call_row(4, "c.1", 0, visit("support", 1))])
        told = [
            operator_update(1, "PJSIP/1", "available", 0),
            operator_update(2, "PJSIP/1", "talking", 5, reason="support"),
            queue_update(3, "support"),
            call_end(4, "c.1", 9),
        ]
        await record(database, *told, board=board)
        before = await contents(database)
        again = await record(database, *told, board=board)
        assert again.stats.repeated == 4
        after = await contents(database)
        assert {name: rows for name, rows in after.items() if name != "sources"} == {
            name: rows for name, rows in before.items() if name != "sources"
        }

    async def test_an_older_row_replaces_no_newer_one(self, database: Database) -> None:
        await record(database, operator_update(10, "PJSIP/1", "paused", 5))
        board = RecordedDouble(calls=[call_row(8, "c.1", 0, status="ended", ended_at=said(9))])
        other = recorder(database, board)
        other.handle("main", [call_end(11, "c.1", 9)])
        await other.flush()
        older = recorder(database, RecordedDouble(calls=[call_row(7, "c.1", 0, status="talking")]))
        older.handle("main", [event(12, "call.update", 8, call_id="c.1", status="talking")])
        await older.flush()
        assert await column(database, "calls", "status") == ["ended"]

    async def test_rows_laid_there_out_of_the_database_are_not_recorded(self, database: Database) -> None:
        await record(database, operator_update(1, "PJSIP/1", "available", 0, stale=True))
        assert await column(database, "operators", "id") == []

    async def test_a_row_is_stored_as_the_bytes_it_was(self, database: Database) -> None:
        row = operator_row(1, "PJSIP/1", "available", 0)
        await record(database, operator_update(1, "PJSIP/1", "available", 0))
        assert await column(database, "operators", "row") == [msgspec.json.encode(row)]

    async def test_a_membership_that_changes_its_operator_stands_once(self, database: Database) -> None:
        interface = operator_row(1, "PJSIP/2", "available", 0)["memberships"]
        await record(
            database,
            operator_update(1, "PJSIP/2", "available", 0),
            operator_update(2, "PJSIP/1", "available", 1, memberships=interface),
            operator_update(3, "PJSIP/2", "logged_out", 1, queues=()),
        )
        assert await column(database, "queue_members", "operator_key") == ["PJSIP/1"]

    async def test_ids_that_no_index_takes_are_kept_apart(self, database: Database) -> None:
        long = ["PJSIP/" + "я%/ " * 2500 + tail for tail in "ab"]
        odd = ["nul\0one", "PJSIP/Анна 50%", "a\x01b"]
        await record(database, *(operator_update(n, name, "available", 0) for n, name in enumerate([*long, *odd], 1)))
        assert len(set(await column(database, "operators", "key"))) == 5
        assert set(long) < set(await column(database, "operators", "id"))

    async def test_an_ended_call_has_its_visits_and_legs(self, database: Database) -> None:
        ended = call_row(
            5,
            "c.1",
            0,
            visit("sales", 1, wait=10.5, outcome="timeout"),
            visit("support", 12, wait=2.25, talk=60, operator="PJSIP/1"),
            status="ended",
            ended_at=said(80),
        )
        board = RecordedDouble(calls=[ended])
        board.hung_up = [hung_up("c.1", "c.1", 80), b"no row"]
        written = await record(database, call_end(5, "c.1", 80), board=board)
        assert await column(database, "calls", "ended_at") == [int(at(80).timestamp() * 1000)]
        assert await column(database, "queue_visits", "wait_ms") == [10_500, 2_250]
        assert await column(database, "queue_visits", "outcome") == ["timeout", "answered"]
        assert await column(database, "call_legs", "call_key") == ["c.1"]
        assert written.stats.unreadable == 1

    async def test_a_visit_that_moves_to_another_call_leaves_the_first(self, database: Database) -> None:
        moving = visit("support", 1, outcome=None)
        board = RecordedDouble(calls=[call_row(1, "c.1", 0, moving), call_row(1, "c.2", 0)])
        writing = recorder(database, board)
        begun = [event(seq, "call.update", 1, call_id=call, status="queued") for seq, call in ((1, "c.1"), (2, "c.2"))]
        writing.handle("main", begun)
        await writing.flush()
        board.tables["calls"] = {"c.1": call_row(3, "c.1", 0), "c.2": call_row(4, "c.2", 0, moving)}
        moved = [event(seq, "call.update", 2, call_id=call, status="queued") for seq, call in ((3, "c.1"), (4, "c.2"))]
        writing.handle("main", moved)
        await writing.flush()
        assert await column(database, "queue_visits", "call_key") == ["c.2"]

    async def test_a_call_the_board_forgot_is_told_by_its_events(self, database: Database) -> None:
        start = event(1, "call.start", 3, call_id="c.1", phone_number="+7", direction="outbound", queue=None)
        await record(database, start, call_end(2, "c.1", 9), board=RecordedDouble())
        (row,) = [msgspec.json.decode(row) for row in await column(database, "calls", "row")]
        assert (row["direction"], row["phone_number"], row["started_at"]) == ("outbound", "+7", said(3))
        assert (row["status"], row["ended_at"], row["wait_seconds"]) == ("ended", said(9), 1.5)


class RetentionContract:
    async def test_only_what_ended_before_goes_a_little_at_a_time(self, database: Database) -> None:
        states = [
            operator_update(seq, "PJSIP/1", "paused" if seq % 2 else "available", seq * 10) for seq in range(1, 9)
        ]
        ended = [call_row(seq, f"c.{seq}", 0, visit("support", 1), ended_at=said(seq)) for seq in (20, 60)]
        board = RecordedDouble(calls=[row | {"status": "ended"} for row in ended])
        board.hung_up = [hung_up("old", "c.20", 20), hung_up("new", "c.60", 60)]
        await record(database, *states, call_end(20, "c.20", 20), call_end(60, "c.60", 60), board=board)
        removed = await expire(database, int(at(50).timestamp() * 1000), together=2)
        assert await column(database, "status_history", "seq") == [4, 5, 6, 7, 8]
        assert await column(database, "calls", "id") == ["c.60"]
        assert await column(database, "queue_visits", "call_key") == ["c.60"]
        assert await column(database, "call_legs", "id") == ["new"]
        assert removed == 5


class ReplayContract:
    async def test_after_a_recording_every_row_equals_the_boards(self, database: Database) -> None:
        board = StatusBoard(first_seq=1)
        writing = StatusRecorder(database, {"main": board}, clock=lambda: START)
        board.keep_hung_up(True)
        for chunk in recorded_chunks(RECORDING):
            writing.handle("main", board.feed(chunk, START).events)
        await writing.flush()
        assert (writing.stats.unreadable, writing.stats.refused, writing.stats.dropped) == (0, 0, 0)
        for table in ("operators", "queues"):
            assert await column(database, table, "row") == [row for _, row in board.rows(table)]
        stored = {msgspec.json.decode(row)["id"]: row for row in await column(database, "calls", "row")}
        assert {call: stored[call] for call, _ in board.rows("calls")} == dict(board.rows("calls"))
        assert len(await column(database, "call_legs", "id")) > 100

    async def test_the_intervals_of_a_recording_neither_overlap_nor_leave_a_hole(self, database: Database) -> None:
        board = StatusBoard(first_seq=1)
        writing = StatusRecorder(database, {"main": board}, clock=lambda: START)
        for chunk in recorded_chunks(RECORDING):
            writing.handle("main", board.feed(chunk, START).events)
        await writing.flush()
        async with database.reading() as connection:
            history = METADATA.tables["status_history"]
            rows = (await connection.execute(select(history).order_by(*history.primary_key))).all()
        by_operator: dict[str, list[Any]] = {}
        for row in rows:
            by_operator.setdefault(row.key, []).append(row)
        assert by_operator.keys() == dict(board.rows("operators")).keys()
        for key, read in by_operator.items():
            assert [row.ended for row in read[:-1]] == [row.since for row in read[1:]]
            assert (read[-1].ended, read[-1].state) == (None, msgspec.json.decode(board.operator(key) or b"")["state"])

    async def test_what_is_loaded_at_start_can_be_laid_into_a_board(self, database: Database) -> None:
        board = StatusBoard(first_seq=1)
        writing = StatusRecorder(database, {"main": board}, clock=lambda: START)
        for chunk in recorded_chunks(RECORDING):
            writing.handle("main", board.feed(chunk, START).events)
        await writing.flush()
        loaded = await load_configured(database, "main")
        assert loaded.seq > 1
        fresh = StatusBoard(first_seq=1)
        for table, rows in (("operators", loaded.operators), ("queues", loaded.queues)):
            for row in rows:
                more = {"state": row.state, "queues": row.queues, "extension": row.extension, "name": row.name}
                fresh.set_row(table, row.id, row.row, origin="database", now=START, **more)  # type: ignore[arg-type]
        assert [key for key, _ in fresh.rows("operators")] == [key for key, _ in board.rows("operators")]
        for key, body in fresh.rows("operators", queue="support"):
            shown = msgspec.json.decode(body)
            assert (shown["id"], shown["stale"], shown["channels"], shown["activity"]) == (key, True, [], "idle")


class DatabaseContract(SchemaContract, RecorderContract, IntervalContract, RetentionContract, ReplayContract):
    """All of it."""
