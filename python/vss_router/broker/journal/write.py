"""One statement with its rows."""

import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

__all__ = ["MOST_PARAMETERS", "SqlValue", "Write", "merged", "steps"]

SqlValue: TypeAlias = int | float | str | bytes | None

MOST_PARAMETERS: Final = 16_384
"""SQLite takes 32 766."""
_SIZES: Final = (512, 128, 32, 8, 2, 1)


class Write(msgspec.Struct, frozen=True):
    """A statement and the rows it is executed with.

    An `INSERT … VALUES (?, …)` that ends with its placeholders takes many rows in one step, which matters: each step
    gives the interpreter away and has to get it back. For the same reason delete many rows with one parameter,
    `… WHERE id IN (SELECT value FROM json_each(?))`, or up to one row, `… WHERE id <= ?`.
    """

    sql: str
    rows: Sequence[Sequence[SqlValue]] = ((),)


def merged(writes: Sequence[Write]) -> list[Write]:
    """The same writes in the same order, with neighbours of one statement put together."""
    together: list[Write] = []
    for sql, alike in itertools.groupby(writes, key=operator.attrgetter("sql")):
        together.append(Write(sql, [row for write in alike for row in write.rows]))
    return together


def steps(write: Write) -> Iterator[tuple[str, Sequence[SqlValue]]]:
    """The statement repeated for its rows, in as few steps as it allows, and few different ones (they are cached)."""
    rows = write.rows
    width = len(rows[0]) if rows else 0
    group = f"({', '.join('?' * width)})"
    if len(rows) < 2 or not width or not (write.sql.startswith("INSERT") and write.sql.endswith(f"VALUES {group}")):
        for row in rows:
            yield write.sql, row
        return
    start = 0
    while start < len(rows):
        fitting = min(len(rows) - start, max(MOST_PARAMETERS // width, 1))
        size = next(size for size in _SIZES if size <= fitting)
        values = [value for row in rows[start : start + size] for value in row]
        yield write.sql + f", {group}" * (size - 1), values
        start += size
