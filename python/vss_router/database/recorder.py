"""Records typed events in the database, off the hot path: what waits is bounded, what is written goes in batches.

```
 handle() ─▶ waiting (bounded, oldest go) ─▶ folded into one batch ─▶ one transaction ─▶ next batch
                                                     ▲ tried again, longer each time ─┘ while the database is down
```

An event recorded twice changes nothing, so a batch whose commit was in doubt is simply written again.
"""

import asyncio
import contextlib
import logging
import random as random_module
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, final

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from vss_router.ami.backoff import jittered
from vss_router.database.attempts import Attempts, worth_a_line
from vss_router.database.batch_writing import write
from vss_router.database.engine import Database
from vss_router.database.recorded_facts import CALL_EVENT, HUNG_UP, RecordedBoard
from vss_router.database.recorder_stats import RecorderStats
from vss_router.database.retention import expire
from vss_router.database.source_recording import DirtyCalls, SourceRecording
from vss_router.database.write_batch import WriteBatch
from vss_router.errors import DatabaseError
from vss_router.event_fanout import TypedEvent

__all__ = ["StatusRecorder"]

BEAT_SECONDS: Final = 10.0
"""How often it is noted that the PBX is listened to, when nothing else is written."""
RETENTION_SECONDS: Final = 600.0
_BREATH: Final = 16
"""Events folded before the loop may do something else."""

_log = logging.getLogger(__name__)


class _Waiting(msgspec.Struct):
    source: str
    events: list[TypedEvent]
    ended_calls: list[bytes]
    since: float
    after_loss: bool = False


