"""The database contract on SQLite, and what only a file can do."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from tests.contract.database_contract import DatabaseContract
from tests.contract.database_messages_contract import DatabaseMessagesContract
from tests.contract.database_readers_contract import DatabaseReadersContract
from tests.recorded_database import column, recorder
from tests.recorded_events import at, operator_update, queue_update, until
from vss_router.database import tables
from vss_router.database.analytics import Analytics
from vss_router.database.attempts import Attempts
from vss_router.database.engine import Database
from vss_router.database.recorder_stats import RecorderStats
from vss_router.errors import DatabaseError


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/status.sqlite"


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    # Patient, because the machine may be busy.
    opened = Database(url, answer_seconds=30.0)
    await opened.open()
    yield opened
    await opened.close()


class TestSqlite(DatabaseContract):
    pass


class TestSqliteReaders(DatabaseReadersContract):
    pass


class TestSqliteMessages(DatabaseMessagesContract):
    pass


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing/status.sqlite", "cannot be opened: check that its folder exists and may be written"),
        ("text.sqlite", "is not a database: name another file"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "text.sqlite").write_text("certainly no database, and longer than a header of one is\n" * 10)
    refused = Database(f"sqlite:///{tmp_path}/{name}")
    with pytest.raises(DatabaseError, match=sentence):
        await refused.open()
    await refused.close()


async def test_a_recorder_waits_for_its_database_and_loses_nothing(tmp_path: Path) -> None:
    later = Database(f"sqlite:///{tmp_path}/later/status.sqlite")
    writing = recorder(later, flush_seconds=0.01)
    writing.start()
    writing.handle("main", [operator_update(1, "PJSIP/1", "available", 0)])
    await until(lambda: writing.stats.failures > 0)
    assert "cannot be opened" in (writing.stats.trouble or "")
    (tmp_path / "later").mkdir()
    await until(lambda: writing.stats.batches > 0)
    await writing.stop()
    assert await column(later, "operators", "id") == ["PJSIP/1"]
    assert (writing.stats.dropped, writing.stats.trouble) == (0, None)
    await later.close()


async def test_each_outage_is_logged_with_its_reason_and_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vss_router.database")
    attempts = Attempts("sqlite:///status.sqlite", RecorderStats(), asyncio.Event(), lambda: 0.0)
    for _ in range(2):
        answers = iter((OSError("the disk is away"), OSError("the disk is away"), None))

        async def action() -> bool:
            answer = next(answers)  # noqa: B023 - asked before the next outage begins
            if answer is not None:
                raise answer
            return True

        assert await attempts.until_done(action)
    said = [(record.message, getattr(record, "trouble", None)) for record in caplog.records]
    waits = (
        "recording waits for the database",
        "the database sqlite:///status.sqlite does not answer: the disk is away",
    )
    assert said == [waits, ("recording goes on", None)] * 2


async def test_other_users_of_the_machine_may_not_read_a_file_made_here(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/status.sqlite")
    async with database.writing() as connection:
        await connection.execute(tables.sources.insert(), [{"source": "main", "seq": 1, "as_of": 1, "seen_at": 1}])
        modes = rights_in(tmp_path)
    await database.close()
    assert modes["status.sqlite"] == 0o600
    assert set(modes.values()) == {0o600}


def rights_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_the_rights_of_a_file_that_was_there_stay(tmp_path: Path) -> None:
    path = tmp_path / "status.sqlite"
    path.touch(0o640)
    path.chmod(0o640)
    database = Database(f"sqlite:///{path}")
    await database.open()
    await database.close()
    assert rights_in(tmp_path)["status.sqlite"] == 0o640


async def test_what_could_not_be_written_at_the_stop_is_counted(tmp_path: Path) -> None:
    never = Database(f"sqlite:///{tmp_path}/never/status.sqlite")
    writing = recorder(never, flush_seconds=0.01)
    writing.start()
    writing.handle("main", [operator_update(1, "PJSIP/1", "available", 0)])
    await writing.stop(0.1)
    assert writing.stats.dropped == 1
    await never.close()


async def test_a_batch_the_database_refuses_is_given_up_and_the_next_is_written(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/status.sqlite")
    writing = recorder(database, flush_seconds=0.01)
    # A seq that no integer of the database holds.
    writing.handle("main", [operator_update(2**70, "PJSIP/1", "available", 0)])
    await writing.flush()
    assert writing.stats.refused == 1
    other = recorder(database)
    other.handle("main", [operator_update(1, "PJSIP/2", "available", 0)])
    await other.flush()
    assert await column(database, "operators", "id") == ["PJSIP/2"]
    await database.close()


async def test_a_memory_database_serves_readers_and_the_recorder_at_once() -> None:
    database = Database("sqlite://")
    writing = recorder(database)
    for seq in range(1, 200):
        writing.handle("main", [operator_update(seq, f"PJSIP/{seq}", "available", 0)])
    await asyncio.gather(writing.flush(), *(column(database, "operators", "id") for _ in range(20)))
    assert len(await column(database, "operators", "id")) == 199
    await database.close()


async def test_a_queues_last_day_is_found_by_when_states_ended(database: Database) -> None:
    writing = recorder(database)
    writing.handle("main", [queue_update(1, "support", 0), operator_update(2, "PJSIP/1", "available", 0)])
    await writing.flush()
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection: object, _cursor: object, statement: str, given: tuple[object, ...], *_: object) -> None:
        asked.append((statement, given))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await Analytics(database).queue_states("support", at(0), at(60))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    ((statement, given),) = [each for each in asked if "FROM status_history" in each[0]]
    async with database.reading() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)).all()
    assert [step.detail for step in plan if "ix_status_history_ended" in step.detail]
    assert [step.detail for step in plan if "ix_status_history_source_kind_since" in step.detail] == []
