"""The servers that other tests rely on: they start, end, come back, and what is not to be had is said."""

import asyncio
import os
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import aiormq
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.services.certificates import Certificates
from tests.services.fixtures import StartCluster, StartPostgres, StartRedis, StartSentinel
from tests.services.postgres_server import PostgresServer
from tests.services.programs import Program, ProgramMissingError, located, needed
from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.redis_cluster import RedisCluster
from tests.services.redis_server import RedisServer
from tests.services.server_process import ServerProcess, wait_until

ONCE = Retry(NoBackoff(), 0)
NOWHERE = Program("no-such-server", "no-such-package", oldest=1)


def test_a_missing_program_skips_with_one_line_that_says_which_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_SERVICES", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.skip.Exception) as skipped:
        needed(NOWHERE)
    assert str(skipped.value) == (
        "no-such-server (version 1 or newer) is missing and only root may install it with apt-get: "
        "install no-such-package"
    )


def test_a_missing_program_fails_the_test_when_services_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_SERVICES", "1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_SERVICES=1: no-such-server"):
        needed(NOWHERE)


def test_a_program_that_is_too_old_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "old-server"
    old.write_text("#!/bin/sh\necho old-server v=6.2.14\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ProgramMissingError, match="version 7 or newer"):
        located(Program("old-server", "old", oldest=7))


def test_a_server_started_in_a_thread_outlives_it(tmp_path: Path) -> None:
    server = ServerProcess(["sleep", "60"], tmp_path)
    thread = Thread(target=server.start, args=(lambda: True,))
    thread.start()
    thread.join()
    try:
        with pytest.raises(TimeoutError):
            wait_until(lambda: not server.runs(), "its end", seconds=0.3)
    finally:
        server.kill()


def test_a_redis_is_empty_for_each_test_whatever_the_last_one_left(shared_redis: RedisServer) -> None:
    shared_redis.command("SET", "left", "behind")
    shared_redis.command("CLIENT", "PAUSE", 60_000, "WRITE")
    shared_redis.flush()
    assert shared_redis.command("DBSIZE") == 0


def test_a_killed_redis_comes_back_empty_on_its_port(start_redis: StartRedis) -> None:
    server = start_redis()
    port = server.port
    server.command("SET", "key", "value")
    server.kill()
    assert not server.answers()
    server.start()
    assert server.port == port
    assert server.command("DBSIZE") == 0


def test_a_paused_redis_answers_nothing_until_it_goes_on(start_redis: StartRedis) -> None:
    server = start_redis()
    server.pause()
    with (
        redis.Redis(port=server.port, socket_timeout=0.1, retry=ONCE) as client,
        pytest.raises(redis.TimeoutError),
    ):
        client.ping()
    server.resume()
    assert server.answers()


def test_a_redis_with_tls_shows_a_certificate_of_our_authority(
    start_redis: StartRedis, certificates: Certificates
) -> None:
    server = start_redis(tls=certificates)
    assert server.answers()
    with (
        redis.Redis(port=server.port, ssl=True, ssl_ca_certs=str(certificates.other_ca), retry=ONCE) as client,
        pytest.raises(redis.ConnectionError, match="certificate verify failed"),
    ):
        client.ping()


def test_a_redis_has_the_users_of_its_acl(start_redis: StartRedis) -> None:
    server = start_redis(acl="user default on nopass ~* &* +@all\nuser reader on >look ~queue:* +@read\n")
    with redis.Redis(port=server.port, username="reader", password="look") as client:
        assert client.get("queue:sources") is None
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.set("queue:sources", "x")


@pytest.mark.slow
def test_a_sentinel_names_the_new_master_after_the_old_one_was_killed(start_sentinel: StartSentinel) -> None:
    sentinel = start_sentinel()
    old = sentinel.master
    new = sentinel.fail_over()
    assert new is not old
    assert sentinel.master is new
    assert new.command("SET", "key", "value") == "OK"


def test_a_cluster_knows_which_node_keeps_a_key(redis_cluster: RedisCluster) -> None:
    node = redis_cluster.node_of("{main}key")
    assert node.command("SET", "{main}key", "value") == "OK"
    assert [other.command("DBSIZE") for other in redis_cluster.nodes].count(0) == 2


@pytest.mark.slow
def test_a_partial_cluster_goes_on_with_a_node_lost(start_cluster: StartCluster) -> None:
    cluster = start_cluster(partial=True)
    lost, kept = cluster.node_of("a"), cluster.node_of("b")
    assert lost is not kept
    lost.kill()
    assert kept.command("SET", "b", "value") == "OK"


def test_a_database_is_a_copy_of_its_template_and_another_one_for_each_test(postgres_server: PostgresServer) -> None:
    def prepare(url: str) -> None:
        postgres_server.sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)", url.rpartition("/")[2])

    template = postgres_server.template("services", prepare)
    first, second = (postgres_server.fresh_database(template) for _ in range(2))
    postgres_server.sql("INSERT INTO kept VALUES (2)", first.rpartition("/")[2])
    counts = [postgres_server.sql("SELECT count(*) FROM kept", url.rpartition("/")[2]) for url in (first, second)]
    assert counts == ["2", "1"]
    for url in (first, second):
        postgres_server.drop_database(url)


