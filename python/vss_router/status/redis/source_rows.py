"""The rows of one PBX as they stand in Redis."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, cast, final

import msgspec

from vss_router import _core
from vss_router.errors import RedisUnavailableError
from vss_router.status.reader_protocols import Table
from vss_router.status.redis.connection import RedisClient, RedisConnection
from vss_router.status.redis.keys import SourceKeys

__all__ = ["ReaderStats", "SourceMeta", "SourceRows", "expanded"]

AT_ONCE: Final = 1024
"""Rows asked for by one MGET: well under a millisecond of Redis's time."""
_TABLES: Final[tuple[Table, ...]] = ("operators", "channels", "queues", "calls")
_BRACE: Final = ord("{")

# Everything at one moment, whatever the writer does meanwhile: a script is atomic. It only reads.
# KEYS 1-4 indexes, 5 meta, 6 lease; ARGV 1-4 what a row's key begins with. As many keys a call as Lua's stack holds.
_SNAPSHOT: Final = """
local answer = { redis.call('HMGET', KEYS[5], 'seq', 'as_of', 'state'), redis.call('EXISTS', KEYS[6]) }
for place = 1, 4 do
  local ids = redis.call('SMEMBERS', KEYS[place])
  table.sort(ids)
  local rows = {}
  for from = 1, #ids, 4000 do
    local keys = {}
    for at = from, math.min(from + 3999, #ids) do
      local id = ids[at]
      if place == 3 then
        id = string.gsub(string.gsub(id, '%%([25]*3Aoperators)$', '%%25%1'), ':operators$', '%%3Aoperators')
      end
      keys[#keys + 1] = ARGV[place] .. id
    end
    for _, row in ipairs(redis.call('MGET', unpack(keys))) do
      if row then rows[#rows + 1] = row end
    end
  end
  answer[place + 2] = rows
end
return answer
"""

# An id goes out of its index only if its row is still missing: the writer may have brought it meanwhile.
# KEYS 1 the index, 2… rows; ARGV their ids.
_DROP: Final = """
local dropped = 0
for place = 2, #KEYS do
  if redis.call('EXISTS', KEYS[place]) == 0 then dropped = dropped + redis.call('SREM', KEYS[1], ARGV[place - 1]) end
end
return dropped
"""


class ReaderStats(msgspec.Struct, kw_only=True):
    """Counted since the start: ids met in an index without a row, how many of them were dropped, PBXs dropped."""

    ids_without_row: int = 0
    ids_dropped: int = 0
    sources_dropped: int = 0


class SourceMeta(msgspec.Struct, frozen=True):
    """What `meta` and the writer's lease say: `stale` unless somebody holds the lease and calls itself live."""

    seq: int
    as_of: str
    stale: bool

    @classmethod
    def read(cls, fields: Sequence[bytes | None], held: int) -> "SourceMeta | None":
        """Out of `HMGET seq as_of state` and `EXISTS writer`; None when there is no `meta`."""
        seq, as_of, state = fields
        if seq is None:
            return None
        return cls(int(seq), (as_of or b"").decode(), state != b"live" or not held)


def expanded(row: bytes) -> bytes:
    """The row as JSON, also when it was written compressed."""
    return row if row[:1] == b"{" else _core.expand_row(row)


