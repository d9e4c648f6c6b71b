r"""The event filter: what the session of events asks Asterisk to leave out.

`Action: Filter` (class system) adds to the session's filters; a pattern that begins with `!` leaves out. With such
patterns only, all else is sent. The pattern is searched in the event's whole text, which begins with
`Event: <name>\r\nPrivilege: …`; it is a POSIX extended expression since Asterisk 13, where `.` matches a line's end
too. There is no look-ahead, so "any variable but these" is spelled out letter by letter.

Asterisk 11 compiles basic expressions, in which `(` and `|` are plain letters: there these filters match nothing, and
the board leaves out by itself what it does not need.
"""

from collections.abc import Iterable
from typing import Final

__all__ = ["EVENT_FILTERS", "KEPT_VARIABLES", "all_but", "event_filters"]

KEPT_VARIABLES: Final = ("VSS_FENCE", "QUEUESTATUS")
"""Channel variables whose `VarSet` is needed: the resync's fence, and why a caller left a queue."""

_FLOODS: Final = (
    "RTCP",  # RTCPSent and RTCPReceived, every few seconds for each leg
    "TestEvent",
    "Cdr",
    "CEL",
    "DTMF",
    "AGIExec",
    "AsyncAGI",
    "ChannelTalking",
    "ConfbridgeTalking",
    "MeetmeTalking",
    "JitterBufStats",
    "DAHDIChannel",
)
"""Beginnings of names of events that say nothing about operators, calls or queues."""


_SECURITY: Final = frozenset(
    {
        *("authmethodnotallowed", "challengeresponsefailed", "challengesent", "failedacl", "invalidaccountid"),
        *("invalidpassword", "invalidtransport", "loadaveragelimit", "memorylimit", "requestbadformat"),
        *("requestnotallowed", "requestnotsupported", "sessionlimit", "successfulauth", "unexpectedaddress"),
    }
)
"""Names of the events of class `security` (Asterisk's res_security_log and manager), in lower case."""


def all_but(names: Iterable[str]) -> str:
    """An extended expression for every header value but those names, up to and with the line's end.

    >>> all_but(["A"])
    '[^A[:cntrl:]]|[[:cntrl:]]|A([^[:cntrl:]])'
    """
    rests: dict[str, list[str]] = {}
    may_end = True
    for name in sorted(names):
        if name:
            rests.setdefault(name[0], []).append(name[1:])
        else:
            may_end = False
    # Another letter than any of the names has here, or the end where none of them ends, or one of their letters and
    # then anything but their rest.
    branches = [f"[^{''.join(rests)}[:cntrl:]]"]
    if may_end:
        branches.append("[[:cntrl:]]")
    branches += [f"{letter}({all_but(rest)})" for letter, rest in rests.items()]
    return "|".join(branches)


def event_filters(watched: Iterable[str] = ()) -> tuple[str, ...]:
    """Values of the `Filter` header, in the order they are sent, that leave the `watched` names of events in."""
    names = {name.lower() for name in watched}
    floods = [flood for flood in _FLOODS if not any(name.startswith(flood.lower()) for name in names)]
    filters = [f"!^Event: ({'|'.join(floods)})"] if floods else []
    if not names & _SECURITY:
        # Security events come with each login on that PBX and are sent to accounts that read everything.
        filters.append("!^Event: [A-Za-z]+[[:cntrl:]]+Privilege: security")
    if "varset" not in names:
        filters.append(f"!^Event: VarSet.*[[:cntrl:]]Variable: ({all_but(KEPT_VARIABLES)})")
    return tuple(filters)


EVENT_FILTERS: Final = event_filters()
"""Those of a router that watches nothing."""
