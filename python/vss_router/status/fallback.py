"""The reader that always answers if anybody can: memory, else Redis, else the database, each PBX for itself.

```
 memory, synchronized ──▶ answer
   │ stale: its link is down        │ Redis holds rows that another router keeps live ──▶ that answer
   │ never synchronized             ▼
   ├─▶ the row set by hand ─▶ Redis ─▶ database ─▶ a board with rows by hand ─▶ StatusUnavailableError
   │                            │
   └────────────────────────────┴── behind a circuit breaker: an outage costs no request its time-out
```
"""

import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeAlias, cast, final

import msgspec

from vss_router.errors import RedisUnavailableError, StatusQueryError, StatusUnavailableError
from vss_router.status.cursor import Cursor
from vss_router.status.questions import ambiguous, check_limit, check_state, list_of_names, page, unknown_source
from vss_router.status.reader import MemoryReader
from vss_router.status.reader_protocols import Answer, Maybe, SourceOfTruth, StatusReader, Table
from vss_router.status.redis.breaker import BreakerOpenError, CircuitBreaker

__all__ = ["FallbackReader", "FallbackStats"]

_Kind = Literal["operator", "channel", "call", "queue", "callers"]
_Ask: TypeAlias = Callable[[StatusReader], Maybe[Answer | None]]
_ORDER: Final[tuple[SourceOfTruth, ...]] = ("memory", "redis", "database")


class FallbackStats(msgspec.Struct, kw_only=True):
    """Questions about a PBX that memory did not answer, by who did; counted since the start."""

    redis: int = 0
    database: int = 0
    unsynchronized: int = 0
    unavailable: int = 0


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]
    next_cursor: str | None


class _ByHand(msgspec.Struct, frozen=True, gc=False):
    manual: bool = False


_PAGE: Final = msgspec.json.Decoder(_Page)
_BY_HAND: Final = msgspec.json.Decoder(_ByHand)


