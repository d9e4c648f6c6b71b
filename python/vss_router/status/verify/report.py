"""What a verification found, ready for a table or for JSON."""

from typing import Final

import msgspec

__all__ = ["MOST_DIFFERENCES", "Difference", "FieldResult", "Report", "Value"]

MOST_DIFFERENCES: Final = 1_000
"""So many differences are kept in the report; all are counted."""

Value = str | int | bool | None


class Difference(msgspec.Struct, kw_only=True):
    """One field of one row in which the board and a list of Asterisk disagree.

    `action_id` names the list, `row` the row (`support PJSIP/1001`), `board` and `asterisk` the two values.
    `in_flight` is the event that brought the board to Asterisk's value right after the list: the row changed while
    the list was being sent, and that is no drift.
    """

    action_id: str
    field: str
    row: str
    board: Value
    asterisk: Value
    core: bool
    in_flight: str | None = None


class FieldResult(msgspec.Struct, kw_only=True):
    """One field over all later lists: rows compared, rows that drifted, rows that changed while a list was sent.

    `core` fields must not drift; the others are Asterisk's own counters and what no event tells.
    """

    field: str
    core: bool
    compared: int = 0
    drift: int = 0
    in_flight: int = 0


class Report(msgspec.Struct, kw_only=True):
    """The whole comparison. `sets` are the complete sets of lists, the one that seeded the board included."""

    recording: str
    messages: int = 0
    events: int = 0
    sets: int = 0
    seeded_from: list[str] = msgspec.field(default_factory=list)
    lists_compared: int = 0
    fields: list[FieldResult] = msgspec.field(default_factory=list)
    differences: list[Difference] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    drift: bool = False
    """Whether any core field drifted."""

    @property
    def rows_compared(self) -> int:
        """Comparisons of core fields made."""
        return sum(result.compared for result in self.fields if result.core)
