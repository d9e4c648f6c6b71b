"""`sync.*`: what may have been missed, and what a resync found."""

from typing import Any

import msgspec

from vss_router.events.envelope import Event, Time

__all__ = ["Change", "SyncGap", "SyncReconciled"]


class SyncGap(Event, frozen=True, kw_only=True):
    """What lies between `from_seq` and `to_seq` may not have been told."""

    event: str = "sync.gap"
    from_seq: int
    to_seq: int
    reason: str
    started: Time
    ended: Time


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One field of one row (`operator:PJSIP/1001`) that a resync put right."""

    row: str
    field: str
    was: Any
    now: Any


class SyncReconciled(Event, frozen=True, kw_only=True):
    """The difference that a resync found; `added` and `removed` name rows."""

    event: str = "sync.reconciled"
    reason: str
    added: list[str]
    removed: list[str]
    changed: list[Change]
