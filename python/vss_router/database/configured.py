"""What the database knows of a PBX before Asterisk has answered: rows to lay into its board at start.

Who is operator, in which queues, paused or not, is configuration and as last known. What somebody was doing is not
known any more: nobody rings, talks or wraps up, queues are empty and their figures begin anew.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec
from sqlalchemy import and_, select

from vss_router.database import tables
from vss_router.database.engine import Database
from vss_router.database.row_json import to_json
from vss_router.status.rows import Membership, OperatorRow, QueueCounts, QueueRow, ServiceLevel

__all__ = ["Configured", "ConfiguredRow", "load_configured"]

_Row = TypeVar("_Row", OperatorRow, QueueRow)
_log = logging.getLogger(__name__)

RECENT_MS: Final = 3_600_000
"""A board shows who left the last queue for an hour."""


class ConfiguredRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row, and what `StatusBoard.set_row` wants to know of it. `row` has all fields but `seq` and `as_of`."""

    id: str
    row: bytes
    state: str = ""
    queues: tuple[str, ...] = ()
    extension: str = ""
    name: str = ""


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """A PBX as last known. `seq` is the last number recorded (0: nothing was), for `StatusBoard.raise_seq`."""

    seq: int
    operators: list[ConfiguredRow]
    queues: list[ConfiguredRow]


async def load_configured(database: Database, source: str) -> Configured:
    """The rows of a PBX, marked `stale`.

    A row that an older version wrote in another shape is left out.

    Raises
    ------
    DatabaseUnavailableError, DatabaseError
        The database does not answer, or cannot be opened.
    """
    operators, queues = tables.operators.c, tables.queues.c
    async with database.reading() as connection:
        known = select(tables.sources).where(tables.sources.c.source == source)
        last = (await connection.execute(known)).one_or_none()
        if last is None:
            return Configured(seq=0, operators=[], queues=[])
        present = and_(operators.source == source, operators.gone_at.is_(None))
        recent = (operators.state != "logged_out") | (operators.as_of >= last.seen_at - RECENT_MS)
        operator_rows = (await connection.execute(select(operators.row).where(present, recent))).scalars().all()
        standing = and_(queues.source == source, queues.gone_at.is_(None))
        queue_rows = (await connection.execute(select(queues.row).where(standing))).scalars().all()
    rested = [_rested(row) for row in _read(operator_rows, OperatorRow)]
    emptied = [_emptied(row, rested) for row in _read(queue_rows, QueueRow)]
    return Configured(
        seq=last.seq,
        operators=[
            ConfiguredRow(
                id=row.id,
                row=_encoded(row),
                state=row.state,
                queues=tuple(dict.fromkeys(member.queue for member in row.memberships)),
                extension=row.extension,
                name=row.name,
            )
            for row in rested
        ],
        queues=[ConfiguredRow(id=row.name, row=_encoded(row), name=row.name) for row in emptied],
    )


def _read(rows: Sequence[bytes], shape: type[_Row]) -> list[_Row]:
    read = []
    for row in rows:
        try:
            read.append(msgspec.json.decode(row, type=shape))
        except msgspec.MsgspecError as error:
            _log.warning("a row of the database cannot be read, it is left out", extra={"reason": str(error)})
    return read


def _rested(row: OperatorRow) -> OperatorRow:
    """The operator at rest: logged out, unreachable, paused or available as last known."""
    memberships = [msgspec.structs.replace(member, in_call=False) for member in row.memberships]
    if row.intent == "logged_out":
        state = "logged_out"
    elif not row.reachable:
        state = "unreachable"
    else:
        state = "paused" if row.intent == "paused" else "available"
    kept = row.state == state
    return msgspec.structs.replace(
        row,
        state=state,
        since=row.since if kept else row.as_of,
        reason=row.reason if kept else _pause_reason(memberships, state),
        activity="idle",
        memberships=memberships,
        channels=[],
        call=None,
        wrap_up_ends=None,
    )


def _pause_reason(memberships: list[Membership], state: str) -> str | None:
    return next((member.paused_reason for member in memberships if member.paused), None) if state == "paused" else None


def _emptied(row: QueueRow, operators: list[OperatorRow]) -> QueueRow:
    """The queue without callers and figures; the counts are those of its operators at rest."""
    counted: Counter[str] = Counter()
    for operator in operators:
        places = [member for member in operator.memberships if member.queue == row.name]
        if places and operator.state != "logged_out":
            counted["logged_in"] += 1
            paused = operator.state != "unreachable" and all(member.paused for member in places)
            counted["paused" if paused else operator.state] += 1
    counts = {name: counted[name] for name in QueueCounts.__struct_fields__}
    return msgspec.structs.replace(
        row,
        counts=QueueCounts(**counts),
        callers=[],
        longest_wait=0.0,
        offered=0,
        answered=0,
        abandoned=0,
        timed_out=0,
        service_level_percent=ServiceLevel(of_answered=None, of_offered=None),
        average_wait=None,
        average_talk=None,
        p90_wait=None,
    )


def _encoded(row: msgspec.Struct) -> bytes:
    return to_json(row, seq=None, as_of=None, manual=None, stale=True)
