"""The stores under their contract, and what only one of them does."""

from collections.abc import AsyncIterator, Callable
from itertools import count

import msgspec
import pytest

from tests.contract.store_contract import StoreContract, in_queues
from tests.recordings import START, event
from tests.services.redis_cluster import RedisCluster
from tests.services.redis_server import RedisServer
from vss_router import StatusBoard
from vss_router._core import Batch
from vss_router.errors import AmbiguousSourceError, StatusUnavailableError
from vss_router.status.embedded_store import EmbeddedStore
from vss_router.status.manual_rows import ChannelChange, OperatorChange, QueueChange
from vss_router.status.redis import RedisConnection, parse_redis_url
from vss_router.status.redis.store import RedisStore


def ticking() -> Callable[[], float]:
    """A clock that goes on by a second with each look."""
    seconds = count(START)
    return lambda: float(next(seconds))


def redis_store(url: str) -> tuple[RedisConnection, RedisStore]:
    connection = RedisConnection(parse_redis_url(url))
    return connection, RedisStore(connection, sources_seconds=0.0, now=ticking())


class TestEmbeddedStore(StoreContract):
    @pytest.fixture
    def store(self) -> EmbeddedStore:
        return EmbeddedStore({"main": StatusBoard("main")}, now=ticking())


class TestRedisStore(StoreContract):
    @pytest.fixture
    async def store(self, redis_server: RedisServer) -> AsyncIterator[RedisStore]:
        connection, store = redis_store(redis_server.url)
        yield store
        await connection.aclose()


@pytest.mark.slow
class TestRedisStoreOnACluster(StoreContract):
    @pytest.fixture
    async def store(self, redis_cluster: RedisCluster) -> AsyncIterator[RedisStore]:
        connection, store = redis_store(redis_cluster.url)
        yield store
        await connection.aclose()


async def test_the_next_fact_of_asterisk_replaces_a_row_by_hand() -> None:
    board = StatusBoard("main")
    store = EmbeddedStore({"main": board}, now=ticking())
    member = event(
        "QueueMemberAdded",
        Queue="a",
        MemberName="Anna",
        Interface="PJSIP/1",
        StateInterface="PJSIP/1",
        Membership="dynamic",
        Penalty="0",
        CallsTaken="0",
        LastCall="0",
        InCall="0",
        Status="1",
        Paused="0",
        PausedReason="",
        Ringinuse="0",
        Wrapuptime="0",
    )
    board.feed(member, START)
    by_hand = await store.set_operator("PJSIP/1", OperatorChange(name="Somebody", state="talking"))
    assert msgspec.json.decode(by_hand.body)["manual"] is True
    board.feed(event("QueueMemberPenalty", Queue="a", Interface="PJSIP/1", Penalty="3"), START + 100)
    answer = store.operator("PJSIP/1")
    assert answer is not None
    row = msgspec.json.decode(answer.body)
    assert (row["name"], row["state"], "manual" in row) == ("Anna", "available", False)


async def test_events_of_rows_by_hand_are_published_with_their_pbx() -> None:
    published: list[tuple[str, list[str]]] = []

    def publish(source: str, batch: Batch) -> None:
        published.append((source, [key for _, key, _ in batch.events]))

    store = EmbeddedStore({"main": StatusBoard("main")}, publish=publish, now=ticking())
    await store.set_operator("PJSIP/1", OperatorChange())
    await store.set_queue("a", QueueChange())
    assert published == [("main", ["operator.update"]), ("main", ["queue.update"])]


async def test_no_pbx_at_all_is_said() -> None:
    with pytest.raises(StatusUnavailableError, match="No PBX is set up, so there is no status to set"):
        await EmbeddedStore({}).set_queue("a", QueueChange())


async def test_among_several_pbxs_a_row_is_set_where_it_stands_or_where_it_is_said(redis_server: RedisServer) -> None:
    connection, in_redis = redis_store(redis_server.url)
    embedded = EmbeddedStore({"north": StatusBoard("north"), "south": StatusBoard("south")}, now=ticking())
    await in_redis.set_queue("other", QueueChange(), source="north")
    await connection.ask(lambda client: client.execute_command("SADD", "queue:sources", "south"))
    await connection.ask(lambda client: client.execute_command("HSET", "queue:{south}:meta", "seq", 1))
    for store in (embedded, in_redis):
        with pytest.raises(AmbiguousSourceError, match="There is more than one PBX: choose one of north, south"):
            await store.set_operator("PJSIP/1", OperatorChange())
        await store.set_operator("PJSIP/1", OperatorChange(), source="south")
        answer = await store.set_operator("PJSIP/1", OperatorChange(name="Anna"))
        assert answer.source == "south"
        await store.set_operator("PJSIP/1", OperatorChange(), source="north")
        with pytest.raises(AmbiguousSourceError, match="stands in more than one PBX"):
            await store.set_operator("PJSIP/1", OperatorChange())
    await connection.aclose()


async def test_a_row_in_redis_lives_as_long_as_the_setting_says(redis_server: RedisServer) -> None:
    connection = RedisConnection(parse_redis_url(redis_server.url))
    store = RedisStore(connection, ttl_seconds=7.5)
    await store.set_operator("PJSIP/1", OperatorChange(memberships=in_queues("a")))
    keys = ["operator:PJSIP/1", "operators", "queue:a:operators", "meta", "changes"]
    left = [int(redis_server.command("PTTL", f"queue:{{main}}:{key}")) for key in keys]
    assert all(0 < milliseconds <= 7500 for milliseconds in left), left
    await connection.aclose()


async def test_every_row_by_hand_in_redis_is_told_to_those_who_follow(redis_server: RedisServer) -> None:
    connection, store = redis_store(redis_server.url)
    await store.set_operator("PJSIP/1", OperatorChange())
    await store.set_channel("1.1", ChannelChange())
    await store.remove_operator("PJSIP/1")
    entries = redis_server.command("XRANGE", "queue:{main}:changes", "-", "+")
    told = [dict(zip(fields[::2], fields[1::2], strict=True)) for _, fields in entries]
    assert [(entry["seq_from"], entry["seq_to"]) for entry in told] == [("1", "1"), ("2", "2"), ("3", "3")]
    changed = [{table: ids for table, ids in msgspec.json.decode(entry["rows"]).items() if ids} for entry in told]
    assert changed == [{"operators": ["PJSIP/1"]}, {"channels": ["1.1"]}, {"operators": ["PJSIP/1"]}]
    await connection.aclose()


async def test_the_functions_of_a_router_that_was_there_before_are_used(redis_server: RedisServer) -> None:
    for _ in range(2):
        connection, store = redis_store(redis_server.url)
        await store.set_queue("a", QueueChange())
        await connection.aclose()
    libraries = redis_server.command("FUNCTION", "LIST")
    assert len(libraries) == 1
