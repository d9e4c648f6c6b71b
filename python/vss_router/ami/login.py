"""Log a session in, and know whether Asterisk has finished booting.

`FullyBooted` follows `Authentication accepted` at once when the account reads class `system`, its events are on and
booting is over; it comes later as an ordinary event when booting is not over; and never without class `system`.
Nothing else in AMI tells these apart: CoreStatus shows its start time already while the modules load. So:

- it came before the answer to the next action: booted;
- it did not: wait `booted_seconds` for it, then go on. An account without class `system` loses that time once per
  connection. Should Asterisk have been booting after all, its late FullyBooted asks for another resync.
"""

import asyncio
import hashlib
from collections.abc import Sequence

from vss_router._core import AmiAction, Response
from vss_router.ami.endpoint import AmiEndpoint
from vss_router.ami.filter import EVENT_FILTERS
from vss_router.ami.session import AmiSession
from vss_router.errors import AmiLoginError

__all__ = ["log_in", "set_event_filter", "wait_until_booted"]


async def log_in(session: AmiSession, endpoint: AmiEndpoint) -> None:
    """Log in, with events for the session of events and without for the other.

    Raises
    ------
    AmiLoginError
        Asterisk refused; the message says why and what to look at.
    AmiConnectionError
        The session ended, or no answer came.
    """
    headers = [("Username", endpoint.username)]
    if endpoint.auth == "md5":
        headers += [("AuthType", "MD5"), ("Key", await _md5_key(session, endpoint))]
    else:
        headers.append(("Secret", endpoint.secret.reveal()))
    headers.append(("Events", "on" if session.name == "events" else "off"))
    response = await session.request(AmiAction("Login", headers, action_id=session.new_action_id("login")))
    if not response.success:
        raise AmiLoginError(_refusal(endpoint, response))


async def set_event_filter(session: AmiSession, filters: Sequence[str] = EVENT_FILTERS) -> bool:
    """Ask for the event filter; False when the account may not (class system) or Asterisk does not know it."""
    for pattern in filters:
        response = await session.request(
            AmiAction(
                "Filter",
                (("Operation", "Add"), ("Filter", pattern)),
                action_id=session.new_action_id("filter"),
            )
        )
        if not response.success:
            return False
    return True


async def wait_until_booted(session: AmiSession, booted: asyncio.Event, booted_seconds: float) -> bool:
    """Whether FullyBooted came, at once or within `booted_seconds` (see the module's text)."""
    await session.request(AmiAction("Ping", action_id=session.new_action_id("booted")))
    if not booted.is_set():
        waiting = asyncio.ensure_future(booted.wait())
        try:
            await asyncio.wait((waiting, session.closed), timeout=booted_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
    return booted.is_set()


async def _md5_key(session: AmiSession, endpoint: AmiEndpoint) -> str:
    response = await session.request(
        AmiAction("Challenge", {"AuthType": "MD5"}, action_id=session.new_action_id("challenge"))
    )
    challenge = response.get("Challenge")
    if not response.success or not challenge:
        raise AmiLoginError(_refusal(endpoint, response))
    # MD5 is what the protocol has; TLS is what protects.
    return hashlib.md5((challenge + endpoint.secret.reveal()).encode(), usedforsecurity=False).hexdigest()


def _refusal(endpoint: AmiEndpoint, response: Response) -> str:
    said = response.message or response.status
    match said.lower():
        case "authentication failed":
            way_out = "check user, secret and the permit/deny lines of its section in manager.conf"
        case "login already in use":
            way_out = "set allowmultiplelogin = yes in manager.conf, the router needs two sessions"
        case "asterisk is shutting down":
            way_out = "it is tried again later"
        case _:
            way_out = "look at the account's section in manager.conf"
    return f'{endpoint.url} refuses the login ("{said}"): {way_out}'
