"""The database contract on PostgreSQL, and what only a server can do."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.database_contract import DatabaseContract
from tests.contract.database_messages_contract import DatabaseMessagesContract
from tests.contract.database_readers_contract import DatabaseReadersContract
from tests.recorded_database import column, recorder
from tests.recorded_events import operator_update, until
from tests.services.fixtures import StartPostgres
from tests.services.postgres_server import PostgresServer
from vss_router.database.engine import Database
from vss_router.database.reader import DatabaseReader
from vss_router.errors import DatabaseError, StatusUnavailableError


@pytest.fixture
def url(postgres_database: str) -> str:
    return postgres_database


def migrate(url: str) -> None:
    async def opened() -> None:
        database = Database(url, answer_seconds=30.0)
        await database.open()
        await database.close()

    # A thread, because the one of the tests has a loop of its own.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, opened()).result()


@pytest.fixture
def migrated_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with its tables, a copy of one that was migrated: that takes longer than most tests here."""
    url = postgres_server.fresh_database(postgres_server.template("migrated", migrate))
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    # Patient, because the machine may be busy.
    opened = Database(migrated_url, answer_seconds=30.0)
    await opened.open()
    yield opened
    await opened.close()


class TestPostgresql(DatabaseContract):
    pass


class TestPostgresqlReaders(DatabaseReadersContract):
    pass


class TestPostgresqlMessages(DatabaseMessagesContract):
    pass


async def refused(url: str) -> str:
    database = Database(url)
    with pytest.raises(DatabaseError) as caught:
        await database.open()
    await database.close()
    return str(caught.value)


async def test_a_database_that_does_not_exist_is_named(postgres_server: PostgresServer) -> None:
    said = await refused(postgres_server.url("nowhere"))
    assert said.endswith("/nowhere does not exist on that server: create it with createdb first")


async def test_a_wrong_password_is_told_without_showing_it(start_postgres: StartPostgres) -> None:
    server = start_postgres()
    server.sql("CREATE ROLE app LOGIN PASSWORD 'right'")
    hba = server._folder / "data" / "pg_hba.conf"
    hba.write_text("host all app 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n")
    server.sql("SELECT pg_reload_conf()")
    said = await refused(server.url().replace("vss@", "app:wrong-secret@"))
    assert said.endswith("refuses the password, or the user: check both in --database")
    assert "wrong-secret" not in said


async def test_a_user_who_may_make_no_tables_is_told_so(postgres_server: PostgresServer, url: str) -> None:
    postgres_server.sql("DROP ROLE IF EXISTS reader_only")
    postgres_server.sql("CREATE ROLE reader_only LOGIN")
    said = await refused(url.replace("vss@", "reader_only@"))
    postgres_server.sql("DROP ROLE reader_only")
    assert "does not let this user make its tables" in said


async def test_a_recorder_outlives_its_server_and_loses_nothing(start_postgres: StartPostgres) -> None:
    server = start_postgres()
    database = Database(server.fresh_database())
    writing = recorder(database, flush_seconds=0.01)
    writing.start()
    writing.handle("main", [operator_update(1, "PJSIP/1", "available", 0)])
    await until(lambda: writing.stats.batches > 0)
    await asyncio.to_thread(server.kill)
    writing.handle("main", [operator_update(2, "PJSIP/2", "available", 0)])
    await until(lambda: writing.stats.failures > 0)
    await asyncio.to_thread(server.start)
    await writing.stop(30)
    assert await column(database, "operators", "id") == ["PJSIP/1", "PJSIP/2"]
    assert writing.stats.dropped == 0
    await database.close()


async def test_a_reader_gives_a_hanging_server_up_and_does_not_wait_for_it_again(
    start_postgres: StartPostgres,
) -> None:
    server = start_postgres()
    database = Database(server.fresh_database(), answer_seconds=0.3)
    await recorder_of_one(database)
    reader = DatabaseReader(database)
    server.pause()
    try:
        with pytest.raises(StatusUnavailableError, match="cannot be read now"):
            await reader.operator("PJSIP/1")
        began = time.monotonic()
        with pytest.raises(StatusUnavailableError, match="did not answer a moment ago"):
            await reader.operator("PJSIP/1")
        assert time.monotonic() - began < 0.3
    finally:
        server.resume()
    await database.close()


async def recorder_of_one(database: Database) -> None:
    writing = recorder(database)
    writing.handle("main", [operator_update(1, "PJSIP/1", "available", 0)])
    await writing.flush()