def test_a_fresh_database_has_no_table(postgres_server: PostgresServer, postgres_database: str) -> None:
    name = postgres_database.rpartition("/")[2]
    assert postgres_server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == "0"


@pytest.mark.slow
def test_a_killed_postgres_comes_back_on_its_port_with_its_data(start_postgres: StartPostgres) -> None:
    server = start_postgres()
    port = server.port
    server.sql("CREATE TABLE kept (n int)")
    server.kill()
    assert not server.answers()
    server.start()
    assert server.port == port
    assert server.sql("SELECT count(*) FROM kept") == "0"


def declared(server: RabbitMqServer, vhost: str) -> list[str]:
    return [row["name"] for row in server.api("GET", f"queues/{vhost}")]


async def test_a_virtual_host_is_another_one_for_each_test_and_gone_afterwards(rabbitmq: RabbitMqServer) -> None:
    first, second = rabbitmq.new_vhost(), rabbitmq.new_vhost("/odd name")
    for url in (first, second):
        connection = await aiormq.connect(url)
        channel = await connection.channel()
        await channel.queue_declare("mine")
        await connection.close()
    assert declared(rabbitmq, "%2Fodd%20name") == ["mine"]
    rabbitmq.clear()
    assert {row["name"] for row in rabbitmq.api("GET", "vhosts")} == {"/"}


async def test_a_user_has_the_rights_it_was_given_and_no_others(rabbitmq: RabbitMqServer) -> None:
    vhost = unquote(rabbitmq.new_vhost().rpartition("/")[2])
    rabbitmq.add_user("reader", vhost=vhost, configure="^$", write="^$")
    connection = await aiormq.connect(rabbitmq.url(vhost, user="reader"))
    channel = await connection.channel()
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await channel.queue_declare("mine")
    await connection.close()


async def test_all_connections_can_be_closed(rabbitmq: RabbitMqServer) -> None:
    connections = [await aiormq.connect(rabbitmq.new_vhost()) for _ in range(2)]
    assert rabbitmq.close_connections(at_least=2) == 2
    for connection in connections:
        await asyncio.wait({connection.closing}, timeout=20)
        assert connection.closing.done()
        assert isinstance(connection.closing.exception(), aiormq.exceptions.ConnectionClosed)


async def test_a_memory_alarm_blocks_publishers_until_it_ends(rabbitmq: RabbitMqServer) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.alarm()
    try:
        connection = await aiormq.connect(url)
        channel = await connection.channel()
        await channel.queue_declare("mine")
        publishing = asyncio.ensure_future(channel.basic_publish(b"x", routing_key="mine"))
        done, _ = await asyncio.wait({publishing}, timeout=0.3)
        assert not done
    finally:
        rabbitmq.calm()
    await asyncio.wait_for(publishing, 20)
    await connection.close()


async def test_a_rabbitmq_begun_again_has_closed_its_connections_and_kept_its_data(rabbitmq: RabbitMqServer) -> None:
    connection = await aiormq.connect(rabbitmq.new_vhost("kept"))
    channel = await connection.channel()
    await channel.queue_declare("mine", durable=True)
    pid = rabbitmq.process.pid
    await asyncio.to_thread(rabbitmq.begin_again)
    await asyncio.wait({connection.closing}, timeout=20)
    assert connection.closing.done()
    assert rabbitmq.process.pid == pid
    assert declared(rabbitmq, "kept") == ["mine"]


def test_an_expression_that_rabbitmq_cannot_evaluate_is_named(rabbitmq: RabbitMqServer) -> None:
    with pytest.raises(RuntimeError, match=r"no:such\(\) was not evaluated: .*undef"):
        rabbitmq.evaluate("no:such()")
