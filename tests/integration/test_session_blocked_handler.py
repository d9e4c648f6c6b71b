"""Handlers may block the main loop: the PBX must not notice, and what is lost must be said."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.integration.scripted_asterisk import ScriptedAsterisk
from tests.integration.watched_link import QUICK, endpoint, linked

FIREHOSE = Path(__file__).with_name("firehose_asterisk.py")
CALM = replace(QUICK, ping_seconds=0.5, pong_seconds=2.0, stall_seconds=10.0, fence_seconds=10.0)


class Firehose:
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")

    async def stats(self) -> dict[str, float]:
        assert self.process.stdout is not None
        found: dict[str, float] = json.loads(await self.process.stdout.readline())
        return found


@asynccontextmanager
async def firehose(rate: int, seconds: float, write_limit: float = 0.1) -> AsyncIterator[Firehose]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(FIREHOSE),
        str(rate),
        str(seconds),
        str(write_limit),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield Firehose(process, int(await process.stdout.readline()))
    finally:
        process.kill()
        await process.wait()


class BlockOnce:
    """A handler that blocks the main loop once, when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.blocked = 0

    def __call__(self, _source: str, batch: object) -> None:
        seconds, self.seconds = self.seconds, 0.0
        if seconds and getattr(batch, "messages", 0):
            self.blocked += 1
            time.sleep(seconds)
        else:
            self.seconds = seconds


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_handler_blocking_five_seconds_at_20_000_events_a_second_does_not_get_us_cut() -> None:
    handler = BlockOnce()
    async with firehose(20_000, 8.0) as pbx, linked(endpoint(pbx.port), CALM, handler=handler) as watched:
        await watched.until_live()
        before = watched.status.messages
        handler.seconds = 5.0
        pbx.go()
        async with asyncio.timeout(60):
            stats = await pbx.stats()
        assert handler.blocked == 1
        assert stats["cuts"] == 0, stats
        assert watched.status.reconnects == 0
        status = await watched.until(lambda status: status.ring_bytes == 0 and status.state == "live", 60)
        logging.getLogger(__name__).info("the PBX: %s; the ring's peak: %d bytes", stats, status.ring_peak)
        if status.overflows:
            # More than the ring holds came meanwhile: then it is said, and put right.
            assert status.dropped_bytes > 0
            assert "sync.gap" in watched.keys
            assert status.resyncs >= 2
        else:
            assert status.messages - before >= stats["sent"]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_what_does_not_fit_into_the_ring_becomes_a_gap_and_a_resync() -> None:
    handler = BlockOnce()
    small = 256 * 1024
    async with (
        firehose(20_000, 3.0) as pbx,
        linked(endpoint(pbx.port), CALM, handler=handler, ring_bytes=small) as watched,
    ):
        await watched.until_live()
        handler.seconds = 0.5
        pbx.go()
        async with asyncio.timeout(60):
            stats = await pbx.stats()
        assert stats["cuts"] == 0, stats
        status = await watched.until(lambda status: status.ring_bytes == 0 and status.state == "live", 60)
        assert status.overflows >= 1
        assert status.ring_peak <= small
        assert status.dropped_bytes > 0
        assert "sync.gap" in watched.keys
        assert status.reconnects == 0
        assert status.resyncs >= 2


@pytest.mark.slow
async def test_a_blocked_main_loop_is_no_half_open_link() -> None:
    handler = BlockOnce()
    timings = replace(QUICK, ping_seconds=0.05, pong_seconds=0.2)
    async with firehose(1, 1.0) as pbx, linked(endpoint(pbx.port), timings, handler=handler) as watched:
        await watched.until_live()
        handler.seconds = 1.5
        await watched.until(lambda _: handler.blocked)
        pings = watched.status.messages
        await watched.until(lambda status: status.messages > pings + 3)
        assert watched.status.reconnects == 0


@pytest.mark.slow
async def test_a_half_open_link_is_found_while_the_main_loop_is_blocked() -> None:
    handler = BlockOnce()
    timings = replace(QUICK, request_seconds=0.2, ping_seconds=0.05, pong_seconds=0.2)
    async with ScriptedAsterisk() as pbx, linked(endpoint(pbx.port), timings, handler=handler) as watched:
        await watched.until_live()
        for visitor in pbx.visitors:
            visitor.deaf = True
        time.sleep(1.0)  # noqa: ASYNC251 - the main loop is blocked on purpose
        status = await watched.until(lambda status: status.trouble)
        assert "half open" in (status.trouble or "")
        await watched.until_live()
