"""The reader of the rows in Redis: ready JSON, passed through as it stands there.

```python
connection = RedisConnection(parse_redis_url("redis://127.0.0.1:6379/0"))
reader = RedisReader(connection)
answer = await reader.operator("PJSIP/1001")
```
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from vss_router.errors import RedisUnavailableError, StatusUnavailableError
from vss_router.status.cursor import Cursor
from vss_router.status.operator_ids import extension_of
from vss_router.status.questions import ambiguous, check_limit, check_state, page, unknown_source
from vss_router.status.reader_protocols import Answer, Table
from vss_router.status.redis.connection import RedisConnection
from vss_router.status.redis.keys import sources_key
from vss_router.status.redis.partial_rows import CHANNEL, OPERATOR, QUEUE
from vss_router.status.redis.source_rows import ReaderStats, SourceMeta, SourceRows

__all__ = ["RedisReader"]

_Kind = Literal["operator", "channel", "call", "queue", "callers"]
_TABLE_OF: Final[dict[_Kind, Table]] = {
    "operator": "operators",
    "channel": "channels",
    "call": "calls",
    "queue": "queues",
    "callers": "queues",
}
_TABLES: Final[tuple[Table, ...]] = ("operators", "channels", "queues", "calls")


class RedisReader:
    """Answers out of Redis; every method is a coroutine. Errors are those of `StatusReader` and of `RedisConnection`.

    Parameters
    ----------
    connection
        The Redis, whose owner closes it.
    prefix
        What all keys begin with.
    sources_seconds
        How long the list of PBXs is used before it is read again.
    meta_seconds
        How old `as_of`, `seq` and `stale` of a single row may be; lists and snapshots read them with their rows.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        connection: RedisConnection,
        prefix: str = "queue",
        *,
        sources_seconds: float = 1.0,
        meta_seconds: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stats: Final = ReaderStats()
        self._connection = connection
        self._prefix = prefix
        self._sources_seconds = sources_seconds
        self._meta_seconds = meta_seconds
        self._clock = clock
        self._sources: dict[str, SourceRows] = {}
        self._sources_until = -1.0

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the PBXs in order, as the last question found them."""
        return tuple(self._sources)

    async def operator(self, operator_id: str, source: str | None = None) -> Answer | None:
        """One operator by id (`PJSIP/1001`) or extension (`1001`): an `OperatorRow`."""
        return await self._one("operator", operator_id, source)

    async def channel(self, channel_id: str, source: str | None = None) -> Answer | None:
        """One channel by Uniqueid or channel name: a `ChannelRow`."""
        return await self._one("channel", channel_id, source)

    async def call(self, call_id: str, source: str | None = None) -> Answer | None:
        """One call by Linkedid: a `CallRow`."""
        return await self._one("call", call_id, source)

    async def queue(self, name: str, source: str | None = None) -> Answer | None:
        """One queue by name: a `QueueRow`."""
        return await self._one("queue", name, source)

    async def callers(self, queue: str, source: str | None = None) -> Answer | None:
        """Who waits in a queue, first in line first: `{"items": [Caller, …], "next_cursor": null}`."""
        found = await self._one("callers", queue, source)
        if found is None:
            return None
        return msgspec.structs.replace(found, body=page([bytes(QUEUE.decode(found.body).callers)[1:-1]], None))

    async def operators(
        self,
        *,
        state: str | None = None,
        queue: str | None = None,
        source: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Answer:
        """Operators in order of source and id, those in `state` and members of `queue`: `OperatorRow`s."""
        check_state(state)
        return await self._list("operators", source, limit, cursor, state=state, queue=queue)

    async def channels(
        self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Answer:
        """Channels in order of source and id: `ChannelRow`s."""
        return await self._list("channels", source, limit, cursor)

    async def calls(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Answer:
        """Calls in order of source and id, those that ended a moment ago too: `CallRow`s."""
        return await self._list("calls", source, limit, cursor)

    async def queues(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Answer:
        """Queues in order of source and name: `QueueRow`s."""
        return await self._list("queues", source, limit, cursor)

    async def snapshot(self, source: str | None = None) -> Answer:
        """Everything at one `seq`: a `SourceSnapshot`, or `{"sources": {name: SourceSnapshot}}` of several PBXs."""
        chosen = await self._chosen(source)
        bodies: list[tuple[SourceRows, SourceMeta, bytes]] = []
        for rows in chosen:
            tables, meta = await rows.everything()
            if meta is None:
                await self._forget(rows)
                continue
            body = b'{"source":' + msgspec.json.encode(rows.name) + b',"seq":' + str(meta.seq).encode()
            body += b',"as_of":' + msgspec.json.encode(meta.as_of)
            for table in _TABLES:
                body += b',"' + table.encode() + b'":[' + b",".join(tables[table]) + b"]"
            bodies.append((rows, meta, body + b"}"))
        read = [(rows.name, meta) for rows, meta, _ in bodies]
        # A row by hand in Redis takes a number that the board may give to another one: not the board's versions.
        version = ",".join(f"{rows.name}:{meta.seq}-{len(body)}-redis" for rows, meta, body in bodies)
        if len(chosen) == 1 and bodies:
            return self._answer(bodies[0][2], read, version)
        named = [msgspec.json.encode(rows.name) + b":" + body for rows, _, body in bodies]
        return self._answer(b'{"sources":{' + b",".join(named) + b"}}", read, version)

    async def _one(self, kind: _Kind, key: str, source: str | None) -> Answer | None:
        chosen = await self._chosen(source)
        if len(chosen) == 1:
            found = [(chosen[0], *await self._found(chosen[0], kind, key))]
        else:
            answers = await asyncio.gather(*(self._found(rows, kind, key) for rows in chosen))
            found = [(rows, *answer) for rows, answer in zip(chosen, answers, strict=True)]
        read = 0
        standing: list[tuple[str, SourceMeta, bytes]] = []
        for rows, body, meta in found:
            if meta is None:
                await self._forget(rows)
                continue
            read += 1
            if body is not None:
                standing.append((rows.name, meta, body))
        if len(standing) > 1:
            raise ambiguous(kind, key, tuple(name for name, _, _ in standing))
        if standing:
            name, meta, body = standing[0]
            return self._answer(body, [(name, meta)])
        if not read:
            raise self._nothing()
        return None

    async def _found(self, rows: SourceRows, kind: _Kind, key: str) -> tuple[bytes | None, SourceMeta | None]:
        body, meta = await rows.row(_TABLE_OF[kind], key)
        if body is None and meta is not None:
            if kind == "operator":
                body = await self._by_extension(rows, key)
            elif kind == "channel" and "/" in key:
                body = await self._by_name(rows, key)
        return body, meta

    async def _by_extension(self, rows: SourceRows, extension: str) -> bytes | None:
        ids, _ = await rows.ids("operators")
        # Most extensions can be read off the id; only a row set by hand has another one.
        likely = [row_id for row_id in ids if extension_of(row_id.decode(errors="replace")) == extension]
        unlikely = [] if "/" in extension else ids
        for some in (likely, unlikely):
            async for _, row in rows.rows("operators", some):
                if OPERATOR.decode(row).extension == extension:
                    return row
        return None

    async def _by_name(self, rows: SourceRows, name: str) -> bytes | None:
        ids, _ = await rows.ids("channels")
        async for _, row in rows.rows("channels", ids):
            if CHANNEL.decode(row).name == name:
                return row
        return None

    async def _list(
        self,
        table: Table,
        source: str | None,
        limit: int | None,
        cursor: str | None,
        *,
        state: str | None = None,
        queue: str | None = None,
    ) -> Answer:
        check_limit(limit)
        start = Cursor.decode(cursor) if cursor is not None else None
        bodies: list[bytes] = []
        read: list[tuple[str, SourceMeta]] = []
        last: Cursor | None = None
        more = False
        for rows in await self._chosen(source):
            ids, meta = await rows.ids(table, queue)
            if meta is None:
                await self._forget(rows)
                continue
            read.append((rows.name, meta))
            if more or (start is not None and rows.name < start.source):
                continue
            if start is not None and rows.name == start.source:
                after = start.after.encode("utf-8", "surrogatepass")
                ids = [row_id for row_id in ids if row_id > after]
            async for row_id, row in rows.rows(table, ids, queue):
                if state is not None and OPERATOR.decode(row).state != state:
                    continue
                if limit is not None and len(bodies) == limit:
                    more = True
                    break
                bodies.append(row)
                last = Cursor(rows.name, row_id.decode(errors="replace"))
        following = last.encode() if more and last is not None else None
        return self._answer(page(bodies, following), read)

    async def _chosen(self, source: str | None) -> list[SourceRows]:
        if self._clock() >= self._sources_until:
            await self._look_for_sources()
        if source is None:
            if not self._sources:
                raise self._nothing()
            return list(self._sources.values())
        if source not in self._sources:
            # It may have come a moment ago.
            await self._look_for_sources()
            if source not in self._sources:
                raise unknown_source(source, self._sources)
        return [self._sources[source]]

    async def _look_for_sources(self) -> None:
        key = sources_key(self._prefix)
        found = await self._connection.ask(lambda client: client.execute_command("SMEMBERS", key))
        names = sorted(name.decode(errors="replace") for name in found)
        self._sources = {name: self._sources.get(name) or self._rows_of(name) for name in names}
        self._sources_until = self._clock() + self._sources_seconds

    def _rows_of(self, name: str) -> SourceRows:
        return SourceRows(
            self._connection,
            self._prefix,
            name,
            self.stats,
            meta_seconds=self._meta_seconds,
            clock=self._clock,
        )

    async def _forget(self, rows: SourceRows) -> None:
        """Nothing of the PBX is left but its name: take that away too."""
        self._sources.pop(rows.name, None)
        key, name = sources_key(self._prefix), rows.name.encode()
        try:
            await self._connection.ask(lambda client: client.execute_command("SREM", key, name))
            self.stats.sources_dropped += 1
            # A router may have begun to write in between; it names the PBX after its first rows.
            if await rows.meta() is not None:
                await self._connection.ask(lambda client: client.execute_command("SADD", key, name))
        except RedisUnavailableError:
            return  # a user that may only read, or a replica: the name stays, and is passed over again

    def _nothing(self) -> StatusUnavailableError:
        return StatusUnavailableError(
            f"Redis at {self._connection.endpoint.url} holds no status below {self._prefix}: start a router that "
            "writes there, or name its prefix."
        )

    def _answer(self, body: bytes, read: list[tuple[str, SourceMeta]], version: str | None = None) -> Answer:
        if not read:
            raise self._nothing()
        single = read[0] if len(read) == 1 else None
        return Answer(
            body=body,
            as_of=min(meta.as_of for _, meta in read),
            position=",".join(f"{name}:{meta.seq}" for name, meta in read),
            seq=single[1].seq if single is not None else None,
            stale=any(meta.stale for _, meta in read),
            source=single[0] if single is not None else None,
            source_of_truth="redis",
            version=version,
        )
