"""Reading over every kind of connection, and the sentence for each way it can go wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.board_double import channel, operator, queue
from tests.redis_rows import RedisRows, ids_of
from tests.services.certificates import Certificates
from tests.services.fixtures import StartCluster, StartRedis, StartSentinel
from tests.services.redis_cluster import RedisCluster
from tests.services.redis_server import RedisServer
from tests.services.server_process import free_port, wait_until
from vss_router.errors import RedisRefusedError, RedisUnavailableError
from vss_router.status.redis import RedisConnection, RedisReader, parse_redis_url


@asynccontextmanager
async def reading(url: str, *, answer_seconds: float = 1.0) -> AsyncIterator[RedisReader]:
    connection = RedisConnection(parse_redis_url(url), answer_seconds=answer_seconds)
    try:
        yield RedisReader(connection, sources_seconds=0.0, meta_seconds=0.0)
    finally:
        await connection.aclose()


def filled(server: RedisServer) -> RedisServer:
    writer = RedisRows(server)
    writer.begin()
    writer.put("operators", operator("PJSIP/1"))
    writer.put("queues", queue("a"), queue("b"))
    writer.put("channels", channel("1.1"))
    writer.close()
    return server


async def everything_is_read(reader: RedisReader) -> None:
    assert ids_of((await reader.operators(queue="support")).body) == ["PJSIP/1"]
    assert await reader.operator("1") is not None
    assert await reader.channel("PJSIP/1001-00000029") is not None
    assert ids_of((await reader.queues()).body) == ["a", "b"]
    assert (await reader.snapshot()).seq == 104


async def refusal(reader: RedisReader, asked: Callable[[], Awaitable[object]] | None = None) -> str:
    with pytest.raises(RedisUnavailableError) as refused:
        await (asked() if asked is not None else reader.operators())
    return str(refused.value)


async def test_a_redis_that_is_not_there_is_said_with_its_url() -> None:
    port = free_port()
    async with reading(f"redis://:secret@127.0.0.1:{port}/0") as reader:
        said = await refusal(reader)
    assert said.startswith(f"Redis at redis://127.0.0.1:{port}/0 cannot be reached (")
    assert said.endswith("): check that it runs and the URL.")
    assert "secret" not in said


async def test_a_redis_that_hangs_costs_no_more_than_the_time_for_an_answer(start_redis: StartRedis) -> None:
    server = filled(start_redis())
    async with reading(server.url, answer_seconds=0.2) as reader:
        await everything_is_read(reader)
        server.pause()
        async with asyncio.timeout(5):
            assert "does not answer within 0.2 s: look at its load." in await refusal(reader)
        server.resume()
        await everything_is_read(reader)


async def test_connections_cut_while_idle_are_made_again_unseen(redis_server: RedisServer) -> None:
    filled(redis_server)
    async with reading(redis_server.url) as reader:
        await everything_is_read(reader)
        redis_server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await everything_is_read(reader)


async def test_a_redis_that_came_back_is_read_at_once(start_redis: StartRedis) -> None:
    server = filled(start_redis())
    async with reading(server.url) as reader:
        await everything_is_read(reader)
        server.kill()
        await refusal(reader)
        server.start()
        filled(server)
        await everything_is_read(reader)


async def test_a_password_that_is_wrong_is_said(start_redis: StartRedis) -> None:
    server = filled(start_redis(password="right"))
    async with reading(server.url) as reader:
        await everything_is_read(reader)
    async with reading(server.url.replace("right", "wrong")) as reader:
        said = await refusal(reader)
    assert "refuses the login (" in said
    assert "wrong" not in said.split("://", 1)[1].split("refuses", 1)[0]


async def test_a_user_with_the_rights_of_the_page_reads_everything(start_redis: StartRedis) -> None:
    acl = "user default on nopass ~* &* +@all\nuser wall on >look resetchannels ~queue:* -@all +@read +eval_ro +ping\n"
    server = filled(start_redis(acl=acl))
    server.command("DEL", "queue:{main}:operator:PJSIP/1")
    async with reading(f"redis://wall:look@127.0.0.1:{server.port}") as reader:
        assert ids_of((await reader.operators()).body) == []
        assert ids_of((await reader.operators()).body) == []
        assert ids_of((await reader.queues()).body) == ["a", "b"]
        assert (await reader.snapshot()).seq == 104
        assert (reader.stats.ids_without_row, reader.stats.ids_dropped) == (2, 0)


async def test_a_user_without_the_rights_is_told_where_they_are_listed(start_redis: StartRedis) -> None:
    acl = "user default on nopass ~* &* +@all\nuser blind on >look ~other:* +@read\n"
    server = filled(start_redis(acl=acl))
    async with reading(f"redis://blind:look@127.0.0.1:{server.port}") as reader:
        with pytest.raises(RedisRefusedError, match="does not let this user do it .*: give the rights"):
            await reader.operators()


async def test_tls_with_our_authority_is_read_and_with_another_refused(
    start_redis: StartRedis, certificates: Certificates
) -> None:
    server = filled(start_redis(tls=certificates))
    async with reading(server.url) as reader:
        await everything_is_read(reader)
    async with reading(f"rediss://127.0.0.1:{server.port}?ca={certificates.other_ca}") as reader:
        assert "cannot be reached (" in (said := await refusal(reader))
        assert "certificate verify failed" in said


async def test_tls_asks_for_our_certificate_when_redis_wants_one(
    start_redis: StartRedis, certificates: Certificates
) -> None:
    server = filled(start_redis(tls=certificates, arguments=["--tls-auth-clients", "optional"]))
    ours = f"&cert={certificates.client_certificate}&key={certificates.client_key}"
    async with reading(server.url + ours) as reader:
        await everything_is_read(reader)


async def test_a_plain_client_at_a_tls_port_is_refused_with_a_sentence(
    start_redis: StartRedis, certificates: Certificates
) -> None:
    server = start_redis(tls=certificates)
    async with reading(f"redis://127.0.0.1:{server.port}") as reader:
        assert "cannot be reached (" in await refusal(reader)


async def test_a_database_other_than_the_first(redis_server: RedisServer) -> None:
    filled(redis_server)
    redis_server.command("SWAPDB", 0, 5)
    async with reading(f"redis://127.0.0.1:{redis_server.port}/5") as reader:
        await everything_is_read(reader)


async def test_a_cluster_is_read_like_one_server(redis_cluster: RedisCluster) -> None:
    node = redis_cluster.node_of("queue:{main}:meta")
    writer = RedisRows(node)
    writer.prefix = "queue"
    # The set of sources has no braces and lives where its own slot is.
    redis_cluster.node_of("queue:sources").command("SADD", "queue:sources", "main")
    writer.client.set(writer.keys.writer, "1:double")
    writer.describe("live")
    writer.put("operators", operator("PJSIP/1"))
    writer.put("queues", queue("a"), queue("b"))
    writer.put("channels", channel("1.1"))
    writer.close()
    async with reading(redis_cluster.url) as reader:
        await everything_is_read(reader)
        node.command("DEL", "queue:{main}:operator:PJSIP/1")
        assert ids_of((await reader.operators()).body) == []
        assert reader.stats.ids_dropped == 1


@pytest.mark.slow
async def test_a_cluster_with_another_node_lost_is_still_read(start_cluster: StartCluster) -> None:
    cluster = start_cluster(partial=True)
    kept = {cluster.node_of("queue:sources"), cluster.node_of("queue:{main}:meta")}
    cluster.node_of("queue:sources").command("SADD", "queue:sources", "main")
    writer = RedisRows(cluster.node_of("queue:{main}:meta"))
    writer.client.set(writer.keys.writer, "1:double")
    writer.put("queues", queue("a"))
    writer.close()
    async with reading(cluster.url) as reader:
        assert ids_of((await reader.queues()).body) == ["a"]
        lost = next(node for node in cluster.nodes if node not in kept)
        lost.kill()
        survivor = next(iter(kept))
        wait_until(lambda: f":{lost.port}@" in failed_nodes(survivor), "a node known to be lost")
        assert ids_of((await reader.queues()).body) == ["a"]


def failed_nodes(node: RedisServer) -> str:
    return "\n".join(line for line in str(node.command("CLUSTER", "NODES")).splitlines() if "fail" in line)


@pytest.mark.slow
async def test_the_master_that_sentinel_names_is_read_also_after_a_fail_over(start_sentinel: StartSentinel) -> None:
    sentinel = start_sentinel()
    filled(sentinel.master)
    sentinel.master.command("WAIT", 1, 1000)
    async with reading(sentinel.url) as reader:
        await everything_is_read(reader)
        sentinel.fail_over()
        # Sentinel names the new master a moment before it lists it as one.
        async with asyncio.timeout(10):
            while True:
                try:
                    await everything_is_read(reader)
                    break
                except RedisUnavailableError:
                    await asyncio.sleep(0.02)


async def test_a_master_that_no_sentinel_knows_is_said(start_sentinel: StartSentinel) -> None:
    sentinel = start_sentinel()
    async with reading(sentinel.url.replace("/vss/", "/other/")) as reader:
        assert "No master found for 'other'" in await refusal(reader)
