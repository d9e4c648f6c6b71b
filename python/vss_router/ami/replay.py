"""A fake Asterisk: serves recorded manager sessions over TCP or TLS as the PBX they were recorded from would.

```python
async with ReplayServer("tests/data/asterisk-22.ami.gz", speed=10) as server:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
```

What it does, beyond sending bytes:

* **Time.** Play starts with the first login that reads events. A list action is answered with the *next* recorded list,
  never an older one; the events up to there go out first, so time jumps to that list. Lists recorded one after the
  other with no event between stand at one place and may be asked in any order, and again. After the last list, when
  later events have gone out, a list action gets an Error: the recording knows nothing newer, and an older list would
  be a lie.
* **The end.** With nothing after it, the link stays open and silent (pings and `Setvar` are still answered). A
  recording that ends in `Shutdown`, one with a successor, and `loop=True` end as a PBX that restarts: `Shutdown` (if it
  was not recorded), every link closed, connections refused for `downtime` seconds, then the next recording, whose play
  again starts with the first login that reads events. The last recording's `Shutdown` without `loop` leaves the PBX
  down.
* **What it does not do.** Nothing an action asks changes the recording: a `QueuePause` brings its event and is
  forgotten.
"""

import asyncio
import math
import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from vss_router.ami.capture import Capture
from vss_router.ami.replay_actions import Desk, event
from vss_router.ami.replay_faults import ServedLinks
from vss_router.ami.replay_link import Link
from vss_router.ami.replay_listener import Listener
from vss_router.ami.replay_permissions import Account, event_class
from vss_router.ami.replay_playhead import Clock, Playhead, Sleep
from vss_router.ami.replay_recording import Recording
from vss_router.errors import CaptureError, SettingsError

__all__ = ["Account", "ReplayServer", "ReplayStats"]

CaptureSource = Capture | str | Path

_DRAIN_SECONDS: Final = 1.0
_MOST_CHALLENGE: Final = 0x7FFFFFFF


class ReplayStats(msgspec.Struct, kw_only=True):
    """Counts since the start.

    Connections taken, logins accepted, events played (once each, however many sessions read them), links cut because
    they read too slowly, restarts.
    """

    connections: int = 0
    logins: int = 0
    events: int = 0
    slow_links: int = 0
    restarts: int = 0


