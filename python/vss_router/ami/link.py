"""The link to one PBX: two AMI sessions, its board, and what keeps them true.

```
                     I/O thread                 │               main loop
 Asterisk ══events══▶ AmiWire ──▶ ByteRing ─────┼──▶ AmiSession ──▶ StatusBoard.feed ──▶ on_batch(source, batch)
          ══actions═▶ AmiWire ──▶ ByteRing ─────┼──▶ AmiSession ──▶   (the lists)
                     Ping, half open?           │    SessionKeeper ×2, Resyncs, tick
```

Two sessions, because Asterisk sends a session no events while it runs an action for it. The session of events comes
first; the other one follows only while it is up, so that a refused login is refused once.
"""

import asyncio
import functools
import logging
import random as random_module
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final, final

from vss_router._core import AmiAction, Batch, Response, StatusBoard
from vss_router.ami.clock_offset import ClockOffset
from vss_router.ami.endpoint import AmiEndpoint
from vss_router.ami.fence import Fence
from vss_router.ami.filter import EVENT_FILTERS
from vss_router.ami.io_thread import IoThread
from vss_router.ami.keeper import SessionKeeper
from vss_router.ami.link_status import LinkState, LinkStatus
from vss_router.ami.login import log_in, set_event_filter, wait_until_booted
from vss_router.ami.resync import Resyncs
from vss_router.ami.ring import RING_BYTES, ByteRing, Chunk, Lost
from vss_router.ami.session import AmiSession, SessionName
from vss_router.ami.timings import LinkTimings
from vss_router.errors import AmiConnectionError, AmiError

__all__ = ["AmiLink"]

ACTION_ID_PREFIX: Final = "vss-"
CLOCK_SET_BACK_SECONDS: Final = 5.0
"""A clock this far behind the board's time was set back; less is made good by waiting."""

_log = logging.getLogger(__name__)


