"""What a link says about itself, for `/sync/status`, `/ready` and `/metrics`."""

from typing import Literal

import msgspec

from vss_router.ami.fence import FenceMethod

__all__ = ["LinkState", "LinkStatus"]

LinkState = Literal["down", "connecting", "resync", "live"]


class LinkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One PBX's link at one moment. Counters run since the start; times are Unix seconds; durations seconds."""

    source: str
    host: str
    port: int
    tls: bool
    state: LinkState
    """`down`: no session and waiting for the next attempt; `connecting`: an attempt is under way; `resync`: connected,
    the board does not yet agree with Asterisk; `live`: it does."""
    connected: bool
    """The session of events is logged in."""
    synchronized: bool
    """A resync is done and no gap has opened since."""
    login_refused: str | None
    """Asterisk's refusal, as a sentence with the way out."""
    trouble: str | None
    """Why a session is missing now, in one sentence."""
    asterisk_version: str | None
    fence: FenceMethod
    filtered: bool
    """The event filter is set."""
    lists_refused: dict[str, str]
    """Lists the account may not ask, and Asterisk's words."""
    resyncs: int
    resyncs_failed: int
    resync_last_seconds: float | None
    resync_last_at: float | None
    resync_last_reason: str | None
    reconnects: int
    """Sessions logged in again after the first, both kinds."""
    drift: dict[str, int]
    """Differences per field that the last comparison found."""
    drift_total: dict[str, int]
    ring_bytes: int
    ring_peak: int
    overflows: int
    dropped_bytes: int
    ping_seconds: float | None
    """Round trip of the last Ping."""
    clock_offset: float | None
    """Seconds Asterisk's clock is ahead of ours."""
    messages: int
    """AMI messages that came on the session of events."""
    last_event_at: float | None
    handler_errors: int
    """Times `on_batch` raised."""
