"""A link under test: short waits, its batches kept, and waiting for what its status says."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from vss_router import Batch, StatusBoard
from vss_router.ami.endpoint import AmiEndpoint, Secret
from vss_router.ami.io_thread import IoThread
from vss_router.ami.link import AmiLink
from vss_router.ami.link_status import LinkStatus
from vss_router.ami.ring import RING_BYTES
from vss_router.ami.timings import LinkTimings

QUICK = LinkTimings(
    connect_seconds=2,
    greeting_seconds=0.5,
    request_seconds=2,
    booted_seconds=0.1,
    ping_seconds=0.2,
    pong_seconds=1,
    stall_seconds=0.4,
    fence_seconds=0.5,
    resync_seconds=0,
    spacing_seconds=0.01,
    spacing_most_seconds=0.05,
    retry_seconds=0.02,
    retry_most_seconds=0.1,
    refused_seconds=0.1,
    refused_most_seconds=0.2,
    stable_seconds=0.01,
    tick_seconds=0.05,
)


class WatchedLink:
    def __init__(self, link: AmiLink) -> None:
        self.link = link
        self.statuses: list[LinkStatus] = []
        self.keys: list[str] = []
        self.gaps: list[str] = []
        self._watchers: list[Callable[[], object]] = []

    @property
    def status(self) -> LinkStatus:
        return self.link.status

    def took(self, _source: str, batch: Batch) -> None:
        self.keys += [key for _, key, _ in batch.events]
        self.gaps += [gap.reason for gap in batch.gaps]
        for watcher in self._watchers:
            watcher()

    def watch(self, watcher: Callable[[], object]) -> None:
        """Call it after every batch."""
        self._watchers.append(watcher)

    async def until(self, what: Callable[[LinkStatus], object], seconds: float = 15.0) -> LinkStatus:
        """Wait for a status; the bound only ends a test that has failed."""
        async with asyncio.timeout(seconds):
            while True:
                status = self.link.status
                if not self.statuses or status.state != self.statuses[-1].state:
                    self.statuses.append(status)
                if what(status):
                    return status
                await asyncio.sleep(0.005)

    async def until_live(self, seconds: float = 15.0) -> LinkStatus:
        return await self.until(lambda status: status.state == "live", seconds)


def endpoint(at: int, **changes: object) -> AmiEndpoint:
    """The account `vss` at port `at` of this machine."""
    base = AmiEndpoint(source="main", host="127.0.0.1", port=at, username="vss", secret=Secret("s3cret"))
    return msgspec.structs.replace(base, **changes)


@asynccontextmanager
async def linked(
    to: AmiEndpoint,
    timings: LinkTimings = QUICK,
    *,
    io: IoThread | None = None,
    handler: Callable[[str, Batch], None] | None = None,
    ring_bytes: int = RING_BYTES,
    seed: int = 7,
    board: StatusBoard | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[WatchedLink]:
    """A started link; stopped at the end, its thread too unless it was given."""
    own = io or IoThread()
    if io is None:
        own.start()
    numbers = iter(range(1_000_000))

    def took(source: str, batch: Batch) -> None:
        watched.took(source, batch)
        if handler is not None:
            handler(source, batch)

    link = AmiLink(
        to,
        board or StatusBoard(to.source),
        io=own,
        on_batch=took,
        timings=timings,
        ring_bytes=ring_bytes,
        clock=clock,
        random=random.Random(seed).random,
        new_id=lambda: f"fence-{next(numbers)}",
    )
    watched = WatchedLink(link)
    link.start()
    try:
        yield watched
    finally:
        await link.stop()
        if io is None:
            await own.stop()
