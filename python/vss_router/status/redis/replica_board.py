"""The rows of one PBX in a process that follows them: the surface of a board, its journal of changes included."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, final

import msgspec

from vss_router.status.reader_protocols import Table
from vss_router.status.redis.partial_rows import CHANNEL, OPERATOR, QUEUE, PartialOperator

__all__ = ["ReplicaBoard", "ReplicaChanges", "Rows"]

Key: TypeAlias = tuple[Table, str]
Rows: TypeAlias = Mapping[Key, bytes | None]
"""Rows by table and id; None for one that does not stand."""

MOST_REMOVED: Final = 10_000
"""Removals remembered for those who follow; whoever is further behind reads everything anew."""
_TABLES: Final[tuple[Table, ...]] = ("operators", "channels", "queues", "calls")


class ReplicaChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What changed after a cursor, as a `StatusBoard` tells it."""

    seq_from: int
    seq_to: int
    complete: bool
    lost: bool
    rows: list[tuple[Table, str, bytes]] = []
    removed: list[tuple[Table, str]] = []


@final
class ReplicaBoard:
    """Rows in memory, changed by `replace` and `apply` only; reading is that of a `StatusBoard`.

    Every change of a row raises `seq`: to the writer's own number, or by one when that is not above ours.
    """

    def __init__(self, source: str) -> None:
        self.source: Final = source
        self.as_of = ""
        self.loads = 0
        self._seq = 0
        self._tables: dict[Table, dict[str, bytes]] = {table: {} for table in _TABLES}
        self._sorted: dict[Table, list[str] | None] = {table: [] for table in _TABLES}
        self._operators: dict[str, PartialOperator] = {}
        self._names: dict[str, str] = {}
        # Both in the order of their numbers: whatever changes goes to the end.
        self._changed: OrderedDict[Key, int] = OrderedDict()
        self._removed: OrderedDict[Key, int] = OrderedDict()
        self._remembered_since = 0

    @property
    def seq(self) -> int:
        """The number of the newest change."""
        return self._seq

    def replace(self, rows: Mapping[Key, bytes], seq: int, as_of: str) -> int:
        """Hold exactly these rows; how many differ from before."""
        gone: list[Key] = [(table, row_id) for table in _TABLES for row_id in self._tables[table]]
        changed = self.apply({key: None for key in gone if key not in rows} | dict(rows), seq, as_of)
        if self.loads == 0:
            # What was removed before is not known.
            self._remembered_since = self._seq
        self.loads += 1
        return changed

    def apply(self, rows: Rows, seq: int, as_of: str) -> int:
        """Take over the rows that the writer names; how many differ from before."""
        different = [key for key, row in rows.items() if self._tables[key[0]].get(key[1]) != row]
        self._seq = max(seq, self._seq + 1) if different else max(seq, self._seq)
        self.as_of = as_of
        for key in different:
            self._put(key, rows[key])
        while len(self._removed) > MOST_REMOVED:
            self._remembered_since = self._removed.popitem(last=False)[1]
        return len(different)

    def _put(self, key: Key, row: bytes | None) -> None:
        table, row_id = key
        held = self._tables[table]
        if row is None:
            del held[row_id]
            self._sorted[table] = None
            self._operators.pop(row_id, None) if table == "operators" else self._names.pop(row_id, None)
            self._changed.pop(key, None)
            self._removed[key] = self._seq
            self._removed.move_to_end(key)
            return
        if row_id not in held:
            self._sorted[table] = None
        held[row_id] = row
        if table == "operators":
            self._operators[row_id] = OPERATOR.decode(row)
        elif table == "channels":
            self._names[row_id] = CHANNEL.decode(row).name
        self._removed.pop(key, None)
        self._changed[key] = self._seq
        self._changed.move_to_end(key)

    def operator(self, key: str, /) -> bytes | None:
        """One operator by id or extension."""
        row = self._tables["operators"].get(key)
        if row is not None:
            return row
        found = [row_id for row_id, partial in self._operators.items() if partial.extension == key]
        return self._tables["operators"][min(found)] if found else None

    def channel(self, key: str, /) -> bytes | None:
        """One channel by Uniqueid or name."""
        row = self._tables["channels"].get(key)
        if row is not None:
            return row
        found = [row_id for row_id, name in self._names.items() if name == key]
        return self._tables["channels"][min(found)] if found else None

    def call(self, key: str, /) -> bytes | None:
        """One call by Linkedid."""
        return self._tables["calls"].get(key)

    def queue(self, key: str, /) -> bytes | None:
        """One queue by name."""
        return self._tables["queues"].get(key)

    def callers(self, key: str, /) -> bytes | None:
        """The waiting callers of a queue as a JSON array."""
        row = self.queue(key)
        return None if row is None else bytes(QUEUE.decode(row).callers)

    def rows(
        self,
        table: Table,
        *,
        state: str | None = None,
        queue: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[tuple[str, bytes]]:
        """Rows in order of id, those after the id `after`, at most `limit`: (id, JSON)."""
        held = self._tables[table]
        found: list[tuple[str, bytes]] = []
        for row_id in self._ids(table):
            if limit is not None and len(found) >= limit:
                break
            if after is not None and row_id <= after:
                continue
            if state is not None or queue is not None:
                partial = self._operators.get(row_id)
                if partial is None or (state is not None and partial.state != state):
                    continue
                if queue is not None and queue not in partial.queues:
                    continue
            found.append((row_id, held[row_id]))
        return found

    def snapshot(self) -> bytes:
        """All rows at one `seq`: a `SourceSnapshot`."""
        head = b'{"source":' + msgspec.json.encode(self.source) + b',"seq":' + str(self._seq).encode()
        head += b',"as_of":' + msgspec.json.encode(self.as_of)
        parts = [head]
        for table in _TABLES:
            held = self._tables[table]
            rows = b",".join(held[row_id] for row_id in self._ids(table))
            parts.append(b',"' + table.encode() + b'":[' + rows + b"]")
        return b"".join(parts) + b"}"

    def stats(self) -> dict[str, int]:
        """Rows per table now, and how often everything was loaded (`resyncs`)."""
        counted: dict[str, int] = {table: len(self._tables[table]) for table in _TABLES}
        return counted | {"resyncs": self.loads}

    def drift(self) -> dict[str, int]:
        """Nothing: who follows compares nothing with Asterisk."""
        return {}

    def changes(self, since: int, limit: int | None = None, /) -> ReplicaChanges:
        """What changed after the cursor `since`, about `limit` rows: those of one number stay together."""
        if since < self._remembered_since or since > self._seq or since == 0:
            return ReplicaChanges(seq_from=since + 1, seq_to=since, complete=False, lost=True)
        newer = [*_after(self._changed, since), *_after(self._removed, since)]
        newer.sort(key=lambda change: change[1])
        rows: list[tuple[Table, str, bytes]] = []
        removed: list[tuple[Table, str]] = []
        seq_to = since
        for (table, row_id), seq in newer:
            if limit is not None and len(rows) + len(removed) >= limit and seq > seq_to:
                return ReplicaChanges(
                    seq_from=since + 1, seq_to=seq_to, complete=False, lost=False, rows=rows, removed=removed
                )
            seq_to = seq
            row = self._tables[table].get(row_id)
            if row is None:
                removed.append((table, row_id))
            else:
                rows.append((table, row_id, row))
        return ReplicaChanges(
            seq_from=since + 1, seq_to=self._seq, complete=True, lost=False, rows=rows, removed=removed
        )

    def _ids(self, table: Table) -> Iterable[str]:
        ids = self._sorted[table]
        if ids is None:
            ids = self._sorted[table] = sorted(self._tables[table])
        return ids


def _after(numbered: OrderedDict[Key, int], since: int) -> Iterator[tuple[Key, int]]:
    """The last ones of an order, newest first."""
    for key in reversed(numbered):
        if numbered[key] <= since:
            return
        yield key, numbered[key]
