"""The store of the rows in Redis: rows by hand from any service, with or without a router beside it.

A row, its index entry and its entry in `changes` are written by one call of a Redis Function, so that no reader sees
one without the other. A router replaces the row when Asterisk says something about it, or when it writes all anew.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast, final

from redis.exceptions import ResponseError

from vss_router import _core
from vss_router.errors import RedisRefusedError, RedisUnavailableError, StatusUnavailableError
from vss_router.status.manual_rows import (
    ChannelChange,
    ManualRow,
    OperatorChange,
    QueueChange,
    channel_row,
    operator_row,
    queue_row,
    row_id_of,
    written_time,
)
from vss_router.status.questions import no_source_chosen
from vss_router.status.reader_protocols import Answer, Table
from vss_router.status.redis.connection import RedisClient, RedisConnection
from vss_router.status.redis.keys import SourceKeys, sources_key
from vss_router.status.redis.partial_rows import OPERATOR
from vss_router.status.redis.reader import RedisReader

__all__ = ["RedisStore"]

_Kind = Literal["operator", "channel", "call", "queue"]
_TABLES: Final[tuple[Table, ...]] = ("operators", "channels", "calls", "queues")
_KIND_OF: Final[dict[Table, _Kind]] = {
    "operators": "operator",
    "channels": "channel",
    "calls": "call",
    "queues": "queue",
}
_AT_ONCE: Final = 256
"""Rows removed by one round trip."""
_FIRST_SOURCE: Final = "main"
"""What the PBX is called when a row is set in an empty Redis."""


@final
class RedisStore(RedisReader):
    """A `StatusStore` over Redis: `RedisReader` does the reading.

    Two services that change the same row at the same moment: the later one wins, with the fields it read before.

    Parameters
    ----------
    connection, prefix
        As for `RedisReader`.
    ttl_seconds
        How long a row set by hand stands.
    now
        Unix seconds.
    """

    def __init__(
        self,
        connection: RedisConnection,
        prefix: str = "queue",
        *,
        ttl_seconds: float = 3600.0,
        sources_seconds: float = 1.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(connection, prefix, sources_seconds=sources_seconds, meta_seconds=0.0)
        self._ttl_ms = int(ttl_seconds * 1000)
        self._now = now

    async def set_operator(self, operator_id: str, change: OperatorChange, source: str | None = None) -> Answer:
        """Set an operator by id, or one that stands by its extension; gives back the `OperatorRow` as it stands now."""
        place, standing = await self._find("operator", operator_id, source)
        row_id = operator_id if standing is None else row_id_of(standing)
        row = operator_row(place, row_id, change, standing, self._moment())
        left = set(OPERATOR.decode(standing).queues) - set(row.queues) if standing is not None else set()
        return await self._set(place, row, left)

    async def set_channel(self, channel_id: str, change: ChannelChange, source: str | None = None) -> Answer:
        """Set a channel by Uniqueid, or one that stands by its name; gives back the `ChannelRow`."""
        place, standing = await self._find("channel", channel_id, source)
        row_id = channel_id if standing is None else row_id_of(standing)
        return await self._set(place, channel_row(place, row_id, change, standing, self._moment()))

    async def set_queue(self, name: str, change: QueueChange, source: str | None = None) -> Answer:
        """Set a queue; gives back the `QueueRow`."""
        place, standing = await self._find("queue", name, source)
        return await self._set(place, queue_row(place, name, change, standing, self._moment()))

    async def remove_operator(self, operator_id: str, source: str | None = None) -> bool:
        """Remove an operator; false when there is none."""
        place, standing = await self._find("operator", operator_id, source)
        return standing is not None and await self._remove(place, "operators", row_id_of(standing), standing)

    async def remove_channel(self, channel_id: str, source: str | None = None) -> bool:
        """Remove a channel; false when there is none."""
        place, standing = await self._find("channel", channel_id, source)
        return standing is not None and await self._remove(place, "channels", row_id_of(standing), standing)

    async def remove_queue(self, name: str, source: str | None = None) -> bool:
        """Remove a queue; false when there is none."""
        place, standing = await self._find("queue", name, source)
        return standing is not None and await self._remove(place, "queues", name, standing)

    async def clear(self, source: str | None = None) -> int:
        """Remove every row of a PBX, of all of them without `source`; how many."""
        await self._look_for_sources()
        chosen = list(self._sources.values()) if source is None else await self._chosen(source)
        removed = 0
        for rows in chosen:
            for table in _TABLES:
                ids, _ = await rows.ids(table)
                some: list[tuple[bytes, bytes]] = []
                async for row_id, row in rows.rows(table, ids):
                    some.append((row_id, row))
                    if len(some) == _AT_ONCE:
                        removed += await self._removed(rows.name, table, some)
                        some = []
                removed += await self._removed(rows.name, table, some)
        return removed

    async def counts(self, source: str) -> dict[Table, int]:
        """How many rows of each table there are."""
        (rows,) = await self._chosen(source)
        return {table: len((await rows.ids(table))[0]) for table in _TABLES}

    async def _find(self, kind: _Kind, key: str, source: str | None) -> tuple[str, bytes | None]:
        """The PBX a row belongs to and what stands there: the named one, the only one, or the one where it stands."""
        await self._look_for_sources()
        if source is None and len(self._sources) == 1:
            (source,) = self._sources
        if self._sources:
            try:
                found = await self._one(kind, key, source)
            except RedisUnavailableError:
                raise
            except StatusUnavailableError:
                found = None  # only the names of PBXs were left
            if found is not None and found.source is not None:
                return found.source, found.body
            if source is None and self._sources:
                raise no_source_chosen(self._sources)
        return source or _FIRST_SOURCE, None

    async def _set(self, source: str, row: ManualRow, left: Iterable[str] = ()) -> Answer:
        keys, row_id = SourceKeys(self._prefix, source), row.id.encode()
        joined = [keys.members(queue.encode()) for queue in row.queues]
        words = [
            *(keys.row(row.table, row_id), keys.indexes[row.table], keys.meta, keys.changes),
            *joined,
            *(keys.members(queue.encode()) for queue in left),
        ]
        as_of = written_time(self._moment())
        arguments = [row_id, row.table, row.body, as_of, self._ttl_ms, len(joined)]
        await self._call("vss_set", [(words, arguments)])
        name = sources_key(self._prefix)
        await self._connection.ask(lambda client: client.execute_command("SADD", name, source))
        await self._look_for_sources()
        found = await self._one(_KIND_OF[row.table], row.id, source)
        if found is None:
            raise RedisRefusedError(
                f"Redis at {self._connection.endpoint.url} no longer holds the row just set: look at its memory."
            )
        return found

    async def _remove(self, source: str, table: Table, row_id: str, row: bytes) -> bool:
        return await self._removed(source, table, [(row_id.encode(), row)]) > 0

    async def _removed(self, source: str, table: Table, rows: Sequence[tuple[bytes, bytes]]) -> int:
        keys = SourceKeys(self._prefix, source)
        calls = []
        for row_id, row in rows:
            words = [keys.row(table, row_id), keys.indexes[table], keys.meta, keys.changes]
            if table == "operators":
                words += [keys.members(queue.encode()) for queue in OPERATOR.decode(row).queues]
            calls.append((words, [row_id, table, self._ttl_ms]))
        return sum(seq is not None for seq in await self._call("vss_remove", calls)) if calls else 0

    async def _call(self, function: str, calls: Sequence[tuple[list[bytes], list[Any]]]) -> list[Any]:
        async def question(client: RedisClient) -> list[Any]:
            pipe = client.pipeline(transaction=False)
            for keys, arguments in calls:
                pipe.execute_command("FCALL", function, len(keys), *keys, *arguments)
            return cast("list[Any]", await pipe.execute())

        try:
            return await self._connection.ask(question)
        except RedisRefusedError as refused:
            if "Function not found" not in str(refused):
                raise
        # No router has written here yet. None of the calls was done: they all name the same function.
        await self._connection.ask(self._load)
        return await self._connection.ask(question)

    async def _load(self, client: RedisClient) -> None:
        everywhere = {"target_nodes": "primaries"} if self._connection.endpoint.mode == "cluster" else {}
        try:
            await client.execute_command("FUNCTION LOAD", _core.REDIS_LIBRARY, **everywhere)
        except ResponseError as error:
            if "already exists" not in str(error):
                raise

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)
