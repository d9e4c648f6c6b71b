"""Redis dies, hangs, forgets or is cut off: the router reads on, REST answers, and Redis is made whole again."""

import threading

from tests.faults.stalling_proxy import StallingProxy
from tests.faults.watched_router import eventually, watched
from tests.services.fixtures import StartCluster, StartRedis, StartSentinel


async def test_a_killed_redis_that_comes_back_empty(start_redis: StartRedis) -> None:
    server = start_redis()
    async with watched(server) as both:
        before, _ = await both.asks(both.reader)
        server.kill()
        await both.notices()
        last = await both.still_reads_the_pbx()
        await both.reader_shows(before["reason"], stale=True)
        server.start()
        await both.recovered()
        await both.reader_shows(last, stale=False)


async def test_a_redis_that_sleeps_longer_than_anybody_waits(start_redis: StartRedis) -> None:
    server = start_redis()
    async with watched(server) as both:
        sleeping = threading.Thread(target=server.command, args=("DEBUG", "SLEEP", "4"))
        sleeping.start()
        reason = await both.still_reads_the_pbx()
        await both.notices("did not answer")
        await both.still_reads_the_pbx()
        sleeping.join()
        await both.recovered()
        reason = await both.still_reads_the_pbx()
        await both.reader_shows(reason, stale=False)


async def test_a_flushed_redis_is_filled_again_without_a_reconnection(start_redis: StartRedis) -> None:
    server = start_redis()
    async with watched(server) as both:
        epoch = both.writer.status().epoch
        server.command("FLUSHALL")
        last = await both.still_reads_the_pbx()
        await eventually(lambda: both.writer.status().epoch > epoch, "the lease taken again")
        await both.recovered()
        await both.reader_shows(last, stale=False)
        assert both.writer.status().failures == 0


async def test_connections_cut_by_the_administrator_are_made_again(start_redis: StartRedis) -> None:
    server = start_redis()
    async with watched(server) as both:
        for _ in range(3):
            connects = both.writer.status().connects
            server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            last = await both.still_reads_the_pbx()
            await eventually(lambda: both.writer.status().connects > connects, "connected again")  # noqa: B023
            await both.recovered()
            await both.reader_shows(last, stale=False)


async def test_a_redis_that_stands_still_with_its_connections_open(start_redis: StartRedis) -> None:
    server = start_redis()
    async with watched(server) as both:
        before, _ = await both.asks(both.reader)
        server.pause()
        try:
            last = await both.still_reads_the_pbx()
            await both.notices("did not answer")
            await both.reader_shows(before["reason"], stale=True)
        finally:
            server.resume()
        await both.recovered()
        await both.reader_shows(last, stale=False)


async def test_a_network_that_swallows_everything_for_a_while(start_redis: StartRedis) -> None:
    server = start_redis()
    async with StallingProxy(server.address) as proxy, watched(server, f"redis://127.0.0.1:{proxy.port}/0") as both:
        proxy.stall()
        last = await both.still_reads_the_pbx()
        await both.notices("did not answer")
        await both.still_reads_the_pbx()
        proxy.resume()
        await both.recovered()
        last = await both.still_reads_the_pbx()
        await both.reader_shows(last, stale=False)


async def test_a_fail_over_by_sentinel(start_sentinel: StartSentinel) -> None:
    sentinel = start_sentinel()
    async with watched(sentinel.master, sentinel.url) as both:
        failing = threading.Thread(target=sentinel.fail_over)
        failing.start()
        await both.notices()
        last = await both.still_reads_the_pbx()
        while failing.is_alive():
            await both.asks(both.reader)
        both.server = sentinel.master
        await both.recovered()
        await both.reader_shows(last, stale=False)


async def test_a_lost_node_of_a_cluster(start_cluster: StartCluster) -> None:
    cluster = start_cluster(partial=True)
    node = cluster.node_of("queue:{main}:meta")
    async with watched(node, cluster.url) as both:
        node.kill()
        await both.notices()
        last = await both.still_reads_the_pbx()
        await both.asks(both.reader)
        node.start()
        await both.recovered()
        await both.reader_shows(last, stale=False)
