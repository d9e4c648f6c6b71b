"""The simulator as a live, fake Asterisk."""

import asyncio
import math
import random
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

from vss_router.ami.replay_actions import event
from vss_router.ami.replay_faults import ServedLinks
from vss_router.ami.replay_link import Link
from vss_router.ami.replay_listener import Listener
from vss_router.ami.replay_permissions import ALL_CLASSES, Account, event_class
from vss_router.ami.replay_playhead import Clock, Playhead, Sleep
from vss_router.ami.simulator.desk import SimulatorDesk, first_moment
from vss_router.ami.simulator.greeting import GREETING
from vss_router.ami.simulator.pace import Pace
from vss_router.ami.simulator.simulator import Events, Simulator
from vss_router.errors import SettingsError

__all__ = ["SimulatorServer"]

TICK_SECONDS: Final = 0.02
FULL_SPEED_STEP: Final = 0.1

_MOST_CHALLENGE: Final = 0x7FFFFFFF


class SimulatorServer(ServedLinks):
    """Serves a simulator as a real AMI server, in real time or `speed` times as fast.

    ```python
    async with SimulatorServer(Simulator(operators=200, calls_per_second=5)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    ```

    Without a `simulator` it is the small call centre of the demo, whose time is the wall clock's. `speed` None or
    infinity is as fast as the readers take it. Everything about sessions (login, `secret`, `accounts`, filters, the
    `Setvar` and `QueuePause` fences, the write limit of `write_timeout` seconds) is as `ReplayServer` does it.

    Raises
    ------
    SettingsError
        The speed is not above 0.
    ServeError
        The address cannot be listened on (when the server is started).
    """

    def __init__(
        self,
        simulator: Simulator | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        speed: float | None = 1.0,
        secret: str | None = None,
        accounts: Mapping[str, Account] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        write_timeout: float = 0.1,
        auth_timeout: float = 30.0,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        wall: Clock = time.time,
        random_number: Callable[[], float] = random.random,
    ) -> None:
        super().__init__()
        self._speed = math.inf if speed is None else speed
        if not self._speed > 0:
            raise SettingsError(f"The speed {speed} cannot be played: give a number above 0, or none for full speed.")
        self.simulator = simulator or Simulator(start=wall())
        self.slow_links = 0
        self._sleep = sleep
        self._write_timeout = write_timeout
        self._auth_timeout = auth_timeout
        self._classes: dict[bytes, int] = {}
        self._listener = Listener(host, port, ssl_context, self._connected)
        self._tasks: set[asyncio.Task[None]] = set()
        self._life: asyncio.Task[None] | None = None
        self.recording = first_moment(self.simulator)
        self.playhead = Playhead(
            self.recording, _plays_nothing, self._room, speed=1.0, clock=clock, sleep=sleep, patience=0.0, rest=0.0
        )
        self._desk = SimulatorDesk(
            self,
            self.simulator,
            self._catch_up,
            accounts=accounts,
            secret=secret,
            challenges=lambda: int(random_number() * _MOST_CHALLENGE),
            sleep=sleep,
        )
        self._pace = Pace(clock, self._speed, self.simulator.now)

    async def __aenter__(self) -> Self:
        await self._listener.open()
        self._pace.set(self.simulator.now)
        self._life = asyncio.create_task(self._live(), name="simulator")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        self._listener.close()
        self.cut()
        self._valve.open()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._listener.port

    @property
    def links(self) -> int:
        """Sessions open now, logged in or not."""
        return len(self._links)

    def now(self) -> float:
        """The PBX's clock, as `Ping` tells it, Unix seconds."""
        return max(self.simulator.now, self._pace.now())

    # -- time

    async def _live(self) -> None:
        while True:
            if math.isinf(self._speed):
                await self._room()
                self._send(self.simulator.advance(self.simulator.now + FULL_SPEED_STEP))
                await asyncio.sleep(0)
            else:
                await self._sleep(TICK_SECONDS)
                self._catch_up()

    def _catch_up(self) -> None:
        """Let the simulation come to where the clock is, and send what happened."""
        self._send(self.simulator.advance(self._pace.due(self.simulator.now)))

    def _send(self, events: Events) -> None:
        if not events:
            return
        whole: bytes | None = None
        for link in self._links:
            if not link.reads_events:
                continue
            if link.events == ALL_CLASSES and not link.filters:
                whole = whole or b"".join([message for _, message in events])
                link.send(whole)
            else:
                link.send(b"".join([message for _, message in events if self._wanted(link, message)]))

    def _wanted(self, link: Link, message: bytes) -> bool:
        name, privilege, _ = message.split(b"\r\n", 2)
        name = name[7:]
        bits = self._classes.get(name)
        if bits is None:
            bits = self._classes[name] = event_class(privilege[11:])
        return link.wants(name, bits, message)

    async def _room(self) -> None:
        await self._somebody_reads.wait()
        for link in list(self._links):
            await link.room()

    # -- for the desk

    def publish(self, raw: bytes) -> None:
        """Send an event that is not the simulator's own to every session that reads it."""
        self._catch_up()
        for link in self._links:
            if self._wanted(link, raw):
                link.send(raw)

    def logged_in(self, link: Link) -> None:
        """A session logged in or changed its mask."""
        if link.fresh:
            link.fresh = False
            if link.events & event_class(b"system"):
                link.send(self._fully_booted())
        self._count_readers()

    def _fully_booted(self) -> bytes:
        uptime = str(int(self.now() - self.simulator.booted))
        return event(
            "FullyBooted",
            "system,all",
            None,
            ("Uptime", uptime),
            ("LastReload", uptime),
            ("Status", "Fully Booted"),
        )

    # -- sessions

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="simulator link")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer, self._valve, write_timeout=self._write_timeout)
        self._links.add(link)
        overdue = asyncio.get_running_loop().call_later(self._auth_timeout, _end_unless_logged_in, link)
        link.send(GREETING)
        try:
            await link.run(self._desk.handle)
        finally:
            overdue.cancel()
            self._links.discard(link)
            self.slow_links += link.cut_for_slowness
            self._count_readers()


def _end_unless_logged_in(link: Link) -> None:
    if link.account is None:
        link.abort()


def _plays_nothing(_start: int, _stop: int) -> None:
    """The simulator sends its events itself."""
