"""Statuses of links as tests want them."""

from typing import Any

import msgspec

from vss_router.ami.link_status import LinkStatus

LIVE = LinkStatus(
    source="main",
    host="127.0.0.1",
    port=5038,
    tls=False,
    state="live",
    connected=True,
    synchronized=True,
    login_refused=None,
    trouble=None,
    asterisk_version="22.5.2",
    fence="setvar",
    filtered=True,
    lists_refused={},
    resyncs=2,
    resyncs_failed=1,
    resync_last_seconds=0.25,
    resync_last_at=1_795_290_500.0,
    resync_last_reason="connect",
    reconnects=1,
    drift={},
    drift_total={"member.paused": 3},
    ring_bytes=0,
    ring_peak=4096,
    overflows=0,
    dropped_bytes=0,
    ping_seconds=None,
    clock_offset=-0.5,
    messages=70,
    last_event_at=1_795_290_561.084,
    handler_errors=0,
)


def link_status(source: str = "main", **changed: Any) -> LinkStatus:
    return msgspec.structs.replace(LIVE, source=source, **changed)