@final
class StatusRecorder:
    """The recorder of one router.

    Parameters
    ----------
    boards
        By PBX; asked for the full rows of calls, for channels that hung up, and for what still stands after a resync.
    records
        Whether a PBX is recorded now: of two routers on one PBX only one may. None: always.
    is_watched
        Whether a PBX is listened to now. None: always.
    days
        How long history is kept; 0 keeps all.
    batch_rows, flush_seconds
        A transaction begins after so many events or so long, whichever is first.
    most_waiting
        Events that may wait; the oldest go first, counted.
    clock, monotonic, random
        Unix time, monotonic time (both seconds) and numbers in [0, 1).
    """

    def __init__(
        self,
        database: Database,
        boards: Mapping[str, RecordedBoard],
        *,
        records: Callable[[str], bool] | None = None,
        is_watched: Callable[[str], bool] | None = None,
        days: float = 0.0,
        batch_rows: int = 1000,
        flush_seconds: float = 1.0,
        most_waiting: int = 50_000,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._stats = RecorderStats()
        self._database = database
        self._boards = boards
        self._records = records or _always
        self._is_watched = is_watched or _always
        self._days = days
        self._batch_rows = batch_rows
        self._flush_seconds = flush_seconds
        self._most_waiting = most_waiting
        self._clock = clock
        self._monotonic = monotonic
        self._random = random
        self._waiting: deque[_Waiting] = deque()
        self._legs: deque[tuple[str, bytes]] = deque()
        self._lost: set[str] = set()
        self._hung_up_lost: dict[str, int] = {}
        self._sources: dict[str, SourceRecording] = {}
        self._full = asyncio.Event()
        self._stopping = asyncio.Event()
        self._attempts = Attempts(database.url, self._stats, self._stopping, random)
        self._flushing = asyncio.Lock()
        self._in_hand = 0
        self._in_hand_since: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._expire_at = monotonic()
        self._beat_at = self._expire_at + BEAT_SECONDS

    @property
    def stats(self) -> RecorderStats:
        """What was done since the start, and what waits now."""
        oldest = self._in_hand_since
        if oldest is None and self._waiting:
            oldest = self._waiting[0].since
        self._stats.lag_seconds = 0.0 if oldest is None else self._monotonic() - oldest
        return self._stats

    def start(self) -> None:
        """Begin to write, in a task of its own; the database need not answer yet."""
        for board in self._boards.values():
            board.keep_hung_up(True)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="status recorder")

    async def stop(self, seconds: float = 5.0) -> None:
        """Write what waits, for `seconds` at most, then end; what could not be written is counted."""
        if self._task is None:
            return
        self._stopping.set()
        self._full.set()
        _, unfinished = await asyncio.wait({self._task}, timeout=seconds)
        for task in unfinished:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._task = None
        left = self._in_hand + sum(len(entry.events) for entry in self._waiting)
        if left:
            self._count_dropped(left)

    def handle(self, source: str, events: list[TypedEvent]) -> None:
        """Take a batch of events, as `Router.on_events` hands them; never waits."""
        if not self._records(source):
            # Taken up anew when it is ours: another recorder goes on meanwhile.
            self._sources.pop(source, None)
            return
        board = self._boards.get(source)
        ended: list[bytes] = []
        if board is not None:
            for _, key, body in events:
                # Now, because the board soon forgets it.
                if key == "call.end" and (row := board.call(CALL_EVENT.decode(body).call_id)) is not None:
                    ended.append(row)
        after_loss = source in self._lost
        self._lost.discard(source)
        self._waiting.append(_Waiting(source, events, ended, self._monotonic(), after_loss))
        self._stats.events += len(events)
        self._stats.waiting += len(events)
        while self._stats.waiting > self._most_waiting and len(self._waiting) > 1:
            self._drop_oldest()
        if self._stats.waiting >= self._batch_rows:
            self._full.set()

    def take_hung_up(self, source: str, rows: list[bytes]) -> None:
        """Take the last rows of channels that hung up; those of the boards are fetched without being asked for."""
        self._legs.extend((source, row) for row in rows)
        lost = len(self._legs) - self._most_waiting
        for _ in range(lost):
            self._legs.popleft()
        if lost > 0:
            self._count_dropped(lost)

    async def flush(self) -> None:
        """Write all that waits; returns when it is committed."""
        async with self._flushing:
            self._fetch_hung_up()
            while self._waiting or self._legs:
                batch = await self._fold()
                if len(batch):
                    await self._write(batch)
                self._in_hand, self._in_hand_since = 0, None

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._flush_seconds)
            self._full.clear()
            try:
                await self.flush()
                await self._beat(at_once=self._stopping.is_set())
                await self._expire()
            except Exception:  # noqa: BLE001 - whatever it is, the next batch is not to blame
                self._stats.failures += 1
                if worth_a_line(self._stats.failures):
                    _log.exception("the recorder stumbled over a batch and goes on with the next")
            if self._stopping.is_set():
                return

    async def _fold(self) -> WriteBatch:
        batch = WriteBatch()
        taken = 0
        dirty: dict[str, DirtyCalls] = {}
        while self._waiting and taken < self._batch_rows:
            entry = self._waiting[0]
            recording = await self._recording(entry.source)
            if not self._waiting or self._waiting[0] is not entry:
                continue  # dropped meanwhile
            self._waiting.popleft()
            self._stats.waiting -= len(entry.events)
            self._in_hand += len(entry.events)
            if self._in_hand_since is None:
                self._in_hand_since = entry.since
            recording.into(batch)
            if entry.after_loss:
                recording.lost(entry.events)
            calls = dirty.setdefault(entry.source, {})
            for place, (seq, key, body) in enumerate(entry.events, 1):
                recording.event(seq, key, body, calls)
                if place % _BREATH == 0:
                    await asyncio.sleep(0)
            for row in entry.ended_calls:
                recording.call_row(row)
            if entry.events:
                recording.heard(entry.events[-1][2])
            taken += len(entry.events)
            await asyncio.sleep(0)
        for source, calls in dirty.items():
            recording = await self._recording(source)
            recording.into(batch)
            recording.live_calls(calls)
            recording.seen(int(self._clock() * 1000) if self._is_current(source) else 0)
        self._fold_legs(batch)
        return batch

    def _fold_legs(self, batch: WriteBatch) -> None:
        for _ in range(min(len(self._legs), self._batch_rows)):
            source, row = self._legs.popleft()
            try:
                batch.leg(source, HUNG_UP.decode(row))
            except msgspec.MsgspecError:
                self._stats.unreadable += 1

    def _fetch_hung_up(self) -> None:
        for source, board in self._boards.items():
            rows, lost = board.take_hung_up()
            before = self._hung_up_lost.get(source, 0)
            self._hung_up_lost[source] = lost
            if self._records(source):
                self.take_hung_up(source, rows)
                if lost > before:
                    self._count_dropped(lost - before)

    async def _recording(self, source: str) -> SourceRecording:
        """What is known of a PBX, taken up from the database the first time."""
        known = self._sources.get(source)
        if known is None:

            async def resumed() -> SourceRecording:
                recording = SourceRecording(source, self._boards.get(source), self._stats)
                async with self._database.reading() as connection:
                    await recording.resume(connection)
                return recording

            known = await self._attempts.until_done(resumed)
            if known is None:
                known = SourceRecording(source, self._boards.get(source), self._stats)
            self._sources[source] = known
        return known

    async def _write(self, batch: WriteBatch) -> None:
        async def written() -> int:
            began = self._monotonic()
            async with self._database.writing() as connection:
                rows = await write(connection, batch)
            self._stats.batch_seconds = self._monotonic() - began
            return rows

        rows = await self._attempts.until_done(written)
        if rows is None:
            for recording in self._sources.values():
                recording.forget_written()
            return
        self._stats.rows += rows
        self._stats.batches += 1

    async def _beat(self, *, at_once: bool = False) -> None:
        """Note that the PBXs are listened to, so that a restart knows from when on nobody did."""
        if self._monotonic() < self._beat_at and not at_once:
            return
        self._beat_at = self._monotonic() + jittered(BEAT_SECONDS, self._random)
        batch = WriteBatch()
        for source, recording in self._sources.items():
            if self._is_current(source):
                recording.into(batch)
                recording.seen(int(self._clock() * 1000))
        if batch.sources:
            await self._write(batch)

    async def _expire(self) -> None:
        if self._days <= 0 or self._monotonic() < self._expire_at:
            return
        self._expire_at = self._monotonic() + jittered(RETENTION_SECONDS, self._random)
        before = int((self._clock() - self._days * 86_400) * 1000)
        try:
            self._stats.expired += await expire(self._database, before)
        except (SQLAlchemyError, DatabaseError, OSError, TimeoutError) as error:
            self._attempts.failed(error)

    def _is_current(self, source: str) -> bool:
        return self._is_watched(source) and not any(entry.source == source for entry in self._waiting)

    def _drop_oldest(self) -> None:
        entry = self._waiting.popleft()
        self._stats.waiting -= len(entry.events)
        following = next((later for later in self._waiting if later.source == entry.source), None)
        if following is not None:
            following.after_loss = True
        else:
            self._lost.add(entry.source)
        self._count_dropped(len(entry.events))

    def _count_dropped(self, count: int) -> None:
        before, self._stats.dropped = self._stats.dropped, self._stats.dropped + count
        if len(str(before)) < len(str(self._stats.dropped)) or not before:
            _log.warning("history loses events, the database is behind", extra={"lost": self._stats.dropped})


def _always(_source: str) -> bool:
    return True
