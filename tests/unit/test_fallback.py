"""The reader that always answers if anybody can: who is asked, in which order, and what that costs."""

import inspect
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import pytest

from tests.board_double import BoardDouble, operator, queue
from tests.redis_rows import ids_of
from vss_router.errors import (
    AmbiguousSourceError,
    RedisUnavailableError,
    StatusQueryError,
    StatusUnavailableError,
)
from vss_router.status import Answer, MemoryReader
from vss_router.status.fallback import FallbackReader
from vss_router.status.reader_protocols import SourceOfTruth, StatusReader
from vss_router.status.redis.breaker import CircuitBreaker


class Remote:
    """A reader that answers out of boards as a server does: later, and not always."""

    def __init__(
        self,
        truth: SourceOfTruth,
        boards: Mapping[str, BoardDouble],
        *,
        stale: bool = False,
        error: Exception | None = None,
    ) -> None:
        self.memory = MemoryReader(boards, lambda _source: stale)
        self.truth, self.error = truth, error
        self.asked = 0

    @property
    def sources(self) -> tuple[str, ...]:
        return self.memory.sources

    def __getattr__(self, method: str) -> Any:
        async def ask(*arguments: Any, **question: Any) -> Answer | None:
            self.asked += 1
            if self.error is not None:
                raise self.error
            answer = getattr(self.memory, method)(*arguments, **question)
            replace: Any = msgspec.structs.replace
            return None if answer is None else cast("Answer", replace(answer, source_of_truth=self.truth))

        return ask


def remote(truth: SourceOfTruth, *names: str, **more: Any) -> Any:
    """Holds an operator `PJSIP/<truth>` of each PBX."""
    return Remote(truth, {name: BoardDouble(name, operators=[operator(f"PJSIP/{truth}")]) for name in names}, **more)


def memory(stale: str = "", **boards: BoardDouble) -> MemoryReader:
    """Of these boards; the PBXs named in `stale` have lost their link or are not synchronized yet."""
    return MemoryReader(boards, lambda source: source in stale.split())


def north(**more: Any) -> BoardDouble:
    return BoardDouble("north", operators=[operator("PJSIP/memory")], **more)


async def answered(asked: Any) -> Any:
    return await asked if inspect.isawaitable(asked) else asked


async def truth(reader: StatusReader, **question: Any) -> tuple[str, list[str], bool]:
    answer = await answered(reader.operators(**question))
    return answer.source_of_truth, ids_of(answer.body), answer.stale


AWAY = RedisUnavailableError("away")


async def test_nobody_at_all_is_unavailable() -> None:
    with pytest.raises(StatusUnavailableError, match="No status is to be had from memory, Redis or the database"):
        await answered(FallbackReader().operators())


async def test_when_nobody_knows_anything_of_a_pbx_that_is_said() -> None:
    reader = FallbackReader(
        memory("north", north=BoardDouble("north", resyncs=0)),
        remote("redis", error=AWAY),
        remote("database", error=StatusUnavailableError("away too")),
    )
    for asked in (reader.operators(), reader.operator("PJSIP/1"), reader.snapshot(), reader.queues(source="north")):
        with pytest.raises(StatusUnavailableError, match="Nothing is known of north in memory, Redis or the database"):
            await answered(asked)
    assert reader.stats.unavailable == 4


async def test_a_pbx_that_nobody_has_heard_of_is_refused() -> None:
    reader = FallbackReader(memory(north=north()), remote("redis", "east"), remote("database", "west"))
    with pytest.raises(StatusQueryError, match="No PBX is called 'south': the sources are north"):
        await answered(reader.operators(source="south"))


def test_memory_that_is_synchronized_answers_at_once_and_alone() -> None:
    redis, database = remote("redis", "north"), remote("database", "north")
    reader = FallbackReader(memory(north=north()), redis, database)
    answers = [reader.operators(), reader.operator("PJSIP/memory"), reader.snapshot(), reader.queue("none")]
    assert [answer.source_of_truth if isinstance(answer, Answer) else answer for answer in answers] == [
        *["memory"] * 3,
        None,
    ]
    assert redis.asked == database.asked == 0


def test_stale_memory_answers_at_once_when_there_is_no_redis_that_could_know_better() -> None:
    answer = FallbackReader(memory("north", north=north()), None, remote("database", "north")).operators()
    assert isinstance(answer, Answer)
    assert (answer.source_of_truth, answer.stale) == ("memory", True)


async def test_rows_that_another_router_keeps_live_are_better_than_stale_memory() -> None:
    stale = memory("north", north=north())
    assert await truth(FallbackReader(stale, remote("redis", "north"))) == ("redis", ["PJSIP/redis"], False)
    assert await truth(FallbackReader(stale, remote("redis", "north", stale=True))) == (
        "memory",
        ["PJSIP/memory"],
        True,
    )
    assert await truth(FallbackReader(stale, remote("redis", error=AWAY))) == ("memory", ["PJSIP/memory"], True)
    held = await answered(FallbackReader(stale, remote("redis", "north")).operator("PJSIP/memory"))
    assert held.source_of_truth == "memory"


