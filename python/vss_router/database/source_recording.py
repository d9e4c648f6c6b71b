"""One PBX as it is being recorded: what of it is known and open, and how its events become writes."""

import contextlib
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.database import tables
from vss_router.database.recorded_facts import (
    CALL,
    CALL_EVENT,
    GAP,
    OPERATOR,
    QUEUE,
    STAMP,
    UPDATE,
    CallEvent,
    RecordedBoard,
)
from vss_router.database.recorder_stats import RecorderStats
from vss_router.database.row_json import to_json
from vss_router.database.row_keys import key_of, milliseconds, moment
from vss_router.database.state_intervals import OPERATOR_KIND, Interval, StateIntervals
from vss_router.database.write_batch import Members, WriteBatch, members_of
from vss_router.event_fanout import TypedEvent
from vss_router.status.rows import CallRow

__all__ = ["DirtyCalls", "SourceRecording"]

DirtyCalls = dict[str, tuple[int, str, CallEvent]]
"""Calls that changed, with the last event of each: `seq`, routing key, event."""
_CALL_EVENTS: Final = frozenset({"call.start", "call.update", "call.end"})


class SourceRecording:
    """The recording of one PBX.

    `board` is asked for the calls' full rows and for what still stands; what goes wrong is counted in `stats`.
    """

    def __init__(self, source: str, board: RecordedBoard | None, stats: RecorderStats) -> None:
        self.source = source
        self._stats = stats
        self.seq = 0
        """The last event recorded."""
        self.as_of = 0
        self._board = board
        self._batch = WriteBatch()
        self._intervals = StateIntervals(source, self._interval)
        self._members: dict[str, Members] = {}
        self._queue_sets: set[str] = set()
        self._operators: set[str] = set()
        self._queues: set[str] = set()
        self._calls: dict[str, bytes] = {}
        # Until when a router before this one listened; None once the gap is told.
        self._unwatched_since: int | None = None

    async def resume(self, connection: AsyncConnection) -> None:
        """Take up what stands in the database: what is open there was last seen by a router before this one."""
        of = self.source
        known = (await connection.execute(select(tables.sources).where(tables.sources.c.source == of))).one_or_none()
        if known is None:
            return
        self.seq, self.as_of, self._unwatched_since = known.seq, known.as_of, known.seen_at
        if self._board is not None:
            # Another router may have counted further: what this one tells must not look older than that.
            self._board.raise_seq(self.seq)
        history = tables.status_history
        opened = select(history).where(
            and_(history.c.source == of, history.c.kind == OPERATOR_KIND, history.c.ended.is_(None))
        )
        for row in (await connection.execute(opened)).mappings():
            self._intervals.resume(Interval(**row))
        for table, present in ((tables.operators, self._operators), (tables.queues, self._queues)):
            standing = select(table.c.key).where(and_(table.c.source == of, table.c.gone_at.is_(None)))
            present.update((await connection.execute(standing)).scalars())
        calls = tables.calls.c
        live = select(calls.key, calls.row).where(and_(calls.source == of, calls.status != "ended"))
        self._calls.update((row.key, row.row) for row in await connection.execute(live))

    def forget_written(self) -> None:
        """The last batch was not written: what is only written when it changes is written again."""
        self._members.clear()
        self._queue_sets.clear()

    def into(self, batch: WriteBatch) -> None:
        """Write into this batch from now on."""
        self._batch = batch

    def lost(self, events: list[TypedEvent]) -> None:
        """Events just before these were lost."""
        seq, _, body = events[0]
        self._intervals.gap(seq, self.as_of, milliseconds(STAMP.decode(body).timestamp))

    def event(self, seq: int, key: str, body: bytes, dirty_calls: DirtyCalls) -> None:
        """Fold one event into the batch; live calls whose row is wanted are put into `dirty_calls`."""
        if seq <= self.seq:
            self._stats.repeated += 1
            return
        try:
            if key == "operator.update":
                self._operator(seq, bytes(UPDATE.decode(body).row))
            elif key == "queue.update":
                self._queue(seq, bytes(UPDATE.decode(body).row))
            elif key in _CALL_EVENTS:
                self._call_event(seq, key, CALL_EVENT.decode(body), dirty_calls)
            elif key == "sync.gap":
                gap = GAP.decode(body)
                self._intervals.gap(seq, milliseconds(gap.started), milliseconds(gap.ended))
            elif key == "sync.reconciled":
                self.live_calls(dirty_calls)
                self._reconciled(seq, STAMP.decode(body).timestamp)
        except (msgspec.MsgspecError, ValueError):
            self._stats.unreadable += 1
        self.seq = seq

    def call_row(self, row: bytes) -> None:
        """A call's full row."""
        try:
            call = CALL.decode(row)
        except msgspec.MsgspecError:
            self._stats.unreadable += 1
            return
        key = key_of(call.id)
        before = self._batch.calls.get((self.source, key))
        if before is not None and before["seq"] > call.seq:
            return
        self._batch.call(self.source, call, row)
        if call.status == "ended":
            self._calls.pop(key, None)
        else:
            self._calls[key] = row

    def live_calls(self, dirty: DirtyCalls) -> None:
        """Ask the board for the rows of these calls; what it has forgotten is made of the last event."""
        for call_id, (seq, key, event) in dirty.items():
            row = self._board.call(call_id) if self._board is not None else None
            if row is not None:
                self.call_row(row)
            else:
                self._call_of_event(seq, key, event)
        dirty.clear()

    def heard(self, last: bytes) -> None:
        """The last event of those folded."""
        with contextlib.suppress(msgspec.MsgspecError):
            self.as_of = max(self.as_of, milliseconds(STAMP.decode(last).timestamp))

    def seen(self, until: int) -> None:
        """The PBX was listened to until then (milliseconds)."""
        if self.seq and self._unwatched_since is None:
            self._batch.sources[self.source] = {
                "source": self.source,
                "seq": self.seq,
                "as_of": self.as_of,
                "seen_at": max(until, self.as_of),
            }

    def _interval(self, interval: Interval) -> None:
        self._batch.interval(interval)

    def _operator(self, seq: int, row: bytes) -> None:
        facts = OPERATOR.decode(row)
        if facts.stale:
            return  # laid there out of this very database
        self._listening(seq, milliseconds(facts.as_of))
        key = key_of(facts.id)
        self._operators.add(key)
        self._batch.operator(self.source, seq, facts, row)
        self._batch.gone_operators.pop((self.source, key), None)
        members = members_of(self.source, facts)
        if self._members.get(key) != members:
            self._members[key] = members
            self._batch.members[self.source, key] = members
        queue_set = self._intervals.row(seq, facts)
        if queue_set and queue_set not in self._queue_sets:
            self._queue_sets.add(queue_set)
            keys = frozenset(member["queue_key"] for member in members)
            self._batch.queue_sets[self.source, queue_set] = keys

    def _queue(self, seq: int, row: bytes) -> None:
        facts = QUEUE.decode(row)
        if facts.stale:
            return
        key = key_of(facts.name)
        self._queues.add(key)
        self._batch.queue(self.source, seq, facts, row)
        self._batch.gone_queues.pop((self.source, key), None)

    def _call_event(self, seq: int, key: str, event: CallEvent, dirty: DirtyCalls) -> None:
        if key != "call.end":
            first = dirty.get(event.call_id)
            # The start alone tells direction and number; later events of a call the board forgot add to it.
            if first is not None and first[1] == "call.start" and self._board is None:
                self._call_of_event(*first)
            dirty[event.call_id] = (seq, key, event)
            return
        begun = dirty.pop(event.call_id, None)
        if begun is not None:
            self._call_of_event(*begun)
        # Replaced by the board's full row, when it has one.
        self._call_of_event(seq, key, event)

    def _call_of_event(self, seq: int, key: str, event: CallEvent) -> None:
        before = self._calls.get(key_of(event.call_id))
        call = _begun(self.source, event) if before is None else CALL.decode(before)
        if call.seq < seq:
            self.call_row(to_json(_with(call, seq, key, event)))

    def _listening(self, seq: int, at: int) -> None:
        """Facts come in again after a start."""
        if self._unwatched_since is not None:
            since, self._unwatched_since = self._unwatched_since, None
            self._intervals.gap(seq, since, at)

    def _reconciled(self, seq: int, at: datetime) -> None:
        """The board agrees with Asterisk: what it does not have is no more."""
        now = milliseconds(at)
        last_seen = self._unwatched_since
        self._listening(seq, now)
        if self._board is None:
            return
        gone_at = now if last_seen is None else last_seen
        operators = {key_of(operator_id) for operator_id, _ in self._board.rows("operators")}
        for key in self._operators - operators:
            self._operators.discard(key)
            self._members.pop(key, None)
            self._batch.gone_operators[self.source, key] = now
            self._intervals.gone(key, now)
        queues = {key_of(name) for name, _ in self._board.rows("queues")}
        for key in self._queues - queues:
            self._queues.discard(key)
            self._batch.gone_queues[self.source, key] = now
        calls = {key_of(call_id) for call_id, _ in self._board.rows("calls")}
        for key in self._calls.keys() - calls:
            # Nobody saw how it ended; an event of its end that still waits here says more.
            call = CALL.decode(self._calls[key])
            ended = replace(call, status="ended", ended_at=max(moment(gone_at), call.as_of), seq=seq)
            self.call_row(to_json(ended))


