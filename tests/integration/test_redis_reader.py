"""The reader of Redis against a real one: answers as out of memory, and what it makes of what is not there."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest

from tests.board_double import BoardDouble, call, channel, operator, queue
from tests.redis_rows import RedisRows, ids_of
from tests.services.redis_server import RedisServer
from vss_router.errors import AmbiguousSourceError, StatusQueryError, StatusUnavailableError
from vss_router.status import MemoryReader
from vss_router.status.redis import RedisConnection, RedisReader, parse_redis_url

ODD = ["PJSIP/1@a b", "PJSIP/100%", "Анна/1001", "a/b/c", "PJSIP/" + "x" * 10_000, "a:operators", "{main}", "'\"\\"]


@pytest.fixture
def writer(redis_server: RedisServer) -> Iterator[Callable[..., RedisRows]]:
    made: list[RedisRows] = []

    def make(source: str = "main", **more: Any) -> RedisRows:
        made.append(RedisRows(redis_server, source, **more))
        made[-1].begin()
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
async def reader(redis_server: RedisServer) -> AsyncIterator[RedisReader]:
    connection = RedisConnection(parse_redis_url(redis_server.url))
    yield RedisReader(connection, sources_seconds=0.0, meta_seconds=0.0)
    await connection.aclose()


Writer = Callable[..., RedisRows]


async def test_a_redis_without_any_pbx_is_unavailable_not_empty(reader: RedisReader) -> None:
    for asked in (reader.operators(), reader.operator("PJSIP/1001"), reader.snapshot()):
        with pytest.raises(StatusUnavailableError, match="holds no status below queue: start a router"):
            await asked


async def test_a_row_is_passed_through_as_it_stands_there(writer: Writer, reader: RedisReader) -> None:
    main = writer()
    main.put("operators", operator("PJSIP/1001"))
    raw = b'{ "id": "PJSIP/1001",  "extension":"1001", "odd spacing": true }'
    main.client.set(main.keys.row("operators", b"PJSIP/1001"), raw)

    answer = await reader.operator("PJSIP/1001")

    assert answer is not None
    assert answer.body == raw
    assert (answer.source, answer.source_of_truth, answer.stale) == ("main", "redis", False)
    assert (answer.seq, answer.position, answer.as_of) == (101, "main:101", main.as_of)


async def test_an_unknown_row_is_none(writer: Writer, reader: RedisReader) -> None:
    writer()
    for asked in (
        reader.operator("x"),
        reader.channel("a/x"),
        reader.call("x"),
        reader.queue("x"),
        reader.callers("x"),
    ):
        assert await asked is None


async def test_an_operator_is_found_by_extension_and_a_channel_by_name(writer: Writer, reader: RedisReader) -> None:
    main = writer()
    main.put("operators", operator("PJSIP/1002"), operator("PJSIP/1001") | {"extension": "77"})
    main.put("channels", channel("17.1") | {"name": "PJSIP/1001-01"}, channel("17.2") | {"name": "PJSIP/1002-02"})
    assert ids_of_one(await reader.operator("1002")) == "PJSIP/1002"
    assert ids_of_one(await reader.operator("77")) == "PJSIP/1001"
    assert await reader.operator("1001") is None
    assert ids_of_one(await reader.channel("PJSIP/1002-02")) == "17.2"


def ids_of_one(answer: Any) -> str:
    found: str = msgspec.json.decode(answer.body)["id"]
    return found


@pytest.mark.parametrize("row_id", ODD, ids=lambda text: text[:12])
async def test_ids_of_any_characters_are_found_in_every_table(writer: Writer, reader: RedisReader, row_id: str) -> None:
    main = writer()
    main.put("operators", operator(row_id, queues=(row_id,)))
    main.put("channels", channel(row_id))
    main.put("calls", call(row_id))
    main.put("queues", queue(row_id))
    for answer in (await reader.operator(row_id), await reader.channel(row_id), await reader.call(row_id)):
        assert ids_of_one(answer) == row_id
    assert msgspec.json.decode((await reader.queue(row_id)).body)["name"] == row_id  # type: ignore[union-attr]
    assert ids_of((await reader.operators(queue=row_id)).body) == [row_id]
    assert ids_of((await reader.queues()).body) == [row_id]


async def test_lists_filters_and_pages_are_those_of_the_memory_reader(writer: Writer, reader: RedisReader) -> None:
    boards = {}
    for source, numbers in (("north", range(1, 6)), ("south", range(4, 9))):
        operators = [
            operator(f"PJSIP/{n}", state="paused" if n % 2 else "available", queues=("a", "b") if n % 3 else ("a",))
            for n in numbers
        ]
        boards[source] = BoardDouble(source, operators=operators, queues=[queue("a")], channels=[channel("1.1")])
        one = writer(source)
        one.put("operators", *operators)
        one.put("queues", queue("a"))
        one.put("channels", channel("1.1"))
    memory = MemoryReader(boards)
    questions: list[dict[str, Any]] = [
        {},
        {"state": "paused"},
        {"queue": "b"},
        {"queue": "b", "state": "available"},
        {"source": "south"},
        {"queue": "none"},
    ]
    for question in questions:
        expected = ids_of(memory.operators(**question).body)
        assert ids_of((await reader.operators(**question)).body) == expected
        for limit in (1, 2, 3, 50):
            assert await all_pages(reader, limit=limit, **question) == expected
    assert ids_of((await reader.queues()).body) == ids_of(memory.queues().body)
    assert ids_of((await reader.channels()).body) == ids_of(memory.channels().body)
    assert ids_of((await reader.calls()).body) == []


async def all_pages(reader: RedisReader, **question: Any) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        answer = await reader.operators(cursor=cursor, **question)
        found += ids_of(answer.body)
        cursor = msgspec.json.decode(answer.body)["next_cursor"]
        if cursor is None:
            return found


async def test_a_list_longer_than_one_question_to_redis_is_whole(writer: Writer, reader: RedisReader) -> None:
    main = writer()
    pipe = main.client.pipeline(transaction=False)
    ids = [f"17.{n:05}" for n in range(2500)]
    for row_id in ids:
        pipe.set(main.keys.row("channels", row_id.encode()), msgspec.json.encode(channel(row_id)))
        pipe.sadd(main.keys.indexes["channels"], row_id)
    pipe.execute()
    assert ids_of((await reader.channels()).body) == ids
    assert len(msgspec.json.decode((await reader.snapshot()).body)["channels"]) == 2500


async def test_a_snapshot_has_every_row_of_every_table_at_one_seq(writer: Writer, reader: RedisReader) -> None:
    main = writer()
    main.put("operators", operator("PJSIP/2"), operator("PJSIP/1"))
    main.put("queues", queue("a:operators"), queue("a"))
    main.put("calls", call("1.1"))
    answer = await reader.snapshot()
    decoded = msgspec.json.decode(answer.body)
    assert (decoded["source"], decoded["seq"], decoded["as_of"]) == ("main", 105, main.as_of)
    assert [row["id"] for row in decoded["operators"]] == ["PJSIP/1", "PJSIP/2"]
    assert [row["name"] for row in decoded["queues"]] == ["a", "a:operators"]
    assert (decoded["channels"], len(decoded["calls"])) == ([], 1)
    assert answer.version == f"main:105-{len(answer.body)}-redis"


async def test_snapshots_of_several_pbxs_stand_side_by_side(writer: Writer, reader: RedisReader) -> None:
    writer("south", seq=7).put("queues", queue("a"))
    writer("north", seq=3, as_of="2026-11-21T19:00:00.000Z").put("queues", queue("b"))
    answer = await reader.snapshot()
    decoded = msgspec.json.decode(answer.body)["sources"]
    assert {name: [row["name"] for row in one["queues"]] for name, one in decoded.items()} == {
        "north": ["b"],
        "south": ["a"],
    }
    assert (answer.position, answer.seq, answer.source) == ("north:4,south:8", None, None)
    assert answer.as_of == "2026-11-21T19:00:00.000Z"
    assert msgspec.json.decode((await reader.snapshot("south")).body)["source"] == "south"


async def test_an_id_in_several_pbxs_needs_a_source(writer: Writer, reader: RedisReader) -> None:
    for source in ("north", "south"):
        writer(source).put("operators", operator("PJSIP/1"))
    with pytest.raises(AmbiguousSourceError, match="north, south"):
        await reader.operator("PJSIP/1")
    answer = await reader.operator("PJSIP/1", "south")
    assert answer is not None
    assert answer.source == "south"


async def test_questions_that_cannot_be_understood_are_refused(writer: Writer, reader: RedisReader) -> None:
    writer()
    with pytest.raises(StatusQueryError, match="No PBX is called 'other': the sources are main"):
        await reader.operators(source="other")
    with pytest.raises(StatusQueryError, match="No operator state is called 'asleep'"):
        await reader.operators(state="asleep")
    with pytest.raises(StatusQueryError, match="The limit 0 is out of bounds"):
        await reader.queues(limit=0)
    with pytest.raises(StatusQueryError, match="cursor"):
        await reader.calls(cursor="nonsense")


async def test_the_callers_of_a_queue_are_a_list(writer: Writer, reader: RedisReader) -> None:
    writer().put("queues", queue("support"), queue("empty") | {"callers": []})
    answer = await reader.callers("support")
    assert answer is not None
    assert [caller["position"] for caller in msgspec.json.decode(answer.body)["items"]] == [1]
    empty = await reader.callers("empty")
    assert empty is not None
    assert empty.body == b'{"items":[],"next_cursor":null}'


@pytest.mark.parametrize("state", ["down", "resync"])
async def test_rows_of_a_writer_that_is_not_live_are_stale(writer: Writer, reader: RedisReader, state: str) -> None:
    main = writer()
    main.put("operators", operator("PJSIP/1"))
    assert not (await reader.operators()).stale
    main.describe(state)
    assert (await reader.operators()).stale
    assert (await reader.snapshot()).stale


async def test_rows_of_a_writer_whose_lease_is_over_are_stale(writer: Writer, reader: RedisReader) -> None:
    main = writer()
    main.put("operators", operator("PJSIP/1"))
    main.lose_lease()
    answer = await reader.operator("PJSIP/1")
    assert answer is not None
    assert answer.stale


async def test_an_id_whose_row_is_over_is_dropped_from_its_index_and_counted(
    writer: Writer, reader: RedisReader, redis_server: RedisServer
) -> None:
    main = writer()
    main.put("operators", operator("PJSIP/1"), operator("PJSIP/2"))
    main.client.delete(main.keys.row("operators", b"PJSIP/1"))
    assert ids_of((await reader.operators()).body) == ["PJSIP/2"]
    assert ids_of((await reader.operators(queue="support")).body) == ["PJSIP/2"]
    assert redis_server.command("SMEMBERS", main.keys.indexes["operators"]) == ["PJSIP/2"]
    assert redis_server.command("SMEMBERS", main.keys.members(b"support")) == ["PJSIP/2"]
    assert (reader.stats.ids_without_row, reader.stats.ids_dropped) == (2, 2)


async def test_a_pbx_of_which_only_the_name_is_left_is_dropped(
    writer: Writer, reader: RedisReader, redis_server: RedisServer
) -> None:
    writer("alive").put("queues", queue("a"))
    redis_server.command("SADD", "queue:sources", "dead")
    answer = await reader.queues()
    assert (ids_of(answer.body), answer.source) == (["a"], "alive")
    assert redis_server.command("SMEMBERS", "queue:sources") == ["alive"]
    assert reader.stats.sources_dropped == 1


async def test_a_pbx_that_comes_later_is_found_when_it_is_asked_for(redis_server: RedisServer, writer: Writer) -> None:
    connection = RedisConnection(parse_redis_url(redis_server.url))
    reader = RedisReader(connection, sources_seconds=3600.0)
    writer("first").put("queues", queue("a"))
    await reader.queues()
    writer("second").put("queues", queue("b"))
    assert ids_of((await reader.queues(source="second")).body) == ["b"]
    await connection.aclose()


async def test_another_prefix_is_another_world(writer: Writer, redis_server: RedisServer) -> None:
    writer(prefix="other").put("queues", queue("theirs"))
    writer().put("queues", queue("ours"))
    connection = RedisConnection(parse_redis_url(redis_server.url))
    assert ids_of((await RedisReader(connection, "other").queues()).body) == ["theirs"]
    assert ids_of((await RedisReader(connection).queues()).body) == ["ours"]
    await connection.aclose()


async def test_what_is_known_of_a_pbx_is_read_once_for_many_single_rows(
    writer: Writer, redis_server: RedisServer
) -> None:
    main = writer()
    main.put("operators", operator("PJSIP/1"))
    now = [0.0]
    connection = RedisConnection(parse_redis_url(redis_server.url))
    reader = RedisReader(connection, meta_seconds=0.1, clock=lambda: now[0])
    first = await reader.operator("PJSIP/1")
    main.describe("down")
    again = await reader.operator("PJSIP/1")
    now[0] = 0.2
    later = await reader.operator("PJSIP/1")
    assert first is not None
    assert again is not None
    assert later is not None
    assert [first.stale, again.stale, later.stale] == [False, False, True]
    await connection.aclose()
