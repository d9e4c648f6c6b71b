"""What breaks on purpose: cuts, stalls, half-open links, restarts, and readers that are too slow."""

import asyncio

import pytest

from tests.ami_client import AmiClient, ManualClock, serving, value
from tests.recordings import capture, event, queue_status
from vss_router.ami.replay import ReplayServer

SHUTDOWN = event("Shutdown", 2, "system,all", Shutdown="Cleanly", Restart="True")
BEFORE = capture(event("A", 0), queue_status(1), event("B", 1), SHUTDOWN)
AFTER = capture(event("Z", 60), queue_status(2))
# Far more than the kernel takes for a reader that does not read.
FLOOD = capture(*(event("Flood", 0, Padding="x" * 1_000) for _ in range(20_000)))


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


async def connected_again(port: int) -> AmiClient:
    for _ in range(2_000):
        try:
            return await AmiClient.connect(port)
        except OSError:
            await asyncio.sleep(0.001)
    raise AssertionError("nobody listens again")


async def test_a_reader_that_does_not_read_is_cut() -> None:
    async with serving(ReplayServer(FLOOD, speed=None, patience=0)) as server:
        slow = await AmiClient.connect(server.port)
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        slow.write("Login", Username="slow", Secret="x")
        async with asyncio.timeout(10):
            while not server.stats.slow_links:  # noqa: ASYNC110 - the server tells it by its counter alone
                await asyncio.sleep(0.01)
        assert server.links == 0


async def test_a_cut_ends_every_link_and_new_ones_are_taken() -> None:
    async with serving(ReplayServer(BEFORE, speed=0.001)) as server:
        first = await AmiClient.connect(server.port)
        await first.login()
        server.cut()
        assert await first.at_end()
        assert (await (await AmiClient.connect(server.port)).login())[0] == "Response: Success"


async def test_a_stall_holds_everything_back_until_it_ends() -> None:
    clock = ManualClock()
    async with serving(ReplayServer(BEFORE, clock=clock, sleep=clock.sleep)) as server:
        client = await AmiClient.connect(server.port)
        await client.login()
        await client.events()
        server.stall()
        client.write("Ping", ActionID="stalled")
        await clock.advance(1.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.reader.read(1)
        server.resume()
        seen = await client.until("ActionID: stalled")
        assert [value(message, "Event") for message in seen[:-1]] == ["B"]


async def test_a_half_open_link_stays_open_and_silent_while_new_ones_are_served() -> None:
    async with serving(ReplayServer(BEFORE, speed=0.001)) as server:
        dead = await AmiClient.connect(server.port)
        await dead.login()
        await dead.events()
        server.half_open()
        dead.write("Ping")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await dead.reader.read(1)
        assert not dead.reader.at_eof()
        assert (await (await AmiClient.connect(server.port)).login())[0] == "Response: Success"


async def test_connections_are_refused_while_the_pbx_restarts() -> None:
    clock = ManualClock()
    both = ReplayServer([BEFORE, AFTER], speed=None, patience=0, clock=clock, sleep=clock.sleep, downtime=3.0)
    async with serving(both) as server:
        client = await AmiClient.connect(server.port)
        await client.login()
        seen = await client.until("Event: Shutdown")
        assert [value(message, "Event") for message in seen] == ["FullyBooted", "A", "B", "Shutdown"]
        assert await client.message() == []
        await clock.slept_for(3.0)
        with pytest.raises(ConnectionRefusedError):
            await AmiClient.connect(server.port)
        await clock.advance(3.0)
        again = await connected_again(server.port)
        await again.login()
        assert value((await again.until("Event: Z"))[-1], "Event") == "Z"
        assert server.stats.restarts == 1


async def test_the_last_shutdown_leaves_the_pbx_down() -> None:
    async with serving(ReplayServer(BEFORE, speed=None, patience=0)) as server:
        client = await AmiClient.connect(server.port)
        await client.login()
        assert await client.at_end()
        with pytest.raises(ConnectionRefusedError):
            await AmiClient.connect(server.port)


async def test_a_loop_starts_anew_as_a_pbx_that_restarted() -> None:
    looping = ReplayServer(AFTER, speed=None, patience=0, loop=True, sleep=at_once, downtime=0)
    async with serving(looping) as server:
        for _ in range(3):
            client = await connected_again(server.port)
            await client.login()
            seen = await client.until("Event: Shutdown")
            assert [value(message, "Event") for message in seen] == ["FullyBooted", "Z", "Shutdown"]
            assert await client.at_end()
        assert server.stats.restarts >= 2


async def test_a_restart_asked_for_serves_the_given_recording() -> None:
    async with serving(ReplayServer(BEFORE, speed=0.001, downtime=0)) as server:
        client = await AmiClient.connect(server.port)
        await client.login()
        await server.restart(AFTER)
        assert value((await client.until("Event: Shutdown"))[-1], "Restart") == "True"
        assert await client.at_end()
        again = await AmiClient.connect(server.port)
        await again.login()
        assert value((await again.ask("QueueStatus"))[-2], "Calls") == "2"