def _begun(source: str, event: CallEvent) -> CallRow:
    return CallRow(
        source=source,
        id=event.call_id,
        direction=event.direction or "inbound",
        phone_number=event.phone_number,
        operator_id=event.operator_id,
        slot_id=None,
        queue=event.queue,
        status="initiating",
        started_at=event.timestamp,
        queued_at=None,
        answered_at=None,
        ended_at=None,
        wait_seconds=0.0,
        talk_seconds=0.0,
        hold_seconds=0.0,
        disposition=None,
        hangup_cause=None,
        transfers=[],
        queue_visits=[],
        merged_into=None,
        seq=0,
        as_of=event.timestamp,
    )


def _with(call: CallRow, seq: int, key: str, event: CallEvent) -> CallRow:
    """The call's row as far as its events tell it."""
    call = replace(call, operator_id=event.operator_id, queue=event.queue or call.queue, seq=seq, as_of=event.timestamp)
    if key == "call.end":
        return replace(
            call,
            status="ended",
            ended_at=event.timestamp,
            disposition=event.disposition,
            wait_seconds=event.wait_seconds,
            talk_seconds=event.talk_seconds,
            hold_seconds=event.hold_seconds,
            hangup_cause=event.hangup_cause,
            merged_into=event.merged_into,
        )
    return replace(call, status=event.status or call.status)