@final
class SourceRows:
    """Reads one PBX's rows; errors are those of `RedisConnection.ask`.

    For single rows `meta` is read once in `meta_seconds`, not with each of them; `clock` is monotonic.
    """

    def __init__(
        self,
        connection: RedisConnection,
        prefix: str,
        source: str,
        stats: ReaderStats,
        *,
        meta_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self.name: Final = source
        self.keys: Final = SourceKeys(prefix, source)
        self._connection = connection
        self._stats = stats
        self._meta_seconds = meta_seconds
        self._clock = clock
        self._meta: SourceMeta | None = None
        self._meta_until = 0.0
        self._may_drop = True

    async def meta(self) -> SourceMeta | None:
        """`meta` as it is now; None when nothing of the PBX stands in Redis."""

        async def question(client: RedisClient) -> list[Any]:
            pipe = client.pipeline(transaction=False)
            return await self._with_meta(pipe)

        fields, held = await self._connection.ask(question)
        return self._kept(SourceMeta.read(fields, held))

    async def row(self, table: Table, row_id: str) -> tuple[bytes | None, SourceMeta | None]:
        """One row and what is known about the PBX."""
        key = self.keys.row(table, row_id.encode("utf-8", "surrogatepass"))
        if self._meta is not None and self._clock() < self._meta_until:
            body = await self._connection.ask(lambda client: client.get(key))
            if body is not None:
                return (body if body[0] == _BRACE else expanded(body)), self._meta

        async def question(client: RedisClient) -> list[Any]:
            pipe = client.pipeline(transaction=False)
            pipe.get(key)
            return await self._with_meta(pipe)

        found, fields, held = await self._connection.ask(question)
        return None if found is None else expanded(found), self._kept(SourceMeta.read(fields, held))

    async def ids(self, table: Table, queue: str | None = None) -> tuple[list[bytes], SourceMeta | None]:
        """The ids of a table, of operators those of a queue, in order."""
        index = self._index(table, queue)

        async def question(client: RedisClient) -> list[Any]:
            pipe = client.pipeline(transaction=False)
            pipe.execute_command("SMEMBERS", index)
            return await self._with_meta(pipe)

        members, fields, held = await self._connection.ask(question)
        # The order of the bytes is the order of the letters: UTF-8 keeps it.
        return sorted(members), self._kept(SourceMeta.read(fields, held))

    async def rows(
        self, table: Table, ids: Sequence[bytes], queue: str | None = None
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """The rows of these ids in their order, those that stand; the others are dropped from their index."""
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            missing = []
            for row_id, row in zip(some, await self.some_rows(table, some), strict=True):
                if row is None:
                    missing.append(row_id)
                else:
                    yield row_id, row
            if missing:
                await self._drop(table, missing, queue)

    async def some_rows(self, table: Table, ids: Sequence[bytes]) -> list[bytes | None]:
        """The rows of a few ids; None for one that does not stand."""
        words = ["MGET", *(self.keys.row(table, row_id) for row_id in ids)]
        found = cast("list[bytes | None]", await self._connection.ask(lambda client: client.execute_command(*words)))
        return [row if row is None or row[0] == _BRACE else expanded(row) for row in found]

    async def everything(self) -> tuple[dict[Table, list[bytes]], SourceMeta | None]:
        """All rows of all tables as they stood at one moment, in order of their ids."""
        keys = self.keys
        words = [_SNAPSHOT, 6, *(keys.indexes[table] for table in _TABLES), keys.meta, keys.writer]
        words += [keys.row(table, b"") for table in _TABLES]
        found = await self._connection.ask(lambda client: client.execute_command("EVAL_RO", *words))
        tables = {table: [expanded(row) for row in found[place + 2]] for place, table in enumerate(_TABLES)}
        return tables, self._kept(SourceMeta.read(found[0], found[1]))

    def _index(self, table: Table, queue: str | None) -> bytes:
        return self.keys.indexes[table] if queue is None else self.keys.members(queue.encode("utf-8", "surrogatepass"))

    async def _with_meta(self, pipe: Any) -> list[Any]:
        pipe.execute_command("HMGET", self.keys.meta, "seq", "as_of", "state")
        pipe.execute_command("EXISTS", self.keys.writer)
        return cast("list[Any]", await pipe.execute())

    def _kept(self, meta: SourceMeta | None) -> SourceMeta | None:
        self._meta = meta
        self._meta_until = self._clock() + self._meta_seconds
        return meta

    async def _drop(self, table: Table, ids: list[bytes], queue: str | None) -> None:
        self._stats.ids_without_row += len(ids)
        if not self._may_drop:
            return
        words = [self._index(table, queue), *(self.keys.row(table, row_id) for row_id in ids), *ids]
        try:
            dropped = await self._connection.ask(
                lambda client: client.execute_command("EVAL", _DROP, 1 + len(ids), *words)
            )
        except RedisUnavailableError:
            # A user that may only read, or a replica: the writer puts its indexes right itself.
            self._may_drop = False
        else:
            self._stats.ids_dropped += int(dropped)