class ReplayServer(ServedLinks):
    """Serves one recording, or several one after the other, as a real AMI server.

    Parameters
    ----------
    captures : Capture, path, or a sequence of them
        Each session in them is one life of the PBX; the next begins with a restart.
    host, port
        Where to listen; port 0 takes a free one, told by `.port`.
    speed : float or None
        Times real time; None or infinity is full speed. A recording without `Timestamp` always plays at full speed.
    loop : bool
        Start anew after the last recording, as after a restart of the PBX.
    secret : str or None
        The secret every user name has to bring; None accepts any.
    accounts : mapping of user name to Account, or None
        Only these may log in, each with its own secret and classes. Takes the place of `secret`.
    ssl_context : ssl.SSLContext or None
        Serve TLS.
    write_timeout : float
        Seconds a write may block before the session is ended, as Asterisk's `writetimeout`.
    auth_timeout : float
        Seconds a connection may take to log in.
    downtime : float
        Seconds connections are refused during a restart.
    patience, rest : float
        At full speed: how long play waits at the first recorded list for somebody to ask it, and how long it rests
        after each list action (seconds); see `Playhead`.
    clock, sleep, wall, random_number
        Monotonic seconds, waiting, Unix seconds (for a recording that tells no times), numbers in [0, 1): injected so
        that tests are exact.

    Raises
    ------
    CaptureError
        No capture was given, or one cannot be read or served.
    SettingsError
        The speed is not above 0.
    ServeError
        The address cannot be listened on (when the server is started).
    """

    def __init__(
        self,
        captures: CaptureSource | Sequence[CaptureSource],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        speed: float | None = 1.0,
        loop: bool = False,
        secret: str | None = None,
        accounts: Mapping[str, Account] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        write_timeout: float = 0.1,
        auth_timeout: float = 30.0,
        downtime: float = 1.0,
        patience: float = 1.0,
        rest: float = 0.25,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        wall: Clock = time.time,
        random_number: Callable[[], float] = random.random,
    ) -> None:
        super().__init__()
        self._recordings = _recordings(captures)
        self._speed = math.inf if speed is None else speed
        if not self._speed > 0:
            raise SettingsError(f"The speed {speed} cannot be played: give a number above 0, or none for full speed.")
        self._loop = loop
        self._write_timeout = write_timeout
        self._auth_timeout = auth_timeout
        self._downtime = downtime
        self._patience = patience
        self._rest = rest
        self._clock = clock
        self._sleep = sleep
        self._wall = wall
        self._accounts = accounts
        self._secret = secret
        self._random = random_number
        self._listener = Listener(host, port, ssl_context, self._connected)
        self._tasks: set[asyncio.Task[None]] = set()
        self._life: asyncio.Task[None] | None = None
        self._start_play = asyncio.Event()
        self._played = asyncio.Event()
        self.stats = ReplayStats()
        self._set_recording(0)

    async def __aenter__(self) -> Self:
        await self._listener.open()
        self._life = asyncio.create_task(self._live(), name="replay")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end_life()
        self._listener.close()
        for link in self._links:
            link.abort()
        self._valve.open()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._listener.port

    @property
    def recording(self) -> Recording:
        """The recording being played."""
        return self._recordings[self._index]

    @property
    def playhead(self) -> Playhead:
        """Where its play is."""
        return self._playhead

    @property
    def links(self) -> int:
        """Sessions open now, logged in or not."""
        return len(self._links)

    def now(self) -> float:
        """The PBX's clock, as `Ping` tells it: that of the recording as play has it, in Unix seconds."""
        told = self._playhead.pbx_time()
        return self._wall() if told is None else told

    async def played(self) -> None:
        """Until the last recording has gone out to its last event (never, with `loop`)."""
        await self._played.wait()

    # Faults, for tests.

    async def restart(self, capture: CaptureSource | None = None) -> None:
        """Restart the PBX: `Shutdown`, links closed, connections refused, then `capture` or the present one anew.

        Returns when the PBX takes connections again, after `downtime` seconds.
        """
        if capture is not None:
            self._recordings[self._index + 1 :] = _recordings(capture)
            following = self._index + 1
        else:
            following = self._index
        await self._end_life()
        await self._restart_with(following)
        self._life = asyncio.create_task(self._live(), name="replay")

    # For the desk.

    def publish(self, raw: bytes) -> None:
        """Send an event that was not recorded to every session that reads it."""
        lines = dict(line.partition(b": ")[::2] for line in raw.split(b"\r\n"))
        event_bits = event_class(lines.get(b"Privilege", b""))
        for link in self._links:
            if link.wants(lines.get(b"Event", b""), event_bits, raw):
                link.send(raw)

    def logged_in(self, link: Link) -> None:
        """A session logged in or changed its mask."""
        if link.fresh:
            link.fresh = False
            self.stats.logins += 1
            if link.events & event_class(b"system") and self._playhead.place >= self.recording.boots_at:
                link.send(self._fully_booted())
        self._count_readers()

    def _fully_booted(self) -> bytes:
        recording, uptime, reloaded = self.recording, 0, 0
        if recording.booted is not None:
            text = recording.booted.decode("latin-1")
            told = dict(line.partition(": ")[::2] for line in text.split("\r\n"))
            uptime, reloaded = int(told.get("Uptime", 0)), int(told.get("LastReload", 0))
        if recording.timestamped:
            elapsed = int(self.now() - recording.times[0])
            uptime, reloaded = uptime + elapsed, reloaded + elapsed
        return event(
            "FullyBooted",
            "system,all",
            None,
            ("Uptime", str(uptime)),
            ("LastReload", str(reloaded)),
            ("Status", "Fully Booted"),
        )

    # The life of the PBX.

    def _set_recording(self, index: int) -> None:
        self._index = index
        self._desk = Desk(
            self,
            accounts=self._accounts,
            secret=self._secret,
            challenges=lambda: int(self._random() * _MOST_CHALLENGE),
            sleep=self._sleep,
        )
        self._start_play.clear()
        self._playhead = Playhead(
            self.recording,
            self._emit,
            self._room,
            speed=self._speed,
            clock=self._clock,
            sleep=self._sleep,
            patience=self._patience,
            rest=self._rest,
        )

    async def _live(self) -> None:
        while True:
            await self._start_play.wait()
            await self._playhead.run()
            last = self._index + 1 == len(self._recordings)
            if last and not self._loop:
                self._played.set()
                if self.recording.shutdown:
                    self._listener.refuse()
                    await self._close_links()
                return
            await self._restart_with(0 if last else self._index + 1)

    async def _end_life(self) -> None:
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
            self._life = None

    async def _restart_with(self, index: int) -> None:
        self.stats.restarts += 1
        self._played.clear()
        if not (self.recording.shutdown and self._playhead.ended):
            told = self._playhead.pbx_time()
            self.publish(event("Shutdown", "system,all", told, ("Shutdown", "Cleanly"), ("Restart", "True")))
        self._listener.refuse()
        await self._close_links()
        self._set_recording(index)
        await self._sleep(self._downtime)
        await self._listener.open()

    async def _close_links(self) -> None:
        for link in self._links:
            link.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DRAIN_SECONDS)
        for link in self._links:
            link.abort()

    def _emit(self, start: int, stop: int) -> None:
        self.stats.events += stop - start
        for link in self._links:
            link.play(self.recording, start, stop)

    async def _room(self) -> None:
        await self._somebody_reads.wait()
        for link in list(self._links):
            await link.room()

    def _count_readers(self) -> None:
        super()._count_readers()
        if self._somebody_reads.is_set():
            self._start_play.set()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="replay link")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer, self._valve, write_timeout=self._write_timeout)
        desk = self._desk
        self.stats.connections += 1
        self._links.add(link)
        overdue = asyncio.get_running_loop().call_later(self._auth_timeout, _end_unless_logged_in, link)
        link.send(self.recording.greeting)
        try:
            await link.run(desk.handle)
        finally:
            overdue.cancel()
            self._links.discard(link)
            self.stats.slow_links += link.cut_for_slowness
            self._count_readers()


def _end_unless_logged_in(link: Link) -> None:
    if link.account is None:
        link.abort()


def _recordings(captures: CaptureSource | Sequence[CaptureSource]) -> list[Recording]:
    sources = [captures] if isinstance(captures, Capture | str | Path) else list(captures)
    if not sources:
        raise CaptureError("There is nothing to replay: name at least one recording.")
    read = [source if isinstance(source, Capture) else Capture.read(source) for source in sources]
    return [Recording(session) for capture in read for session in capture.sessions()]
