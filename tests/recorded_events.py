"""Typed events and rows as a board makes them, for tests of what records them. Times are seconds after `BEGIN`."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from tests.board_double import BoardDouble
from vss_router.api.examples import CALL, CHANNEL, OPERATOR, QUEUE
from vss_router.event_fanout import TypedEvent

BEGIN: Final = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
JSON: Final = msgspec.json.encode


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for what another task does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is a counter
            await asyncio.sleep(0.01)


def said(seconds: float) -> str:
    return at(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(seq: int, key: str, seconds: float, **fields: Any) -> TypedEvent:
    return (seq, key, JSON({"event": key, "timestamp": said(seconds), **fields, "source": "main", "seq": seq}))


def operator_row(
    seq: int,
    operator: str,
    state: str,
    since: float,
    *,
    as_of: float | None = None,
    reason: str | None = None,
    call: str | None = None,
    queues: Iterable[str] = ("support",),
    **more: Any,
) -> dict[str, Any]:
    member = OPERATOR["memberships"][0]
    memberships = [member | {"queue": queue, "interface": operator, "in_call": state == "talking"} for queue in queues]
    return OPERATOR | {
        "id": operator,
        "extension": operator.rpartition("/")[2],
        "state": state,
        "since": said(since),
        "reason": reason,
        "call": call,
        "memberships": memberships,
        "seq": seq,
        "as_of": said(since if as_of is None else as_of),
        **more,
    }


def operator_update(seq: int, operator: str, state: str, since: float, **more: Any) -> TypedEvent:
    row = operator_row(seq, operator, state, since, **more)
    return (seq, "operator.update", JSON({"event": "operator.update", "timestamp": row["as_of"], "row": row}))


def queue_update(seq: int, name: str, seconds: float = 0.0, **more: Any) -> TypedEvent:
    row = QUEUE | {"name": name, "callers": [], "seq": seq, "as_of": said(seconds), **more}
    return (seq, "queue.update", JSON({"event": "queue.update", "timestamp": said(seconds), "row": row}))


def gap(seq: int, started: float, ended: float) -> TypedEvent:
    return event(seq, "sync.gap", ended, from_seq=seq - 1, to_seq=seq, started=said(started), ended=said(ended))


def reconciled(seq: int, seconds: float) -> TypedEvent:
    return event(seq, "sync.reconciled", seconds, reason="connect", added=[], removed=[], changed=[])


def visit(
    queue: str,
    joined: float,
    *,
    wait: float = 0.0,
    talk: float = 0.0,
    outcome: str | None = "answered",
    operator: str | None = None,
) -> dict[str, Any]:
    return {
        "queue": queue,
        "joined_at": said(joined),
        "left_at": None if outcome is None else said(joined + wait),
        "outcome": outcome,
        "operator_id": operator,
        "wait_seconds": wait,
        "talk_seconds": talk,
    }


def call_row(seq: int, call: str, started: float, *visits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return CALL | {
        "id": call,
        "started_at": said(started),
        "queue_visits": list(visits),
        "seq": seq,
        "as_of": said(started),
        **more,
    }


def call_end(seq: int, call: str, seconds: float) -> TypedEvent:
    return event(
        seq,
        "call.end",
        seconds,
        call_id=call,
        disposition="answered",
        wait_seconds=1.5,
        talk_seconds=2.0,
        hold_seconds=0.0,
        hangup_cause=16,
        operator_id=None,
        slot_id=None,
        queue="support",
        merged_into=None,
    )


def hung_up(channel: str, linkedid: str, ended: float) -> bytes:
    more = {"id": channel, "linkedid": linkedid, "ended_at": said(ended), "hangup_cause": 16}
    return JSON(CHANNEL | {"created_at": said(0), "answered_at": None} | more)


class RecordedDouble(BoardDouble):
    """A board that also keeps hung-up channels."""

    def __init__(self, *, source: str = "main", **rows: Any) -> None:
        super().__init__(source, **rows)
        self.hung_up: list[bytes] = []
        self.lost = 0
        self.raised = 0

    def keep_hung_up(self, keep: bool, /) -> None:
        assert keep

    def raise_seq(self, seq: int, /) -> None:
        self.raised = seq

    def take_hung_up(self) -> tuple[list[bytes], int]:
        rows, self.hung_up = self.hung_up, []
        return rows, self.lost
