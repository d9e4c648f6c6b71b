"""The reader of a process that follows what a router writes to Redis, and answers from its own memory.

```
            ┌──────────── load: all rows, from the stream's last entry on ◀────────────┐
            ▼                                                                          │
 loading ───┴──▶ following ── entry ──▶ its rows are read and take their places        │
    ▲               │  ├──── a gap in `seq`, "*", `meta` ahead of the stream ──────────┤
    │               │  └──── `meta` is gone ─────▶ waiting, stale ── it is back ───────┘
    │               └─────── the connection is cut ─▶ stale
    └───────────────────────────────── after a wait ◀──────┘
```
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, final

import msgspec

from vss_router.errors import RedisUnavailableError
from vss_router.status.reader import MemoryReader
from vss_router.status.reader_protocols import Table
from vss_router.status.redis.connection import ANSWER_SECONDS, RedisConnection
from vss_router.status.redis.endpoint import RedisEndpoint
from vss_router.status.redis.keys import sources_key
from vss_router.status.redis.replica_board import Key, ReplicaBoard, Rows
from vss_router.status.redis.source_rows import AT_ONCE, ReaderStats, SourceRows

__all__ = ["ReplicaReader", "ReplicaStats"]

ENTRIES_AT_ONCE: Final = 256
FIRST_RETRY_SECONDS: Final = 0.1
LONGEST_RETRY_SECONDS: Final = 2.0
CANCEL_SECONDS: Final = 0.05
FORGET_SECONDS: Final = 60.0
"""How long the rows of a PBX of which nothing is left in Redis are still shown, stale."""
_TABLES: Final[tuple[Table, ...]] = ("operators", "channels", "queues", "calls")

_log = logging.getLogger(__name__)


class ReplicaStats(msgspec.Struct, kw_only=True):
    """Counted since the start; `lag_seconds` is how old the last entry was when its rows were in place."""

    loads: int = 0
    gaps: int = 0
    rewrites: int = 0
    failures: int = 0
    entries: int = 0
    rows: int = 0
    lag_seconds: float = 0.0


class _Entry(msgspec.Struct, frozen=True):
    id: bytes
    seq_from: int
    seq_to: int
    rows: dict[Table, list[str]] | None
    """None: everything was written anew."""


class _Followed(msgspec.Struct):
    """Where one PBX's following stands."""

    rows: SourceRows
    board: ReplicaBoard
    stale: bool = True
    fresh_at: int | None = None
    """The writer is live again: stale no longer once the rows have come to this number."""
    last_id: bytes = b"0-0"
    seq: int = 0
    missing_since: float | None = None


_ROWS: Final = msgspec.json.Decoder(dict[Literal["operators", "channels", "queues", "calls"], list[str]])


