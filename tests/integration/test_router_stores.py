"""The router with its stores: what is published, what stands in for an Asterisk that is away, who speaks for a PBX."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.integration.written_board import bytes_client, difference
from tests.services.fixtures import StartPostgres, StartRedis
from tests.services.redis_server import RedisServer
from vss_router import StatusBoard
from vss_router.ami.replay import ReplayServer
from vss_router.publishing import UNKNOWN_SECONDS, StatusPublisher
from vss_router.router import Router
from vss_router.settings import Settings
from vss_router.status.redis.endpoint import parse_redis_url

CAPTURE = Path(__file__).parents[1] / "data" / "asterisk-22-before-restart.ami.gz"
WAIT_SECONDS = 45
NOBODY = "main=router:right@127.0.0.1:1"
STATUS = "/api/queue-status"


def settings_of(server: ReplayServer, **others: object) -> Settings:
    settings = Settings(ami=[f"main=router:right@127.0.0.1:{server.port}"], http="127.0.0.1:0")
    return msgspec.structs.replace(settings, **others)


def client_of(router: Router) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=router.http_address or "", trust_env=False)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - states of threads and servers; nothing to wait for
        await asyncio.sleep(0.02)


def publisher(server: RedisServer, name: str, clock: Callable[[], float] = lambda: 0.0) -> StatusPublisher:
    boards, endpoint = {"main": StatusBoard("main")}, parse_redis_url(server.url)
    return StatusPublisher(boards, endpoint, Settings(), links=dict, writer_id=name, clock=clock)


async def recorded(database: str) -> None:
    """One run of a router that has seen the whole recording."""
    async with ReplayServer(CAPTURE, speed=None) as server, Router(settings_of(server, database=database)) as router:
        await router.synchronized()
        await server.played()


async def test_what_was_replayed_stands_in_redis_byte_for_byte_and_a_process_without_a_pbx_serves_it(
    redis_server: RedisServer,
) -> None:
    async with (
        asyncio.timeout(WAIT_SECONDS),
        ReplayServer(CAPTURE, speed=None) as server,
        Router(settings_of(server, redis=redis_server.url)) as router,
        Router(Settings(http="127.0.0.1:0", redis=redis_server.url)) as reader,
        client_of(router) as own,
        client_of(reader) as other,
    ):
        await router.synchronized()
        await server.played()
        with bytes_client(redis_server) as redis:
            await until(lambda: difference(redis, router.boards["main"]) == [])
        await until(lambda: "main" in reader.reader.sources)
        ours = await own.get(f"{STATUS}/operators")
        theirs = await other.get(f"{STATUS}/operators")
        while theirs.content != ours.content:
            theirs = await other.get(f"{STATUS}/operators")
        assert theirs.headers["x-source-of-truth"] == "memory"
        assert (await other.get("/ready")).json() == {"status": "ready", "sources": ["main"]}


async def test_without_redis_and_pbx_operators_and_queues_come_from_the_database(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/status.db"
    async with asyncio.timeout(WAIT_SECONDS):
        await recorded(database)
        async with (
            Router(Settings(ami=[NOBODY], http="127.0.0.1:0", database=database)) as router,
            client_of(router) as client,
        ):
            operators = await client.get(f"{STATUS}/operators")
            queue = await client.get(f"{STATUS}/queues/support")
            history = await client.get(f"{STATUS}/history/operators/PJSIP%2F1001")
            assert router.boards["main"].stats()["operators"] > 0
    assert operators.headers["x-source-of-truth"] == queue.headers["x-source-of-truth"] == "database"
    assert operators.headers["x-stale"] == "true"
    assert operators.json()["items"]
    assert history.json()["items"]


async def test_with_the_database_gone_too_nobody_can_answer_and_it_is_said_when_to_ask_again(
    start_postgres: StartPostgres,
) -> None:
    postgres = start_postgres()
    database = postgres.fresh_database()
    async with asyncio.timeout(2 * WAIT_SECONDS):
        await recorded(database)
        async with (
            Router(Settings(ami=[NOBODY], http="127.0.0.1:0", database=database)) as router,
            client_of(router) as client,
        ):
            before = await client.get(f"{STATUS}/operators")
            postgres.kill()
            after = await client.get(f"{STATUS}/operators", timeout=30)
            one = await client.get(f"{STATUS}/operators/PJSIP%2F1001", timeout=30)
    assert (before.status_code, before.headers["x-source-of-truth"]) == (200, "database")
    assert (after.status_code, one.status_code) == (503, 503)
    assert int(after.headers["retry-after"]) > 0


class TestWhoSpeaks:
    @pytest.fixture
    def server(self, start_redis: StartRedis) -> RedisServer:
        return start_redis()

    async def test_of_two_routers_the_one_that_writes(self, server: RedisServer) -> None:
        first, second = publisher(server, "a"), publisher(server, "b")
        async with asyncio.timeout(WAIT_SECONDS):
            assert not first.records("main")
            first.start()
            await until(lambda: first.status()["main"].state == "writing")
            second.start()
            await until(lambda: second.status()["main"].state == "standby")
            assert (first.records("main"), second.records("main")) == (True, False)
            await first.stop()
            await until(lambda: second.records("main"))
            await second.stop()

    async def test_an_outage_of_redis_changes_nothing_about_it(self, server: RedisServer) -> None:
        first, second = publisher(server, "a"), publisher(server, "b")
        async with asyncio.timeout(WAIT_SECONDS):
            first.start()
            await until(lambda: first.records("main"))
            second.start()
            await until(lambda: second.status()["main"].state == "standby")
            server.kill()
            await until(lambda: second.status()["main"].state == "connecting")
            assert (first.records("main"), second.records("main")) == (True, False)
            await asyncio.gather(first.stop(), second.stop())

    async def test_without_a_redis_to_ask_each_does_after_a_while(self, server: RedisServer) -> None:
        now = [100.0]
        alone = publisher(server, "a", lambda: now[0])
        assert not alone.records("main")
        now[0] += UNKNOWN_SECONDS
        assert alone.records("main")