@final
class FallbackReader:
    """A `StatusReader` over up to three others; answers at once when memory does, else with something to await.

    Without `source` a question is about the PBXs that memory has, and only without any about those of the others:
    a PBX of another router is asked about by its name.

    Parameters
    ----------
    memory
        The boards of this process or of a replica.
    redis, database
        Asked in this order about what memory does not know.
    breaker
        Stands before `redis`; one with the usual waits when left out.
    """

    def __init__(
        self,
        memory: MemoryReader | None = None,
        redis: StatusReader | None = None,
        database: StatusReader | None = None,
        *,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self.stats: Final = FallbackStats()
        self.breaker: Final = breaker or CircuitBreaker(clock=time.monotonic, random=random.random)
        self._memory = memory if memory is not None else MemoryReader({})
        self._unsynchronized = self._memory.unsynchronized()
        self._redis = redis
        self._database = database

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the PBXs in order, as far as they are known without asking anybody."""
        own = self._memory.sources
        if own:
            return own
        others = {name for reader in (self._redis, self._database) if reader is not None for name in reader.sources}
        return tuple(sorted(others))

    def operator(self, operator_id: str, source: str | None = None) -> Maybe[Answer | None]:
        """One operator by id (`PJSIP/1001`) or extension (`1001`): an `OperatorRow`."""
        return (
            self._memory.operator(operator_id, source)
            if self._at_once(source)
            else self._one("operator", operator_id, source)
        )

    def channel(self, channel_id: str, source: str | None = None) -> Maybe[Answer | None]:
        """One channel by Uniqueid or channel name: a `ChannelRow`."""
        return (
            self._memory.channel(channel_id, source)
            if self._at_once(source)
            else self._one("channel", channel_id, source)
        )

    def call(self, call_id: str, source: str | None = None) -> Maybe[Answer | None]:
        """One call by Linkedid: a `CallRow`."""
        return self._memory.call(call_id, source) if self._at_once(source) else self._one("call", call_id, source)

    def queue(self, name: str, source: str | None = None) -> Maybe[Answer | None]:
        """One queue by name: a `QueueRow`."""
        return self._memory.queue(name, source) if self._at_once(source) else self._one("queue", name, source)

    def callers(self, queue: str, source: str | None = None) -> Maybe[Answer | None]:
        """Who waits in a queue, first in line first: `{"items": [Caller, …], "next_cursor": null}`."""
        return self._memory.callers(queue, source) if self._at_once(source) else self._one("callers", queue, source)

    def operators(
        self,
        *,
        state: str | None = None,
        queue: str | None = None,
        source: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Maybe[Answer]:
        """Operators in order of source and id, those in `state` and members of `queue`: `OperatorRow`s."""
        if self._at_once(source):
            return self._memory.operators(state=state, queue=queue, source=source, limit=limit, cursor=cursor)
        return self._list("operators", source, limit, cursor, state=state, queue=queue)

    def channels(
        self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Maybe[Answer]:
        """Channels in order of source and id: `ChannelRow`s."""
        if self._at_once(source):
            return self._memory.channels(source=source, limit=limit, cursor=cursor)
        return self._list("channels", source, limit, cursor)

    def calls(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Maybe[Answer]:
        """Calls in order of source and id, those that ended a moment ago too: `CallRow`s."""
        if self._at_once(source):
            return self._memory.calls(source=source, limit=limit, cursor=cursor)
        return self._list("calls", source, limit, cursor)

    def queues(
        self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Maybe[Answer]:
        """Queues in order of source and name: `QueueRow`s."""
        if self._at_once(source):
            return self._memory.queues(source=source, limit=limit, cursor=cursor)
        return self._list("queues", source, limit, cursor)

    def snapshot(self, source: str | None = None) -> Maybe[Answer]:
        """Everything at one `seq`: a `SourceSnapshot`, or `{"sources": {name: SourceSnapshot}}` of several PBXs."""
        return self._memory.snapshot(source) if self._at_once(source) else self._snapshot(source)

    def _at_once(self, source: str | None) -> bool:
        """Whether memory alone answers: it is synchronized, or stale and nobody else could know better."""
        memory = self._memory
        names = memory.sources if source is None else (source,)
        for name in names:
            if not memory.knows(name) or (self._redis is not None and memory.is_stale(name)):
                return False
        return bool(names)

    async def _one(self, kind: _Kind, key: str, source: str | None) -> Answer | None:
        names = await self._names(source)
        found = []
        for name in names:
            answer = self._by_hand(kind, key, name)
            if answer is None:
                answer = await self._ask(name, _asks(kind, key, name))
            if answer is not None:
                found.append((name, answer))
        if len(found) > 1:
            raise ambiguous(kind, key, tuple(name for name, _ in found))
        return found[0][1] if found else None

    def _by_hand(self, kind: _Kind, key: str, name: str) -> Answer | None:
        """What somebody set in a board that was never synchronized: it is newer than what the others remember."""
        if kind == "callers" or self._memory.knows(name) or not self._unsynchronized.knows(name):
            return None
        answer = cast("Answer | None", getattr(self._unsynchronized, kind)(key, name))
        return answer if answer is not None and _BY_HAND.decode(answer.body).manual else None

    async def _list(
        self, table: Table, source: str | None, limit: int | None, cursor: str | None, **filters: str | None
    ) -> Answer:
        check_limit(limit)
        check_state(filters.get("state"))
        start = Cursor.decode(cursor) if cursor is not None else None
        names = await self._names(source)

        def asked(name: str, limit: int | None, cursor: str | None) -> _Ask:
            return lambda reader: getattr(reader, table)(source=name, limit=limit, cursor=cursor, **filters)

        if len(names) == 1:
            return await self._ask_all(names[0], asked(names[0], limit, cursor))
        items: list[bytes] = []
        answers: list[Answer] = []
        following: str | None = None
        for name in names:
            if start is not None and name < start.source:
                continue
            here = cursor if start is not None and name == start.source else None
            left = None if limit is None else limit - len(items)
            if left == 0:
                # Whether another page follows is for the next PBX's first row to say.
                answer = await self._ask_all(name, asked(name, 1, here))
                if _PAGE.decode(answer.body).items:
                    following = Cursor(name, "").encode()
                    break
                continue
            answer = await self._ask_all(name, asked(name, left, here))
            answers.append(answer)
            one = _PAGE.decode(answer.body)
            items += [bytes(item) for item in one.items]
            if one.next_cursor is not None:
                following = one.next_cursor
                break
        if not answers:
            return await self._ask_all(names[-1], asked(names[-1], limit, cursor))
        return _together(answers, page(items, following))

    async def _snapshot(self, source: str | None) -> Answer:
        names = await self._names(source)
        answers = [await self._ask_all(name, _asks("snapshot", name)) for name in names]
        if len(answers) == 1:
            return answers[0]
        named = [msgspec.json.encode(name) + b":" + answer.body for name, answer in zip(names, answers, strict=True)]
        together = _together(answers, b'{"sources":{' + b",".join(named) + b"}}")
        return msgspec.structs.replace(together, version=",".join(answer.version or "" for answer in answers))

    async def _names(self, source: str | None) -> tuple[str, ...]:
        if source is not None:
            return (source,)
        if self._memory.sources:
            return self._memory.sources
        # Their lists of PBXs come with an answer.
        for reader, ask in ((self._redis, self._ask_redis), (self._database, _ask_database)):
            if reader is None:
                continue
            try:
                await ask(reader, _asks("queues"))
            except StatusUnavailableError:
                continue
            if reader.sources:
                return reader.sources
        self.stats.unavailable += 1
        raise StatusUnavailableError(
            "No status is to be had from memory, Redis or the database: start a router, or wait until one answers."
        )

    async def _ask_all(self, name: str, ask: _Ask) -> Answer:
        """As `_ask`, for a question that no reader answers with None."""
        return cast("Answer", await self._ask(name, ask))

    async def _ask(self, name: str, ask: _Ask) -> Answer | None:
        held: Answer | None = None
        known = self._memory.knows(name)
        if known:
            held = cast("Answer | None", ask(self._memory))
            if self._redis is None or not self._memory.is_stale(name):
                return held
        heard = name in self._memory.sources
        if self._redis is not None:
            try:
                answer = await self._ask_redis(self._redis, ask)
            except StatusUnavailableError:
                heard = True
            except StatusQueryError as refused:
                if refused.field != "source":
                    raise
            else:
                if not known or (answer is not None and not answer.stale):
                    self.stats.redis += 1
                    return answer
        if known:
            return held
        if self._database is not None:
            try:
                answer = await _ask_database(self._database, ask)
            except StatusUnavailableError:
                heard = True
            except StatusQueryError as refused:
                if refused.field != "source":
                    raise
            else:
                self.stats.database += 1
                return answer
        if self._unsynchronized.knows(name):
            self.stats.unsynchronized += 1
            return cast("Answer | None", ask(self._unsynchronized))
        if not heard:
            raise unknown_source(name, self.sources)
        self.stats.unavailable += 1
        raise StatusUnavailableError(
            f"Nothing is known of {list_of_names([name])} in memory, Redis or the database: wait until the router has "
            "synchronized with Asterisk (see /ready)."
        )

    async def _ask_redis(self, redis: StatusReader, ask: _Ask) -> Answer | None:
        try:
            return await self.breaker.run(lambda: _awaited(ask(redis)), RedisUnavailableError)
        except BreakerOpenError:
            raise StatusUnavailableError(
                "Redis is not asked now: it failed a moment ago, wait for a few seconds."
            ) from None


def _asks(method: str, *arguments: str) -> _Ask:
    return lambda reader: cast("Maybe[Answer | None]", getattr(reader, method)(*arguments))


async def _awaited(asked: Maybe[Answer | None]) -> Answer | None:
    # A replica answers at once.
    return await asked if isinstance(asked, Awaitable) else asked


async def _ask_database(database: StatusReader, ask: _Ask) -> Answer | None:
    return await _awaited(ask(database))


def _together(answers: list[Answer], body: bytes) -> Answer:
    """One answer out of those of several PBXs: as old as the oldest, and as sure as the least sure."""
    return Answer(
        body=body,
        as_of=min(answer.as_of for answer in answers),
        position=",".join(answer.position for answer in answers),
        seq=answers[0].seq if len(answers) == 1 else None,
        stale=any(answer.stale for answer in answers),
        source=answers[0].source if len(answers) == 1 else None,
        source_of_truth=max((answer.source_of_truth for answer in answers), key=_ORDER.index),
    )
