"""The inbox of consumers: a row per message that somebody is at or has handled.

```
 (no row) ─ claim ─▶ claimed until … ─ done ─▶ done, kept for two weeks
     ▲                   │      │ the lease ends: whoever crashed is not waited for
     └───── release ─────┘      └─ claim ─▶ claimed by another
```
"""

import time
import uuid
from collections.abc import Callable
from typing import Final, final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.broker.consumers import Claim, Claimed
from vss_router.database.engine import Database
from vss_router.database.retention import expire_inbox
from vss_router.database.tables import inbox

__all__ = ["DatabaseInbox"]

KEEP_SECONDS: Final = 14 * 86_400.0
"""Twice as long as a dead letter lives: one that is replayed at its last moment is still known."""
CLEAN_SECONDS: Final = 600.0


@final
class DatabaseInbox:
    """The `Inbox` of consumers in a database; workers on several machines may share it.

    `clock` gives Unix seconds, `new_token` texts that never repeat. What was handled is remembered for `keep_seconds`.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        new_token: Callable[[], str] = lambda: uuid.uuid4().hex,
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_token = new_token
        self._keep_seconds = keep_seconds
        self._clean_at = 0.0

    async def claim(self, consumer: str, message_id: str, lease_seconds: float) -> Claim:
        """Take a message for `lease_seconds`; the answer says whether it is ours.

        Raises
        ------
        DatabaseUnavailableError
            The database does not answer. Whether it is claimed is not known; the lease ends it.
        """
        await self._clean()
        return await self._database.in_time(self._claim(consumer, message_id, lease_seconds))

    async def _claim(self, consumer: str, message_id: str, lease_seconds: float) -> Claim:
        token, now = self._new_token(), int(self._clock() * 1000)
        row = {
            "consumer": consumer,
            "id": message_id,
            "token": token,
            "claimed_until": now + int(lease_seconds * 1000),
            "done_at": None,
        }
        taking = (
            update(inbox)
            .where(inbox.c.consumer == consumer, inbox.c.id == message_id)
            .where(inbox.c.done_at.is_(None), inbox.c.claimed_until <= now)
            .values(token=token, claimed_until=row["claimed_until"])
        )
        async with self._database.writing() as connection:
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            if (await connection.execute(insert(inbox).values(row).on_conflict_do_nothing())).rowcount:
                return Claim(Claimed.YOURS, token)
            if (await connection.execute(taking)).rowcount:
                return Claim(Claimed.YOURS, token)
            return await self._taken(connection, consumer, message_id)

    async def _taken(self, connection: AsyncConnection, consumer: str, message_id: str) -> Claim:
        asked = select(inbox.c.done_at).where(inbox.c.consumer == consumer, inbox.c.id == message_id)
        found = (await connection.execute(asked)).first()
        # Without a row it was released a moment ago: busy brings it back soon.
        return Claim(Claimed.DONE if found is not None and found.done_at is not None else Claimed.BUSY)

    async def done(self, consumer: str, message_id: str, token: str) -> bool:
        """It was handled; False when somebody else has claimed it since.

        Raises
        ------
        DatabaseUnavailableError
            The database does not answer.
        """
        statement = (
            update(inbox)
            .where(inbox.c.consumer == consumer, inbox.c.id == message_id, inbox.c.token == token)
            .values(done_at=int(self._clock() * 1000))
        )

        async def kept() -> bool:
            async with self._database.writing() as connection:
                return (await connection.execute(statement)).rowcount > 0

        return await self._database.in_time(kept())

    async def release(self, consumer: str, message_id: str, token: str) -> None:
        """It was not handled: whoever gets it next may claim it at once.

        Raises
        ------
        DatabaseUnavailableError
            The database does not answer.
        """
        statement = delete(inbox).where(
            inbox.c.consumer == consumer,
            inbox.c.id == message_id,
            inbox.c.token == token,
            inbox.c.done_at.is_(None),
        )

        async def released() -> None:
            async with self._database.writing() as connection:
                await connection.execute(statement)

        await self._database.in_time(released())

    async def _clean(self) -> None:
        now = self._clock()
        if now < self._clean_at:
            return
        self._clean_at = now + CLEAN_SECONDS
        await expire_inbox(self._database, int((now - self._keep_seconds) * 1000))
