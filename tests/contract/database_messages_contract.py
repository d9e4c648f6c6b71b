"""What every database does for messages: the inbox and the log. Inherited for SQLite and for PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import text

from tests.recorded_database import column
from vss_router.broker.consumers import Claim, Claimed
from vss_router.broker.message_log import LoggedMessage
from vss_router.database.engine import Database
from vss_router.database.inbox import DatabaseInbox
from vss_router.database.message_log import DatabaseMessageLog

NOW = 1_795_290_561.0
LEADS = "vss.autodial.leads:dial"


class Hour:
    """A clock moved by hand, tokens in order."""

    def __init__(self) -> None:
        self.now = NOW
        self._numbers = count(1)

    def token(self) -> str:
        return f"token {next(self._numbers)}"


def inbox_of(database: Database, hour: Hour, **more: float) -> DatabaseInbox:
    return DatabaseInbox(database, clock=lambda: hour.now, new_token=hour.token, **more)


class InboxContract:
    async def test_of_many_who_claim_at_once_one_gets_it(self, database: Database) -> None:
        hour = Hour()
        inboxes = [inbox_of(database, hour) for _ in range(4)]
        claims = await asyncio.gather(*(inbox.claim(LEADS, "m1", 60) for inbox in inboxes for _ in range(3)))
        assert sorted(claim.claimed for claim in claims) == [Claimed.BUSY] * 11 + [Claimed.YOURS]

    async def test_what_is_done_stays_done(self, database: Database) -> None:
        hour = Hour()
        inbox = inbox_of(database, hour)
        token = (await inbox.claim(LEADS, "m1", 60)).token
        assert await inbox.done(LEADS, "m1", token)
        hour.now += 3600
        assert await inbox_of(database, hour).claim(LEADS, "m1", 60) == Claim(Claimed.DONE)
        await inbox.release(LEADS, "m1", token)
        assert (await inbox.claim(LEADS, "m1", 60)).claimed is Claimed.DONE

    async def test_what_is_released_may_be_claimed_at_once(self, database: Database) -> None:
        inbox = inbox_of(database, Hour())
        await inbox.release(LEADS, "m1", (await inbox.claim(LEADS, "m1", 60)).token)
        assert (await inbox.claim(LEADS, "m1", 60)).claimed is Claimed.YOURS

    async def test_who_crashed_is_waited_for_until_the_lease_ends(self, database: Database) -> None:
        hour = Hour()
        inbox = inbox_of(database, hour)
        await inbox.claim(LEADS, "m1", 60)
        hour.now += 59.9
        assert (await inbox.claim(LEADS, "m1", 60)).claimed is Claimed.BUSY
        hour.now += 0.2
        assert (await inbox.claim(LEADS, "m1", 60)).claimed is Claimed.YOURS

    async def test_who_lost_the_lease_ends_nothing(self, database: Database) -> None:
        hour = Hour()
        inbox = inbox_of(database, hour)
        late = (await inbox.claim(LEADS, "m1", 60)).token
        hour.now += 61
        assert (await inbox.claim(LEADS, "m1", 60)).claimed is Claimed.YOURS
        assert not await inbox.done(LEADS, "m1", late)
        await inbox.release(LEADS, "m1", late)
        assert (await inbox.claim(LEADS, "m1", 60)).claimed is Claimed.BUSY

    async def test_each_consumer_has_its_own(self, database: Database) -> None:
        inbox = inbox_of(database, Hour())
        await inbox.claim(LEADS, "m1", 60)
        assert (await inbox.claim("vss.gacs.commands:run", "m1", 60)).claimed is Claimed.YOURS
        assert (await inbox.claim(LEADS, "m2", 60)).claimed is Claimed.YOURS

    @pytest.mark.parametrize("message_id", ["", "é%_'\"; DROP TABLE inbox", "я" * 200])
    async def test_any_id_is_an_id(self, database: Database, message_id: str) -> None:
        inbox = inbox_of(database, Hour())
        assert (await inbox.claim(LEADS, message_id, 60)).claimed is Claimed.YOURS
        assert (await inbox.claim(LEADS, message_id, 60)).claimed is Claimed.BUSY

    async def test_what_is_old_is_forgotten(self, database: Database) -> None:
        hour = Hour()
        inbox = inbox_of(database, hour, keep_seconds=1000.0)
        await inbox.done(LEADS, "old", (await inbox.claim(LEADS, "old", 60)).token)
        await inbox.claim(LEADS, "crashed", 60)
        hour.now += 900
        await inbox.done(LEADS, "new", (await inbox.claim(LEADS, "new", 60)).token)
        hour.now += 700
        await inbox.claim(LEADS, "another", 60)
        assert await column(database, "inbox", "id") == ["another", "new"]


class MessageLogContract:
    async def test_lines_are_kept_as_they_were(self, database: Database) -> None:
        log = DatabaseMessageLog(database, clock=lambda: NOW)
        await log.append(
            [
                LoggedMessage(NOW, "router", "publish", "call.start", '{"call_id":"c1"}'),
                LoggedMessage(NOW + 1, "dci", "consume", "я" * 100, '"nul: \\u0000"'),
            ]
        )
        assert await column(database, "rabbitmq_log", "type") == ["publish", "consume"]
        assert await column(database, "rabbitmq_log", "data") == ['{"call_id":"c1"}', '"nul: \\u0000"']
        first = (await column(database, "rabbitmq_log", "timestamp"))[0]
        assert first.replace(tzinfo=UTC) == datetime.fromtimestamp(NOW, UTC)

    async def test_a_service_may_write_as_the_guide_shows(self, database: Database) -> None:
        stamp = "'2026-11-21T19:49:21.084Z'" if database.dialect == "postgresql" else "'2026-11-21 19:49:21.084000'"
        statement = (
            "INSERT INTO rabbitmq_log (timestamp, service, type, routing_key, data) "
            f"VALUES ({stamp}, 'OTTB', 'publish', 'call.start', '{{}}')"
        )
        async with database.writing() as connection:
            await connection.execute(text(statement.replace(":", "\\:")))
        assert await column(database, "rabbitmq_log", "service") == ["OTTB"]

    async def test_what_is_old_goes(self, database: Database) -> None:
        hour = Hour()
        log = DatabaseMessageLog(database, keep_days=2, clock=lambda: hour.now)

        async def write(key: str) -> None:
            await log.append([LoggedMessage(hour.now, "router", "publish", key, "{}")])

        await write("first")
        hour.now += timedelta(days=1).total_seconds()
        await write("second")
        hour.now += timedelta(days=1, seconds=1).total_seconds()
        await write("third")
        assert await column(database, "rabbitmq_log", "routing_key") == ["second", "third"]


class DatabaseMessagesContract(InboxContract, MessageLogContract):
    """All of it."""
