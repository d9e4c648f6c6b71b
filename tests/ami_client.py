"""A manager client on a raw socket and a clock that only tests move: what the fake Asterisk is tested by."""

import asyncio
import heapq
import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self, TypeVar

Server = TypeVar("Server", bound=AbstractAsyncContextManager[Any, Any])


class ManualClock:
    """Monotonic seconds that pass only in `advance`; `sleep` waits for them."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._slept: dict[float, asyncio.Event] = {}

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._slept.setdefault(seconds, asyncio.Event()).set()
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), waiting))
        await waiting

    async def slept_for(self, seconds: float) -> None:
        """Until somebody has begun to sleep exactly that long."""
        await asyncio.wait_for(self._slept.setdefault(seconds, asyncio.Event()).wait(), 10)

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking sleepers in order, each to do what it does before the next wakes."""
        until = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, waiting = heapq.heappop(self._sleepers)
            self.now = max(self.now, at)
            if not waiting.done():
                waiting.set_result(None)
            await settle()
        self.now = until


async def settle() -> None:
    """Let everything that can run now run."""
    for _ in range(20):
        await asyncio.sleep(0)


_OPENED: list["AmiClient"] = []


async def close_clients() -> None:
    """Close every connection the test has made, whether it passed or not."""
    while _OPENED:
        # Held by name: a writer freed before its transport is aborted complains.
        client = _OPENED.pop()
        client.writer.transport.abort()
    await settle()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    """The started server; every connection of the test is closed before it stops."""
    async with server:
        try:
            yield server
        finally:
            await close_clients()


class AmiClient:
    """One connection. Messages are lists of header lines; the greeting is read at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.greeting = ""
        _OPENED.append(self)

    @classmethod
    async def connect(cls, port: int, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Self:
        reader, writer = await asyncio.open_connection(
            host, port, ssl=tls, server_hostname="localhost" if tls else None, limit=1 << 20
        )
        client = cls(reader, writer)
        client.greeting = (await client._line()).decode()
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def _line(self) -> bytes:
        return await asyncio.wait_for(self.reader.readline(), 10)

    async def message(self) -> list[str]:
        """The next message; empty at the end of the stream."""
        lines: list[str] = []
        while line := await self._line():
            text = line.decode().rstrip("\r\n")
            if text:
                lines.append(text)
            elif lines:
                return lines
        return []

    async def until(self, *wanted: str) -> list[list[str]]:
        """All messages up to the one that holds every wanted line, that one included."""
        seen: list[list[str]] = []
        while True:
            message = await self.message()
            assert message, f"the stream ended before {wanted}; last was {seen[-1:]}"
            seen.append(message)
            if set(wanted) <= set(message):
                return seen

    def write(self, action: str, **headers: str) -> None:
        lines = [f"Action: {action}", *(f"{key}: {value}" for key, value in headers.items()), "", ""]
        self.writer.write("\r\n".join(lines).encode())

    async def ask(self, action: str, **headers: str) -> list[list[str]]:
        """The answer to an action: its response, and its list if it has one; events in between come back too."""
        headers.setdefault("ActionID", f"ask-{action}")
        self.write(action, **headers)
        seen = await self.until(f"ActionID: {headers['ActionID']}")
        if "EventList: start" in seen[-1]:
            seen += await self.until(f"ActionID: {headers['ActionID']}", "EventList: Complete")
        return seen

    async def login(self, user: str = "vss", secret: str = "any", events: str | None = None) -> list[str]:
        """The login's response."""
        more = {} if events is None else {"Events": events}
        return (await self.ask("Login", Username=user, Secret=secret, ActionID="login", **more))[-1]

    async def events(self) -> list[str]:
        """The names of the events that have come so far: those before the answer to a Ping."""
        return [value(message, "Event") for message in (await self.ask("Ping"))[:-1]]

    async def at_end(self) -> bool:
        """Whether the stream ends, whatever comes before that."""
        try:
            while await asyncio.wait_for(self.reader.read(1 << 16), 10):
                pass
        except ConnectionError:
            pass
        return True


def value(message: list[str], key: str) -> str:
    """The first value of a header, empty when it is missing."""
    return next((line.partition(": ")[2] for line in message if line.startswith(f"{key}: ")), "")