async def test_memory_never_synchronized_leaves_it_to_redis_then_the_database() -> None:
    unsynchronized = memory("north", north=north(resyncs=0))
    database = remote("database", "north", stale=True)
    assert await truth(FallbackReader(unsynchronized, remote("redis", "north"), database)) == (
        "redis",
        ["PJSIP/redis"],
        False,
    )
    for redis in (remote("redis", error=AWAY), remote("redis", "other"), None):
        reader = FallbackReader(unsynchronized, redis, database)
        assert await truth(reader) == ("database", ["PJSIP/database"], True)
        assert reader.stats.database == 1


@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_board_never_synchronized_is_better_than_none_when_somebody_set_its_rows(by_hand: bool) -> None:
    board = BoardDouble("north", operators=[operator("PJSIP/memory") | {"manual": by_hand}], resyncs=0)
    reader = FallbackReader(
        memory("north", north=board),
        remote("redis", error=AWAY),
        remote("database", error=StatusUnavailableError("away too")),
    )
    if by_hand:
        assert await truth(reader) == ("memory", ["PJSIP/memory"], True)
        assert reader.stats.unsynchronized == 1
    else:
        with pytest.raises(StatusUnavailableError, match="Nothing is known of north"):
            await truth(reader)


async def test_a_row_by_hand_in_a_board_never_synchronized_is_answered_from_memory() -> None:
    board = BoardDouble("north", operators=[operator("PJSIP/redis") | {"manual": True}], resyncs=0)
    redis = remote("redis", "north")
    answer = await answered(FallbackReader(memory("north", north=board), redis).operator("redis"))
    assert (answer.source_of_truth, msgspec.json.decode(answer.body)["manual"]) == ("memory", True)
    assert redis.asked == 0


async def test_without_memory_the_pbxs_are_those_of_redis_else_of_the_database() -> None:
    redis, database = remote("redis", "north", "south"), remote("database", "north")
    reader = FallbackReader(None, redis, database)
    assert await truth(reader) == ("redis", ["PJSIP/redis", "PJSIP/redis"], False)
    assert reader.sources == ("north", "south")
    redis.error = AWAY
    assert await truth(FallbackReader(None, redis, database)) == ("database", ["PJSIP/database"], False)


async def test_a_pbx_of_another_router_is_asked_about_by_name() -> None:
    reader = FallbackReader(memory(north=north()), remote("redis", "south"))
    assert (await truth(reader))[0] == "memory"
    assert await truth(reader, source="south") == ("redis", ["PJSIP/redis"], False)


async def test_each_pbx_is_answered_by_whoever_knows_it_and_lists_go_on_over_all_of_them() -> None:
    boards = {name: BoardDouble(name, operators=[operator(f"{name}/{n}") for n in range(3)]) for name in "abc"}
    boards["b"].resyncs = 0
    in_redis = BoardDouble("b", operators=[operator(f"redis/{n}") for n in range(3)])
    reader = FallbackReader(memory("b", **boards), cast("Any", Remote("redis", {"b": in_redis})))
    expected = [f"{name}/{n}" for name in ("a", "redis", "c") for n in range(3)]
    assert await truth(reader) == ("redis", expected, False)
    for limit in range(1, 11):
        found: list[str] = []
        cursor = None
        while True:
            answer = await answered(reader.operators(limit=limit, cursor=cursor))
            page = msgspec.json.decode(answer.body)
            assert len(page["items"]) == min(limit, len(expected) - len(found))
            found += ids_of(answer.body)
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == expected
    snapshot = await answered(reader.snapshot())
    assert list(msgspec.json.decode(snapshot.body)["sources"]) == ["a", "b", "c"]
    assert (snapshot.position, snapshot.seq) == ("a:1,b:1,c:1", None)
    assert ids_of((await answered(reader.operators(source="b"))).body) == expected[3:6]
    one = await answered(reader.operator("redis/1"))
    assert (one.source, one.source_of_truth) == ("b", "redis")
    boards["a"].tables["operators"]["redis/1"] = operator("redis/1")
    with pytest.raises(AmbiguousSourceError, match="choose one of a, b"):
        await answered(reader.operator("redis/1"))


async def test_questions_that_cannot_be_understood_are_refused_whoever_answers() -> None:
    boards = {name: BoardDouble(name, queues=[queue("q")]) for name in ("a", "b")}
    for reader in (FallbackReader(None, remote("redis", "a", "b")), FallbackReader(memory("", **boards))):
        for question in ({"state": "asleep"}, {"limit": 0}, {"cursor": "nonsense"}):
            with pytest.raises(StatusQueryError):
                await answered(cast("Any", reader).operators(**question))


async def test_an_outage_of_redis_costs_an_attempt_now_and_then_not_one_per_request() -> None:
    time = [0.0]
    breaker = CircuitBreaker(failures=2, first_seconds=1.0, most_seconds=8.0, clock=lambda: time[0], random=lambda: 0.5)
    redis = remote("redis", "north", error=AWAY)
    reader = FallbackReader(memory("north", north=north()), redis, breaker=breaker)
    for _ in range(100):
        assert (await truth(reader))[0] == "memory"
    assert redis.asked == 2
    time[0] = 1.0
    for _ in range(100):
        await truth(reader)
    assert redis.asked == 3
    redis.error = None
    time[0] = 3.0
    assert (await truth(reader))[0] == "redis"
    assert (breaker.state, breaker.stats.opened) == ("closed", 2)