@final
class AmiLink:
    """Connects `board` to the PBX at `endpoint` and keeps it there until `stop`.

    Parameters
    ----------
    endpoint, board
        The PBX and its board; nobody else may feed or tick that board.
    io
        The started thread that reads the sockets; links share it.
    on_batch
        Called in the main loop as `on_batch(source, batch)` for every batch that carries something; an exception of
        its own is logged and counted. It may block for seconds: the sockets are read elsewhere.
    filters
        What Asterisk is asked to leave out (`event_filters`).
    clock, random, new_id
        Unix time, numbers in [0, 1), unique texts; injected by tests.
    """

    def __init__(
        self,
        endpoint: AmiEndpoint,
        board: StatusBoard,
        *,
        io: IoThread,
        on_batch: Callable[[str, Batch], None],
        timings: LinkTimings | None = None,
        filters: Sequence[str] = EVENT_FILTERS,
        ring_bytes: int = RING_BYTES,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.endpoint = endpoint
        self.board = board
        self._io = io
        self._on_batch = on_batch
        self._timings = timings or LinkTimings()
        self._filters = filters
        self._ring_bytes = ring_bytes
        self._clock = clock
        self._fed = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._opened = 0
        self._connecting = False
        self._booted = asyncio.Event()
        self._clock_offset = ClockOffset()
        self._version: str | None = None
        self._filtered = False
        self._messages = self._handler_errors = 0
        self._last_event_at: float | None = None
        self._overflows = self._dropped = self._ring_peak = 0
        self._resyncs = Resyncs(
            board,
            Fence(endpoint.fence_member),
            source=endpoint.source,
            emit=self._publish,
            sessions=self._both_sessions,
            timings=self._timings,
            clock=self._now,
            random=random,
            new_id=new_id,
        )
        keeper = functools.partial(SessionKeeper, source=endpoint.source, timings=self._timings, random=random)
        self._events = keeper(
            "events",
            open_session=self._open_events,
            went_up=lambda _session: None,
            went_down=functools.partial(self._session_down, "events"),
        )
        self._actions = keeper(
            "actions",
            open_session=self._open_actions,
            went_up=self._actions_up,
            went_down=functools.partial(self._session_down, "actions"),
        )

    @property
    def source(self) -> str:
        """The PBX's name."""
        return self.endpoint.source

    @property
    def failure(self) -> AmiError | None:
        """What the last attempt to connect and log in failed with, until one succeeds."""
        return self._events.failure or self._actions.failure

    def start(self) -> None:
        """Begin; returns at once, `synchronized` waits."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._events.run(), name=f"{self.source} events"),
            loop.create_task(self._actions.run(), name=f"{self.source} actions"),
            loop.create_task(self._resyncs.run(), name=f"{self.source} resyncs"),
            loop.create_task(self._tick(), name=f"{self.source} tick"),
        ]
        for task in self._tasks:
            task.add_done_callback(self._task_ended)

    async def stop(self) -> None:
        """Log both sessions off and end; the board keeps what it knew."""
        sessions = [keeper.session for keeper in (self._actions, self._events) if keeper.session is not None]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await asyncio.gather(*(session.log_off() for session in sessions), return_exceptions=True)
        self._resyncs.gap_begins()
        trouble = "the link was stopped"
        self._resyncs.close(AmiConnectionError(f"{self.endpoint.url} is not connected: {trouble}"))
        for session in sessions:
            # Whoever starts another link on this board must not take up where these sessions broke off.
            self._publish(self.board.lost(session.name, "stopped", self._now()))

    @property
    def is_synchronized(self) -> bool:
        """Whether the board agrees with Asterisk as far as is known; cheaper than `status`."""
        return self._resyncs.synchronized.is_set()

    async def synchronized(self) -> None:
        """Wait until the board agrees with Asterisk."""
        await self._resyncs.synchronized.wait()

    async def resync(self, reason: str = "asked") -> dict[str, int]:
        """Compare with Asterisk now; gives the differences per field once done.

        Raises
        ------
        AmiConnectionError
            There is no connection, or the link is stopped meanwhile.
        """
        if not (self._events.up.is_set() and self._actions.up.is_set()):
            raise AmiConnectionError(f"{self.endpoint.url} is not connected: {self._events.trouble or 'still trying'}")
        await self._resyncs.wait_for_next(reason)
        return self._resyncs.drift

    async def request(self, action: AmiAction, seconds: float | None = None) -> Response:
        """Run an action of your own on the session of actions; give it an ActionID or none, not one in use.

        The answer of Asterisk may well be a refusal (`Response.success`).

        Raises
        ------
        AmiConnectionError
            There is no connection, it ended first, or nothing came for `seconds`.
        """
        session = self._actions.session
        if session is None:
            trouble = self._actions.trouble or self._events.trouble or "still trying"
            raise AmiConnectionError(f"{self.endpoint.url} is not connected: {trouble}")
        return await session.request(action, seconds)

    @property
    def status(self) -> LinkStatus:
        """What the link is doing now."""
        events, resyncs, ring = self._events.session, self._resyncs, self._ring
        return LinkStatus(
            source=self.source,
            host=self.endpoint.host,
            port=self.endpoint.port,
            tls=self.endpoint.tls,
            state=self._state(),
            connected=events is not None,
            synchronized=resyncs.synchronized.is_set(),
            login_refused=self._events.refused or self._actions.refused,
            trouble=self._events.trouble or self._actions.trouble,
            asterisk_version=self._version,
            fence=resyncs.fence.method,
            filtered=self._filtered,
            lists_refused=dict(resyncs.refused),
            resyncs=resyncs.done,
            resyncs_failed=resyncs.failed,
            resync_last_seconds=resyncs.last_seconds,
            resync_last_at=resyncs.last_at,
            resync_last_reason=resyncs.last_reason,
            reconnects=max(self._events.connects - 1, 0) + max(self._actions.connects - 1, 0),
            drift=dict(resyncs.drift),
            drift_total=dict(resyncs.drift_total),
            ring_bytes=ring.held if ring else 0,
            ring_peak=max(self._ring_peak, ring.peak if ring else 0),
            overflows=self._overflows + (ring.overflows if ring else 0),
            dropped_bytes=self._dropped + (ring.dropped if ring else 0),
            ping_seconds=self._clock_offset.round_trip,
            clock_offset=self._clock_offset.seconds,
            messages=self._messages,
            last_event_at=self._last_event_at,
            handler_errors=self._handler_errors,
        )

    @property
    def _ring(self) -> ByteRing | None:
        session = self._events.session
        return session.ring if session else None

    def _state(self) -> LinkState:
        if self._events.session is not None:
            return "live" if self._resyncs.synchronized.is_set() else "resync"
        return "connecting" if self._connecting else "down"

    async def _open_events(self) -> AmiSession:
        self._booted.clear()
        # Asked for before FullyBooted can ask for it: that is the reason consumers are told.
        self._resyncs.request("connect", urgent=True)
        self._connecting = True
        try:
            return await self._open_and_prepare_events()
        finally:
            self._connecting = False

    async def _open_and_prepare_events(self) -> AmiSession:
        session = await self._open("events")
        try:
            self._publish(self.board.connected(self._now()))
            self._filtered = self.endpoint.filter and await set_event_filter(session, self._filters)
            await wait_until_booted(session, self._booted, self._timings.booted_seconds)
        except BaseException as error:
            self._give_up(session, error)
            raise
        return session

    async def _open_actions(self) -> AmiSession:
        await self._events.up.wait()
        session = await self._open("actions")
        try:
            answer = await session.request(AmiAction("CoreSettings"))
            self._version = answer.get("AsteriskVersion") or self._version
        except BaseException as error:
            self._give_up(session, error)
            raise
        return session

    async def _open(self, name: SessionName) -> AmiSession:
        """Connected and logged in."""
        self._opened += 1
        session = AmiSession(
            name,
            self._io,
            absorb=self._absorb,
            timings=self._timings,
            encoding=self.endpoint.encoding,
            id_prefix=f"{ACTION_ID_PREFIX}{self._opened}-",
            ring_bytes=self._ring_bytes,
        )
        try:
            await session.connect(self.endpoint, self._clock)
            await log_in(session, self.endpoint)
        except BaseException as error:
            self._give_up(session, error)
            raise
        session.start_pings()
        return session

    def _give_up(self, session: AmiSession, error: BaseException) -> None:
        """A session that did not get through its login: the board forgets what came of it."""
        session.abandon("given up")
        if session.heard:
            self._publish(self.board.lost(session.name, str(error) or type(error).__name__, self._now()))

    def _actions_up(self, _session: AmiSession) -> None:
        self._resyncs.refused.clear()
        self._resyncs.fence.forget()

    def _session_down(self, name: SessionName, reason: str) -> None:
        self._publish(self.board.lost(name, reason, self._now()))
        if name == "events":
            self._resyncs.gap_begins()
            self._clock_offset.reset()
        self._resyncs.interrupt(f"{name} lost")

    async def _both_sessions(self) -> tuple[AmiSession, AmiSession]:
        while True:
            await self._events.up.wait()
            await self._actions.up.wait()
            if self._events.session and self._actions.session:
                return self._events.session, self._actions.session

    def _absorb(self, session: AmiSession, item: Chunk | Lost) -> Batch | None:
        """What came on a session, into the board and out to `on_batch`."""
        if isinstance(item, Lost) and session.name == "actions":
            session.cut(f"{item.size} bytes of answers had to be dropped")
            return None
        if isinstance(item, Lost):
            _log.warning("%s: %d bytes of events had to be dropped: the router is too slow", self.source, item.size)
            self._resyncs.gap_begins()
            batch = self.board.overflowed(item.size, self._now())
            self._resyncs.interrupt("overflow")
            self._resyncs.request("overflow")
        else:
            batch = self.board.feed(item.data, self._now(item.arrived), session.name)
            self._measure(session, batch, item.arrived)
        if any(gap.reason == "fully_booted" for gap in batch.gaps):
            self._booted.set()
        self._publish(batch)
        self._resyncs.notice(batch.gaps)
        return batch

    def _measure(self, session: AmiSession, batch: Batch, arrived: float) -> None:
        if session.name == "events":
            self._messages += batch.messages
            self._last_event_at = arrived
        for response in batch.responses:
            sent = session.ping_sent_at(response.action_id)
            if sent is None:
                continue
            try:
                self._clock_offset.add(sent, arrived, float(response.get("Timestamp") or ""))
            except ValueError:
                continue
            if (seconds := self._clock_offset.seconds) is not None:
                self.board.clock_offset(seconds)

    def _publish(self, batch: Batch) -> None:
        try:
            self._on_batch(self.source, batch)
        except Exception:  # noqa: BLE001 - whatever an application's handler raises, the link goes on
            self._handler_errors += 1
            _log.exception("%s: on_batch failed", self.source)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """These tasks end by `stop` only; another end is a mistake of ours that must be seen."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("%s: the link has stopped working", task.get_name(), exc_info=error)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._timings.tick_seconds)
            self._publish(self.board.tick(self._now()))

    def _now(self, arrived: float | None = None) -> float:
        """The board's time: when the bytes arrived, but never backwards (a backlog is older than the last tick).

        A clock that was set back is followed: to wait until it has caught up would stop every timer of the board.
        """
        if arrived is not None:
            self._fed = max(self._fed, arrived)
            return self._fed
        now = self._clock()
        if now < self._fed - CLOCK_SET_BACK_SECONDS:
            _log.warning("%s: the clock was set back by %.0f s", self.source, self._fed - now)
            self._fed = now
        self._fed = max(self._fed, now)
        return self._fed
