"""The shapes of answers that hold several rows, for the OpenAPI document and for typed decoding by clients."""

import msgspec

from vss_router.status.rows import Caller, CallRow, ChannelRow, OperatorRow, QueueRow, SourceSnapshot

__all__ = ["CallPage", "CallerPage", "ChannelPage", "OperatorPage", "QueuePage", "SnapshotOfSeveral"]


class OperatorPage(msgspec.Struct, frozen=True, kw_only=True):
    """Operators; `next_cursor` leads to the following page."""

    items: list[OperatorRow]
    next_cursor: str | None


class ChannelPage(msgspec.Struct, frozen=True, kw_only=True):
    """Channels; `next_cursor` leads to the following page."""

    items: list[ChannelRow]
    next_cursor: str | None


class CallPage(msgspec.Struct, frozen=True, kw_only=True):
    """Calls; `next_cursor` leads to the following page."""

    items: list[CallRow]
    next_cursor: str | None


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """Queues; `next_cursor` leads to the following page."""

    items: list[QueueRow]
    next_cursor: str | None


class CallerPage(msgspec.Struct, frozen=True, kw_only=True):
    """All who wait in one queue, first in line first; there is never another page."""

    items: list[Caller]
    next_cursor: None


class SnapshotOfSeveral(msgspec.Struct, frozen=True, kw_only=True):
    """Snapshots by PBX, each at its own `seq`."""

    sources: dict[str, SourceSnapshot]
