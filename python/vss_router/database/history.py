"""History: what was, interval by interval and visit by visit."""

from datetime import datetime
from typing import Any, Final, final

from sqlalchemy import and_, or_, select, tuple_

from vss_router.database import tables
from vss_router.database.asking import asked, found_one, in_time, known_sources
from vss_router.database.engine import Database
from vss_router.database.history_rows import OperatorHistory, QueueCall, QueueHistory, StateInterval
from vss_router.database.row_keys import moment
from vss_router.database.spans import Span, checked_span
from vss_router.database.state_intervals import OPERATOR_KIND
from vss_router.errors import StatusQueryError
from vss_router.status.cursor import Cursor
from vss_router.status.questions import check_limit

__all__ = ["History"]

DEFAULT_LIMIT: Final = 1000


@final
class History:
    """Reads state intervals and queue visits. Times given must carry a time zone.

    Every method raises `StatusQueryError` for an unknown `source`, a span that is empty or without zone, a bad `limit`
    or `cursor`; `AmbiguousSourceError` for an id that more than one PBX has when no `source` picks one;
    `StatusUnavailableError` when the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @in_time
    async def operator(
        self,
        operator_id: str,
        since: datetime,
        until: datetime,
        *,
        source: str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> OperatorHistory | None:
        """An operator's state intervals, by id (`PJSIP/1001`) or extension (`1001`); None for an unknown one."""
        span = checked_span(since, until)
        check_limit(limit)
        after = _after(cursor, 3)
        of = tables.status_history.c
        async with asked(self._database) as connection:
            known = await known_sources(connection, source)
            found = await found_one(connection, "operator", operator_id, known, gone=True)
            if found is None:
                return None
            place = tuple_(of.since, of.seq, of.watched)
            rows = (
                select(tables.status_history)
                .where(
                    and_(of.source == found.source, of.kind == OPERATOR_KIND, of.key == found.key),
                    of.since < span.until,
                    or_(of.ended.is_(None), and_(of.ended > span.since, of.ended > of.since)),
                )
                .order_by(of.since, of.seq, of.watched)
                .limit(limit + 1)
            )
            if after is not None:
                rows = rows.where(place > tuple_(after[0], after[1], bool(after[2])))
            read = (await connection.execute(rows)).all()
        last = read[limit - 1] if len(read) > limit else None
        seen_at = known[found.source].seen_at
        return OperatorHistory(
            source=found.source,
            operator=found.id,
            since=moment(span.since),
            until=moment(span.until),
            items=[_clipped(row, span, seen_at) for row in read[:limit]],
            next_cursor=None if last is None else _cursor(found.source, last.since, last.seq, int(last.watched)),
        )

    @in_time
    async def queue(
        self,
        name: str,
        since: datetime,
        until: datetime,
        *,
        source: str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> QueueHistory | None:
        """The visits of calls in a queue; None for an unknown queue."""
        span = checked_span(since, until)
        check_limit(limit)
        after = _after(cursor, 1)
        visits, calls = tables.queue_visits.c, tables.calls.c
        async with asked(self._database) as connection:
            known = await known_sources(connection, source)
            found = await found_one(connection, "queue", name, known, gone=True)
            if found is None:
                return None
            rows = (
                select(tables.queue_visits, calls.id, calls.direction, calls.phone_number, calls.disposition)
                .join(tables.calls, and_(calls.source == visits.source, calls.key == visits.call_key))
                .where(visits.source == found.source, visits.queue_key == found.key)
                .where(visits.joined_at >= span.since, visits.joined_at < span.until)
                .order_by(visits.joined_at, visits.call_key)
                .limit(limit + 1)
            )
            if after is not None:
                rows = rows.where(tuple_(visits.joined_at, visits.call_key) > tuple_(after[0], after[-1]))
            read = (await connection.execute(rows)).all()
        last = read[limit - 1] if len(read) > limit else None
        return QueueHistory(
            source=found.source,
            queue=found.id,
            since=moment(span.since),
            until=moment(span.until),
            items=[
                QueueCall(
                    call=row.id,
                    queue=found.id,
                    direction=row.direction,
                    phone_number=row.phone_number,
                    disposition=row.disposition,
                    joined_at=moment(row.joined_at),
                    left_at=None if row.left_at is None else moment(row.left_at),
                    outcome=row.outcome,
                    operator=row.operator_id,
                    wait_seconds=row.wait_ms / 1000,
                    talk_seconds=row.talk_ms / 1000,
                )
                for row in read[:limit]
            ],
            next_cursor=None if last is None else _cursor(found.source, last.joined_at, last.call_key),
        )


def _clipped(row: Any, span: Span, seen_at: int) -> StateInterval:
    """The part of an interval that lies in the span; what still lasts is known up to `seen_at`."""
    since = max(row.since, span.since)
    ended = row.ended
    if ended is None and span.until <= seen_at:
        ended = span.until
    known_until = max(since, min(seen_at if ended is None else ended, span.until))
    return StateInterval(
        state=row.state,
        reason=row.reason,
        call=row.call,
        queue=row.queue,
        since=moment(since),
        ended=None if ended is None else moment(min(ended, span.until)),
        seconds=(known_until - since) / 1000,
        watched=row.watched,
        continues=row.continues,
    )


def _cursor(source: str, *place: int | str) -> str:
    return Cursor(source, " ".join(map(str, place))).encode()


def _after(cursor: str | None, numbers: int) -> tuple[Any, ...] | None:
    """The place of the last item given out: so many numbers, then what may follow them."""
    if cursor is None:
        return None
    after = Cursor.decode(cursor).after
    words = after.split(" ", numbers)
    try:
        place = tuple(map(int, words[:numbers]))
        if len(place) < numbers or any(abs(number) >= 2**63 for number in place):
            raise ValueError(after)  # noqa: TRY301 - one sentence for whatever is wrong with it
    except ValueError as error:
        raise StatusQueryError(
            "cursor", "The cursor belongs to another list: pass `next_cursor` on to the question it came from."
        ) from error
    return (*place, "".join(words[numbers:]))