@final
class ReplicaReader(MemoryReader):
    """A `StatusReader` that answers at once, out of memory, for every PBX that stands in a Redis.

    `start` begins to follow, `aclose` ends it. Before the first load of a PBX its name is not known here. `boards` and
    `is_stale` serve a stream of changes as those of a router do.

    Parameters
    ----------
    endpoint, prefix
        The Redis and what its keys begin with.
    block_seconds
        How long Redis holds a question for news; an outage that cuts no connection is seen a second later than that.
    sources_seconds
        How often the list of PBXs is read.
    clock, now, random
        Monotonic seconds, Unix seconds, numbers in [0, 1).
    """

    def __init__(
        self,
        endpoint: RedisEndpoint,
        prefix: str = "queue",
        *,
        block_seconds: float = 1.0,
        sources_seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.boards: Final[dict[str, ReplicaBoard]] = {}
        self.stats: Final = ReplicaStats()
        self._followed: dict[str, _Followed] = {}
        super().__init__(self.boards, self._is_not_followed)
        self._prefix = prefix
        self._block_ms = int(block_seconds * 1000)
        self._sources_seconds = sources_seconds
        self._clock, self._now, self._random = clock, now, random
        self._connection = RedisConnection(endpoint)
        # A question for news holds its connection, and may be answered late.
        self._stream = RedisConnection(endpoint, answer_seconds=block_seconds + ANSWER_SECONDS)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to follow every PBX that stands there; returns at once."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_for_sources(), name="replica")

    async def aclose(self) -> None:
        """End the following and close the connections; the rows are still read, stale."""
        tasks = [*self._tasks.values(), *([self._looking] if self._looking is not None else [])]
        self._closing = True
        pending = set(tasks)
        while pending:
            for task in pending:
                task.cancel()
            # More than once: the client loses a cancellation that meets one of its own time-outs.
            _, pending = await asyncio.wait(pending, timeout=CANCEL_SECONDS)
        self._tasks.clear()
        self._looking = None
        for followed in self._followed.values():
            followed.stale = True
        await self._connection.aclose()
        await self._stream.aclose()

    def _is_not_followed(self, source: str) -> bool:
        followed = self._followed.get(source)
        return followed is None or followed.stale

    async def _look_for_sources(self) -> None:
        key = sources_key(self._prefix)
        failed = 0
        while not self._closing:
            try:
                found = await self._connection.ask(lambda client: client.execute_command("SMEMBERS", key))
            except RedisUnavailableError as error:
                await self._wait(failed, "the list of PBXs", error)
                failed += 1
                continue
            failed = 0
            for name in sorted(member.decode(errors="replace") for member in found):
                task = self._tasks.get(name)
                if task is None or task.done():
                    self._tasks[name] = asyncio.create_task(self._follow(name), name=f"replica of {name}")
            await asyncio.sleep(self._sources_seconds)

    async def _follow(self, name: str) -> None:
        """Follow one PBX until nothing is left of it in Redis for `FORGET_SECONDS`."""
        rows = SourceRows(self._connection, self._prefix, name, ReaderStats(), meta_seconds=0.0, clock=self._clock)
        followed = self._followed.setdefault(name, _Followed(rows, self.boards.get(name) or ReplicaBoard(name)))
        failed = 0
        while not self._closing:
            try:
                if await self._load(followed):
                    failed = 0
                    while await self._advance(followed) and not self._closing:
                        pass
                elif self._is_forgotten(followed):
                    return
                else:
                    await asyncio.sleep(FIRST_RETRY_SECONDS)
            except RedisUnavailableError as error:
                followed.stale = True
                await self._wait(failed, name, error)
                failed += 1
            except (msgspec.MsgspecError, ValueError, LookupError) as error:
                # What stands there is not ours, or of another version.
                followed.stale = True
                await self._wait(failed + 3, name, error)
                failed += 1

    async def _load(self, followed: _Followed) -> bool:
        """Read everything; false when nothing stands there."""
        rows = followed.rows
        # In this order: what changes while the rows are read comes again as an entry.
        newest = await self._connection.ask(
            lambda client: client.execute_command("XREVRANGE", rows.keys.changes, "+", "-", "COUNT", 1)
        )
        meta = await rows.meta()
        if meta is None:
            followed.stale = True
            return False
        found: dict[Key, bytes] = {}
        for table in _TABLES:
            ids, _ = await rows.ids(table)
            async for row_id, row in rows.rows(table, ids):
                found[table, row_id.decode(errors="replace")] = row
        followed.last_id = newest[0][0] if newest else b"0-0"
        followed.seq = meta.seq
        followed.missing_since = None
        followed.board.replace(found, meta.seq, meta.as_of)
        followed.stale, followed.fresh_at = meta.stale, None
        self.boards[rows.name] = followed.board
        self.stats.loads += 1
        return True

    async def _advance(self, followed: _Followed) -> bool:
        """Wait for news, and take them over; false when everything has to be read anew."""
        rows = followed.rows
        entries = await self._news(followed, self._block_ms)
        meta = await rows.meta()
        if meta is None:
            followed.stale = True
            return False
        if meta.stale:
            followed.stale, followed.fresh_at = True, None
        elif followed.stale and followed.fresh_at is None:
            # `meta` is ahead of the rows here: they are read below, or come with the next entries.
            followed.fresh_at = meta.seq
        if not entries and meta.seq > followed.seq:
            # Either they came just now, or they are lost: the stream was deleted, or begins anew with lower ids.
            entries = await self._news(followed, None)
            if not entries:
                self.stats.gaps += 1
                return False
        changed: dict[Table, dict[str, None]] = {table: {} for table in _TABLES}
        for entry in entries:
            self.stats.entries += 1
            if entry.rows is None:
                self.stats.rewrites += 1
                return False
            if entry.seq_from > followed.seq + 1:
                self.stats.gaps += 1
                return False
            followed.seq = max(followed.seq, entry.seq_to)
            followed.last_id = entry.id
            for table, ids in entry.rows.items():
                changed[table].update(dict.fromkeys(ids))
        read = await self._read(rows, changed)
        self.stats.rows += followed.board.apply(read, followed.seq, meta.as_of)
        if followed.fresh_at is not None and followed.seq >= followed.fresh_at:
            followed.stale, followed.fresh_at = False, None
        if entries:
            self.stats.lag_seconds = max(0.0, self._now() - int(entries[-1].id.partition(b"-")[0]) / 1000)
        return True

    async def _news(self, followed: _Followed, block_ms: int | None) -> list[_Entry]:
        words: list[Any] = ["XREAD", "COUNT", ENTRIES_AT_ONCE]
        if block_ms is not None:
            words += ["BLOCK", block_ms]
        words += ["STREAMS", followed.rows.keys.changes, followed.last_id]
        connection = self._stream if block_ms is not None else self._connection
        found = await connection.ask(lambda client: client.execute_command(*words))
        entries = []
        for entry_id, fields in found[0][1] if found else ():
            told: Mapping[bytes, bytes] = fields
            ids = told[b"rows"]
            entries.append(
                _Entry(
                    entry_id,
                    int(told[b"seq_from"]),
                    int(told[b"seq_to"]),
                    None if ids == b"*" else _ROWS.decode(ids),
                )
            )
        return entries

    async def _read(self, rows: SourceRows, changed: Mapping[Table, Mapping[str, None]]) -> Rows:
        read: dict[Key, bytes | None] = {}
        for table, wanted in changed.items():
            ids = list(wanted)
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                found = await rows.some_rows(table, [row_id.encode() for row_id in some])
                read.update({(table, row_id): row for row_id, row in zip(some, found, strict=True)})
        return read

    def _is_forgotten(self, followed: _Followed) -> bool:
        if followed.missing_since is None:
            followed.missing_since = self._clock()
        if self._clock() - followed.missing_since < FORGET_SECONDS:
            return False
        self.boards.pop(followed.rows.name, None)
        self._followed.pop(followed.rows.name, None)
        return True

    async def _wait(self, failed: int, what: str, error: Exception) -> None:
        self.stats.failures += 1
        if failed == 0:
            _log.warning("%s is not followed: %s", what, error)
        # 2**n is bounded before it is taken.
        ceiling = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failed, 10))
        await asyncio.sleep(ceiling * (0.5 + 0.5 * self._random()))
