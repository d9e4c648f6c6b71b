"""How long a link waits for what, in seconds, and how often it does things."""

import msgspec

__all__ = ["LinkTimings"]


class LinkTimings(msgspec.Struct, frozen=True, kw_only=True):
    """The waits of one `AmiLink`. All are seconds but `list_tries`."""

    connect_seconds: float = 5.0
    """For TCP and TLS together."""
    greeting_seconds: float = 5.0
    request_seconds: float = 10.0
    """For an answer, counted from the last byte of that session: a big list may take longer."""
    booted_seconds: float = 3.0
    """For FullyBooted after a login that did not bring it at once (see `login.py`)."""
    ping_seconds: float = 10.0
    """Between two Pings."""
    pong_seconds: float = 5.0
    """Without a single byte after a Ping: the link is half open."""
    stall_seconds: float = 10.0
    """Without a byte in the middle of a list: it is asked again."""
    list_tries: int = 3
    """Times a list is asked before the session is cut."""
    fence_seconds: float = 10.0
    """For the fence's fact, counted from the last byte of the session of events."""
    resync_seconds: float = 300.0
    """Between two periodic comparisons, jittered; 0 turns them off."""
    spacing_seconds: float = 2.0
    """Between two resyncs at least; grows while one follows on the other."""
    spacing_most_seconds: float = 60.0
    retry_seconds: float = 0.5
    """The first wait before connecting again; doubles, jittered, up to the next."""
    retry_most_seconds: float = 30.0
    refused_seconds: float = 30.0
    """The same after a refused login: the answer will hardly change, and Asterisk logs each try."""
    refused_most_seconds: float = 300.0
    stable_seconds: float = 30.0
    """A session that lived this long has proven itself: the waits start over."""
    tick_seconds: float = 0.2
    logoff_seconds: float = 1.0
