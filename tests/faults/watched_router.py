"""A router on a small PBX, a reader of its Redis beside it, both with REST; what is asked of them in a fault and after.

The readers of other programs are stood for by `Watched.stands`: every row, index and set in Redis beside the board.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import httpx

from tests.faults.small_pbx import OPERATORS, SmallPbx
from tests.integration.written_board import difference
from tests.services.redis_server import RedisServer
from vss_router._core import StatusWriter
from vss_router.router import Router
from vss_router.settings import Settings

__all__ = ["LONGEST", "Watched", "eventually", "watched"]

LONGEST: Final = 40.0
"""Seconds that end a test which has failed; nothing is measured by it."""

_log = logging.getLogger(__name__)


async def eventually(true: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    try:
        async with asyncio.timeout(LONGEST):
            while not true():  # noqa: ASYNC110 - it may come from anywhere
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not {what} within {LONGEST} s") from None


class Watched:
    """The router and its reader; `server` is where the rows are expected to stand."""

    def __init__(self, pbx: SmallPbx, router: Router, reader: Router, server: RedisServer) -> None:
        self.pbx = pbx
        self.router = router
        self.reader = reader
        self.server = server
        self.board = router.boards["main"]
        self.recovery_seconds: float | None = None
        self._turns = 0

    @property
    def writer(self) -> StatusWriter:
        return self.router._stores.writers()["main"]

    async def asks(self, of: Router, operator: str = OPERATORS[0]) -> tuple[dict[str, Any], dict[str, str]]:
        """The row of an operator by REST, and the answer's headers that tell where it is from."""
        path = f"/api/queue-status/operators/{operator.replace('/', '%2F')}"
        async with httpx.AsyncClient(base_url=of.http_address or "", trust_env=False, timeout=10) as client:
            answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json(), {
            "truth": answer.headers["x-source-of-truth"],
            "stale": answer.headers["x-stale"],
        }

    async def in_step(self) -> None:
        """The board agrees with the PBX, Redis with the board, the reader with Redis."""
        await self.router.synchronized()
        await self.recovered()

    async def still_reads_the_pbx(self) -> str:
        """Something happens on the PBX and is read and served, whatever becomes of Redis; gives what it was."""
        self._turns += 1
        reason = f"turn {self._turns}"
        self.pbx.pause(OPERATORS[0], reason)
        async with asyncio.timeout(LONGEST):
            while True:
                row, told = await self.asks(self.router)
                assert told == {"truth": "memory", "stale": "false"}
                if row["reason"] == reason:
                    break
                await asyncio.sleep(0.01)
        assert self.router.status()["main"].state == "live"
        assert self.router.status()["main"].reconnects == 0
        return reason

    async def reader_shows(self, reason: str, *, stale: bool) -> None:
        """The reader answers all along, and comes to show that row."""
        told: object = None
        try:
            async with asyncio.timeout(LONGEST):
                while True:
                    row, told = await self.asks(self.reader)
                    if row["reason"] == reason and told["stale"] == str(stale).lower():
                        return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"the reader does not show {reason!r}, stale {stale}: {told}") from None

    async def reader_has_found_it(self) -> None:
        """The reader knows the PBX; before that every operator is unknown to it."""
        async with (
            asyncio.timeout(LONGEST),
            httpx.AsyncClient(base_url=self.reader.http_address or "", trust_env=False, timeout=10) as client,
        ):
            while (await client.get("/ready")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def notices(self, *words: str) -> None:
        """The writer says what is wrong."""
        await eventually(
            lambda: any(word in str(self.writer.status().trouble) for word in words) if words else self.trouble(),
            f"noticed: {self.writer.status()!r}",
        )

    def trouble(self) -> str | None:
        return self.writer.status().trouble

    async def recovered(self) -> None:
        """The writer writes again, and what stands in Redis comes to equal the board; measures how long it took."""
        await eventually(
            lambda: self.writer.status().state == "writing" and self.trouble() is None,
            "writing again",
        )
        begun = time.monotonic()
        await self.stands()
        self.recovery_seconds = time.monotonic() - begun
        _log.info("Redis equals the board %.2f s after the writer was back", self.recovery_seconds)
        await eventually(lambda: self.writer.status().behind == 0, "written up to the board's last number")
        reason = self.pbx.reasons[OPERATORS[0]]
        await self.reader_shows(reason or "", stale=False) if reason else None

    async def stands(self) -> None:
        """Every row, index and set in Redis equals the board, and nothing else of the PBX is there."""
        wrong: list[str] = ["never looked"]
        begun = time.monotonic()
        while wrong and time.monotonic() - begun < LONGEST:
            wrong = await asyncio.to_thread(self.wrong)
        assert wrong == []

    def wrong(self) -> list[str]:
        # Answers are bytes: rows are compared as they stand.
        with self.server.client(decoded=False) as client:
            return difference(client, self.board)


@asynccontextmanager
async def watched(server: RedisServer, url: str | None = None, **settings: Any) -> AsyncIterator[Watched]:
    """Both routers, in step at the start; `url` is what the settings say where it is not the server's."""
    where = url or server.url
    async with AsyncExitStack() as stack:
        pbx = await stack.enter_async_context(SmallPbx())
        ami = [f"main=vss:s3cret@127.0.0.1:{pbx.port}"]
        router = await stack.enter_async_context(Router(Settings(ami=ami, http="127.0.0.1:0", redis=where, **settings)))
        reader = await stack.enter_async_context(Router(Settings(http="127.0.0.1:0", redis=where)))
        both = Watched(pbx, router, reader, server)
        await both.in_step()
        await both.reader_has_found_it()
        await both.reader_shows(await both.still_reads_the_pbx(), stale=False)
        yield both
