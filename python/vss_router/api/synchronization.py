"""`/sync/status`: how far each PBX's board can be trusted."""

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from litestar import Router, get
from litestar.response.base import ASGIResponse

from vss_router.ami.fence import FenceMethod
from vss_router.ami.link_status import LinkState
from vss_router.api.links import CountedBoard, Links
from vss_router.api.openapi import PlainOperation, described
from vss_router.api.writers import Counters, RedisWriter, RowCounter, Writers, WriterState
from vss_router.errors import VssError

__all__ = ["RedisSync", "RowCounts", "RowsBySource", "SourceSync", "StoredRows", "SyncStatus", "synchronization_routes"]

_COUNT_SECONDS: Final = 1.0
"""How long a store may take to count its rows."""
_TABLES: Final = ("operators", "channels", "calls", "queues", "callers")


class RowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows per table; `callers` are those who wait, over all queues."""

    operators: int
    channels: int
    calls: int
    queues: int
    callers: int


class StoredRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows per table in Redis or in the database; null where a table is not kept there."""

    operators: int | None = None
    channels: int | None = None
    calls: int | None = None
    queues: int | None = None


class RowsBySource(msgspec.Struct, frozen=True, kw_only=True):
    """Rows where they stand; null where there is no such store, or where it did not answer."""

    memory: RowCounts
    redis: StoredRows | None
    database: StoredRows | None


class RedisSync(msgspec.Struct, frozen=True, kw_only=True):
    """The writer to Redis: written up to `seq`, `behind` the board by so much.

    `holder` is the lease of whoever writes, `<epoch>:<writer id>`; `epoch` the number of our own last lease.
    """

    state: WriterState
    trouble: str | None
    epoch: int
    holder: str | None
    seq: int
    behind: int
    rows_written: int
    flushes: int
    connects: int
    failures: int
    fenced: int


class SourceSync(msgspec.Struct, frozen=True, kw_only=True):
    """One PBX. `age_seconds` is the time since its last event; `drift` the last comparison's differences by field.

    `trouble` says in a sentence why the link is not as it should be. `fence`, `filtered` (the event filter is set) and
    `lists_refused` (list to Asterisk's words) show what the account may. What only a link knows is null for a board
    that is fed otherwise.
    """

    source: str
    state: LinkState | None
    connected: bool
    synchronized: bool
    seq: int
    as_of: str
    age_seconds: float | None
    asterisk_version: str | None
    trouble: str | None
    fence: FenceMethod | None
    filtered: bool | None
    lists_refused: dict[str, str]
    resyncs: int
    resync_last_reason: str | None
    reconnects: int
    rows: RowsBySource
    redis: RedisSync | None
    drift: dict[str, int]


class SyncStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All PBXs by name."""

    sources: dict[str, SourceSync]


_EXAMPLE: Final = SyncStatus(
    sources={
        "main": SourceSync(
            source="main",
            state="live",
            connected=True,
            synchronized=True,
            seq=1795290561084012,
            as_of="2026-11-21T19:49:21.084Z",
            age_seconds=0.2,
            asterisk_version="22.5.2",
            trouble=None,
            fence="setvar",
            filtered=True,
            lists_refused={},
            resyncs=3,
            resync_last_reason="period",
            reconnects=0,
            rows=RowsBySource(
                memory=RowCounts(operators=24, channels=31, calls=17, queues=4, callers=5),
                redis=StoredRows(operators=24, channels=31, calls=17, queues=4),
                database=StoredRows(operators=24, calls=5210, queues=4),
            ),
            redis=RedisSync(
                state="writing",
                trouble=None,
                epoch=3,
                holder="3:pbx-a",
                seq=1795290561084012,
                behind=0,
                rows_written=48_211,
                flushes=9_120,
                connects=1,
                failures=0,
                fenced=0,
            ),
            drift={},
        )
    }
)


def synchronization_routes(
    boards: Mapping[str, CountedBoard],
    links: Links,
    writers: Writers,
    counters: Counters,
    clock: Callable[[], float],
) -> Router:
    """The route `/sync/status`; `clock` gives Unix seconds."""

    @get(
        "/sync/status",
        summary="Links, rows and drift of each PBX",
        operation_class=PlainOperation,
        responses=described(SyncStatus, _EXAMPLE),
    )
    async def sync_status() -> ASGIResponse:
        stored = await _stored(counters, sorted(boards))
        status = _status(boards, links, writers(), stored, clock())
        return ASGIResponse(
            body=msgspec.json.encode(status),
            headers={"x-source-of-truth": "memory", "cache-control": "no-store"},
            media_type="application/json",
        )

    return Router("/", route_handlers=[sync_status], tags=["synchronization"])


async def _stored(counters: Counters, sources: list[str]) -> dict[tuple[str, str], StoredRows | None]:
    asked = [(store, source) for store in counters for source in sources]
    found = await asyncio.gather(*(_counted(counters[store], source) for store, source in asked))
    return {(store, source): rows for (store, source), rows in zip(asked, found, strict=True)}


async def _counted(counter: RowCounter, source: str) -> StoredRows | None:
    try:
        async with asyncio.timeout(_COUNT_SECONDS):
            counts = await counter.counts(source)
    except (TimeoutError, VssError):
        # The page is looked at when something is wrong: it has to come all the same.
        return None
    return msgspec.convert(counts, StoredRows)


def _redis(writer: RedisWriter | None) -> RedisSync | None:
    if writer is None:
        return None
    status = writer.status()
    return RedisSync(**{field: getattr(status, field) for field in RedisSync.__struct_fields__})


def _status(
    boards: Mapping[str, CountedBoard],
    links: Links,
    writers: Mapping[str, RedisWriter],
    stored: Mapping[tuple[str, str], StoredRows | None],
    now: float,
) -> SyncStatus:
    known = links()
    sources: dict[str, SourceSync] = {}
    for source, board in sorted(boards.items()):
        link = known.get(source)
        counted = board.stats()
        heard = None if link is None else link.last_event_at
        sources[source] = SourceSync(
            source=source,
            state=None if link is None else link.state,
            connected=link is not None and link.connected,
            synchronized=link is not None and link.synchronized,
            seq=board.seq,
            as_of=board.as_of,
            age_seconds=None if heard is None else max(0.0, math.floor((now - heard) * 1000) / 1000),
            asterisk_version=None if link is None else link.asterisk_version,
            trouble=None if link is None else link.login_refused or link.trouble,
            fence=None if link is None else link.fence,
            filtered=None if link is None else link.filtered,
            lists_refused={} if link is None else link.lists_refused,
            resyncs=counted.get("resyncs", 0),
            resync_last_reason=None if link is None else link.resync_last_reason,
            reconnects=0 if link is None else link.reconnects,
            rows=RowsBySource(
                memory=RowCounts(**{table: counted.get(table, 0) for table in _TABLES}),
                redis=stored.get(("redis", source)),
                database=stored.get(("database", source)),
            ),
            redis=_redis(writers.get(source)),
            drift=board.drift(),
        )
    return SyncStatus(sources=sources)
