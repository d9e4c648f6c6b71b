"""Keeps one session of a PBX alive: open, log in, hold, wait, open again; for ever.

```
        ┌────────────── wait (jittered, longer each time) ◀──────────────┐
        ▼                                                                │
   connecting ──refused──▶ refused: reported once, retried slowly ───────┤
        │     ──failed───▶ trouble: reported once per reason ────────────┤
        ▼                                                                │
       up ──────────────── closed: reported ─────────────────────────────┘
```
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import final

from vss_router.ami.backoff import Backoff
from vss_router.ami.session import AmiSession, SessionName
from vss_router.ami.timings import LinkTimings
from vss_router.errors import AmiError, AmiLoginError

__all__ = ["SessionKeeper"]

_log = logging.getLogger(__name__)


@final
class SessionKeeper:
    """Runs one session after the other.

    `open_session` connects and logs in; `went_up` and `went_down` are told of each session that got that far.
    """

    def __init__(
        self,
        name: SessionName,
        source: str,
        *,
        open_session: Callable[[], Awaitable[AmiSession]],
        went_up: Callable[[AmiSession], None],
        went_down: Callable[[str], None],
        timings: LinkTimings,
        random: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.session: AmiSession | None = None
        self.up = asyncio.Event()
        self.refused: str | None = None
        """Asterisk's refusal of the last login, until one is accepted."""
        self.trouble: str | None = None
        """Why there is no session now, in one sentence."""
        self.failure: AmiError | None = None
        """What the last attempt to open a session failed with, until one succeeds."""
        self.connects = 0
        """Sessions that were logged in since the start."""
        self._source = source
        self._open_session = open_session
        self._went_up = went_up
        self._went_down = went_down
        self._stable_seconds = timings.stable_seconds
        self._sleep = sleep
        self._retry = Backoff(timings.retry_seconds, timings.retry_most_seconds, random)
        self._retry_refused = Backoff(timings.refused_seconds, timings.refused_most_seconds, random)

    async def run(self) -> None:
        """Keep at it until cancelled."""
        while True:
            try:
                session = await self._open_session()
            except AmiLoginError as error:
                self._report(error)
                self.refused = str(error)
                delay = self._retry_refused.next()
            except AmiError as error:
                self._report(error)
                delay = self._retry.next()
            else:
                delay = await self._hold(session)
            await self._sleep(delay)

    async def _hold(self, session: AmiSession) -> float:
        self.session = session
        self.refused = self.trouble = self.failure = None
        self.connects += 1
        self._retry_refused.reset()
        begun = time.monotonic()
        self.up.set()
        self._went_up(session)
        try:
            reason = await asyncio.shield(session.closed)
        finally:
            self.up.clear()
            self.session = None
        self.trouble = f"the {self.name} session ended: {reason}"
        _log.warning("%s: %s", self._source, self.trouble)
        self._went_down(reason)
        # A session that is accepted and cut at once must not be opened in a tight loop.
        if time.monotonic() - begun >= self._stable_seconds:
            self._retry.reset()
        return self._retry.next()

    def _report(self, error: AmiError) -> None:
        """Once per reason: an hour without a PBX is one line, not a thousand."""
        self.failure, sentence = error, str(error)
        if sentence != self.trouble:
            _log.error("%s", sentence)
        self.trouble = sentence
