"""`/sync/status`: how far each PBX's board can be trusted."""

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

__all__ = ["RowCounts", "SourceSync", "SyncStatus", "synchronization_routes"]

_TABLES: Final = ("operators", "channels", "calls", "queues", "callers")


class RowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows per table; `callers` are those who wait, over all queues."""

    operators: int
    channels: int
    calls: int
    queues: int
    callers: int


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
    rows: RowCounts
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
            rows=RowCounts(operators=24, channels=31, calls=17, queues=4, callers=5),
            drift={},
        )
    }
)


def synchronization_routes(boards: Mapping[str, CountedBoard], links: Links, clock: Callable[[], float]) -> Router:
    """The route `/sync/status`; `clock` gives Unix seconds."""

    @get(
        "/sync/status",
        summary="Links, rows and drift of each PBX",
        operation_class=PlainOperation,
        responses=described(SyncStatus, _EXAMPLE),
        sync_to_thread=False,
    )
    def sync_status() -> ASGIResponse:
        status = _status(boards, links, clock())
        return ASGIResponse(
            body=msgspec.json.encode(status),
            headers={"x-source-of-truth": "memory", "cache-control": "no-store"},
            media_type="application/json",
        )

    return Router("/", route_handlers=[sync_status], tags=["synchronization"])


def _status(boards: Mapping[str, CountedBoard], links: Links, now: float) -> SyncStatus:
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
            resyncs=counted["resyncs"],
            resync_last_reason=None if link is None else link.resync_last_reason,
            reconnects=0 if link is None else link.reconnects,
            rows=RowCounts(**{table: counted[table] for table in _TABLES}),
            drift=board.drift(),
        )
    return SyncStatus(sources=sources)
