"""Resyncs of one board: when, with which questions, and what when they are not answered.

```
            request(reason) …                 all lists in            the fence's event
 idle ──────▶ spacing ──▶ collecting ──────────▶ fencing ──────────────▶ resynced ──▶ idle
                 ▲            │  list not ended: asked again (bounded)     │
                 │            │  then the session is cut                   │ passes_disagree: next pass
                 └────────────┴──── failed, interrupted: asked for again ◀─┘ (no fence to be had)
```

Triggers coalesce: however many come, at most one resync runs and at most one more follows. The board does the
comparing (`begin_resync` and the gaps of its batches); this side asks Asterisk on the session of actions, where it
answers one question after the other.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar, final

from vss_router._core import AmiAction, Batch, Gap, StatusBoard
from vss_router.ami.backoff import Backoff, jittered
from vss_router.ami.fence import Fence
from vss_router.ami.session import PATIENCE, AmiSession
from vss_router.ami.timings import LinkTimings
from vss_router.errors import AmiConnectionError, AmiError

__all__ = ["LISTS", "Resyncs"]

LISTS: Final = ("CoreShowChannels", "BridgeList", "QueueStatus", "DeviceStateList", "ExtensionStateList", "Agents")
"""In the order they are asked (`BridgeList` before the queues: who talks to whom decides what a member does)."""
TRIGGERS: Final = frozenset({"reload", "fully_booted", "impossible_value", "oversized", "overflow"})
"""Reasons of gaps that ask for a resync."""
SHUTTING_DOWN: Final = "Asterisk is shutting down"
"""Its answer to every action between the shutdown's begin and the end of the session."""
MOST_PASSES: Final = 6
"""The board settles for its fifth pass; one more and something is wrong."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class _ResyncError(AmiError):
    """The resync cannot go on; another may."""


@final
class Resyncs:
    """Runs the resyncs of one board.

    `emit` publishes a batch that the board gave outside `feed`; `sessions` waits for both sessions and gives them
    as (events, actions).
    """

    def __init__(
        self,
        board: StatusBoard,
        fence: Fence,
        *,
        source: str,
        emit: Callable[[Batch], None],
        sessions: Callable[[], Awaitable[tuple[AmiSession, AmiSession]]],
        timings: LinkTimings,
        clock: Callable[[], float],
        random: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self.fence = fence
        self.refused: dict[str, str] = {}
        """Lists the account may not ask, with Asterisk's words; until the session of actions is a new one."""
        self.synchronized = asyncio.Event()
        self.done = self.failed = 0
        self.last_seconds: float | None = None
        self.last_at: float | None = None
        self.last_reason: str | None = None
        self.drift: dict[str, int] = {}
        self.drift_total: dict[str, int] = {}
        self._board = board
        self._source = source
        self._emit = emit
        self._sessions = sessions
        self._timings = timings
        self._clock = clock
        self._random = random
        self._new_id = new_id
        self._spacing = Backoff(timings.spacing_seconds, timings.spacing_most_seconds, random)
        self._wanted: dict[str, None] = {}
        self._trigger = asyncio.Event()
        self._urgent = asyncio.Event()
        self._changed = asyncio.Event()
        self._signals: list[Gap] = []
        self._running: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._number = 0

    def request(self, reason: str, *, urgent: bool = False) -> None:
        """Ask for a resync; joined with others that wait. An urgent one does not wait for the spacing."""
        self._wanted[reason] = None
        if urgent:
            self._urgent.set()
        self._trigger.set()

    async def wait_for_next(self, reason: str) -> None:
        """Ask for a resync and wait until one that began after this call is done, or `close`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self.request(reason)
        await done

    def close(self, error: AmiError) -> None:
        """No resync comes any more: whoever waits for one is told."""
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if not done.done():
                done.set_exception(error)

    def interrupt(self, reason: str) -> bool:
        """Whatever runs is worth nothing any more (bytes were lost, a session ended): it is begun anew."""
        if self._running is None:
            return False
        self.request(reason)
        return self._running.cancel(reason)

    def gap_begins(self) -> None:
        """From now on the board may differ from Asterisk."""
        self.synchronized.clear()

    def notice(self, gaps: Iterable[Gap]) -> None:
        """What a batch said about resyncs; also call it after each feed of a list's bytes."""
        for gap in gaps:
            if gap.reason in TRIGGERS:
                _log.info("%s: resync wanted: %s %s", self._source, gap.reason, gap.detail)
                if gap.reason in {"reload", "fully_booted"}:
                    # A module that was missing may be there now.
                    self.refused.clear()
                self.request(gap.reason)
            elif gap.reason == "resync_dropped":
                self.interrupt(gap.detail or gap.reason)
            else:
                self._signals.append(gap)
        self._changed.set()

    async def run(self) -> None:
        """Serve triggers and the period until cancelled."""
        finished = -self._timings.spacing_most_seconds
        while True:
            await self._wait_for_trigger()
            await self._space_out(finished)
            sessions = await self._sessions()
            reasons, waiting = list(self._wanted), self._waiting
            self._wanted.clear()
            self._trigger.clear()
            self._urgent.clear()
            self._waiting = []
            self._running = asyncio.create_task(self._once(*sessions, reasons[0]))
            try:
                await asyncio.wait((self._running,))
            except asyncio.CancelledError:
                self._waiting += waiting
                raise
            finally:
                running, self._running = self._running, None
                running.cancel()
            finished = time.monotonic()
            if self._succeeded(running, reasons[0]):
                for done in waiting:
                    if not done.done():
                        done.set_result(None)
            else:
                self._waiting += waiting
                for reason in reasons:
                    self.request(reason)

    async def _wait_for_trigger(self) -> None:
        period = self._timings.resync_seconds
        try:
            async with asyncio.timeout(jittered(period, self._random) if period else None):
                await self._trigger.wait()
        except TimeoutError:
            self.request("period")

    async def _space_out(self, finished: float) -> None:
        """One resync right after the other means that it does not help: let them come further and further apart."""
        if time.monotonic() - finished >= self._timings.spacing_most_seconds:
            self._spacing.reset()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._spacing.next()):
                await self._urgent.wait()

    def _succeeded(self, run: asyncio.Task[None], reason: str) -> bool:
        if not run.cancelled() and run.exception() is None:
            return True
        if self._board.resync != "none":
            self._emit(self._board.abandon_resync(reason))
        self.failed += 1
        error = None if run.cancelled() else run.exception()
        if isinstance(error, AmiError):
            _log.warning("%s: a resync failed: %s", self._source, error)
        elif error is not None:
            # A mistake of ours must not end the loop that keeps the board true; it is logged with where it came from.
            _log.error("%s: a resync failed", self._source, exc_info=error)
        return False

    async def _once(self, events: AmiSession, actions: AmiSession, reason: str) -> None:
        begun = time.monotonic()
        # Against a board that was true a moment ago, differences are drift; against an empty one they are news.
        compares = self.synchronized.is_set()
        await self.fence.settle(actions, self._new_id())
        for _ in range(MOST_PASSES):
            self._number += 1
            value = self._new_id()
            method = self.fence.method
            ids = {name: actions.new_action_id(name) for name in LISTS if name not in self.refused}
            self._signals.clear()
            self._board.begin_resync(
                ids,
                value if method == "setvar" else None,
                fence_member=self.fence.member if method == "queue_pause" else None,
                reason=reason,
                now=self._clock(),
            )
            for name, action_id in ids.items():
                await self._ask(actions, name, action_id)
            if await self._finish(events, actions, value):
                self._record(begun, reason, compares=compares)
                return
        raise _ResyncError(f"{MOST_PASSES} passes did not settle")

    async def _ask(self, actions: AmiSession, name: str, action_id: str) -> None:
        """Ask one list until it has come whole, or is refused."""
        for attempt in range(self._timings.list_tries):
            if attempt:
                new = actions.new_action_id(name)
                self._board.list_asked_again(action_id, new)
                action_id = new
            try:
                response = await actions.request(AmiAction(name, action_id=action_id), self._timings.stall_seconds)
            except AmiConnectionError:
                if actions.closed.done():
                    raise
                continue
            if not response.success and response.message == SHUTTING_DOWN:
                # No matter of rights: the session is about to end, and what it would not say is not gone.
                raise _ResyncError(f"the list {name} is not to be had: Asterisk is shutting down")
            if not response.success:
                self.refused[name] = response.message or response.status
                _log.warning("%s: Asterisk refuses the list %s: %s", self._source, name, self.refused[name])
                return
            if await self._list_ends(actions, action_id):
                return
            _log.warning("%s: the list %s did not come whole", self._source, name)
        actions.cut(f"the list {name} was asked {self._timings.list_tries} times and never came whole")
        raise _ResyncError(f"the list {name} was asked {self._timings.list_tries} times and never came whole")

    async def _list_ends(self, actions: AmiSession, action_id: str) -> bool:
        def ended() -> bool | None:
            if any(gap.reason == "list_incomplete" and gap.action_id == action_id for gap in self._signals):
                return False
            return None if action_id in self._board.resync_pending else True

        return await self._until(ended, actions, self._timings.stall_seconds) or False

    async def _finish(self, events: AmiSession, actions: AmiSession, value: str) -> bool:
        """Raise the fence when the board wants it; True when it has swapped, False when it wants another pass."""

        def seen(*reasons: str) -> str | None:
            return next((gap.reason for gap in self._signals if gap.reason in reasons), None)

        end = ("resynced", "passes_disagree")
        outcome = await self._until(lambda: seen(*end, "fence_wanted"), actions, self._timings.stall_seconds)
        if outcome == "fence_wanted":
            method = self.fence.method
            if not await self.fence.raise_(actions, value):
                raise _ResyncError(f"the fence {method} is refused now: {self.fence.refusals.get(method)}")
            patience = self._timings.fence_seconds
            # Other events flow for ever on a busy PBX: they put the end of this wait off, but not for ever.
            outcome = await self._until(lambda: seen(*end), events, patience, PATIENCE * patience)
            if outcome is None:
                self.fence.rule_out(method, "its event does not reach this account")
                raise _ResyncError(f"the event of the fence {method} did not come: check the account's read classes")
        if outcome is None:
            raise _ResyncError("the lists came, but the board did not say what is next")
        return outcome == "resynced"

    async def _until(
        self, answer: Callable[[], T | None], session: AmiSession, seconds: float, most: float = math.inf
    ) -> T | None:
        """Wait for an answer as the batches come in; None when `session` brought nothing for `seconds`.

        After `most` seconds it is None as well, unless bytes that may hold the answer still wait to be processed.
        """
        begun = time.monotonic()
        while (found := answer()) is None:
            self._changed.clear()
            now = time.monotonic()
            left = max(session.progressed, begun) + seconds - now
            if not session.ring.held:
                left = min(left, begun + most - now)
            if left <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()
        return found

    def _record(self, begun: float, reason: str, *, compares: bool) -> None:
        self.done += 1
        self.last_seconds = time.monotonic() - begun
        self.last_at = self._clock()
        self.last_reason = reason
        self.drift = self._board.drift() if compares else {}
        for field, count in self.drift.items():
            self.drift_total[field] = self.drift_total.get(field, 0) + count
        self.synchronized.set()
        _log.info("%s: resync (%s) done in %.2f s", self._source, reason, self.last_seconds)
