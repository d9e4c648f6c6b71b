"""A board that holds whatever rows a test gives it, for what real captures do not show: several PBXs, odd ids."""

from collections.abc import Iterable
from typing import Any

import msgspec

from vss_router.api.examples import CALL, CHANNEL, OPERATOR, QUEUE
from vss_router.status.reader import Table

JSON = msgspec.json.encode


class SpanDouble:
    """Changes as a board tells them."""

    def __init__(self, seq_from: int, seq_to: int, *, complete: bool, lost: bool = False) -> None:
        self.seq_from, self.seq_to, self.complete, self.lost = seq_from, seq_to, complete, lost
        self.rows: list[tuple[Table, str, bytes]] = []
        self.removed: list[tuple[Table, str]] = []


class BoardDouble:
    """Rows by table and id, with the surface that `MemoryReader` and the API use."""

    def __init__(
        self,
        source: str = "main",
        *,
        operators: Iterable[dict[str, Any]] = (),
        channels: Iterable[dict[str, Any]] = (),
        calls: Iterable[dict[str, Any]] = (),
        queues: Iterable[dict[str, Any]] = (),
        seq: int = 1,
        as_of: str = "2026-11-21T19:49:21.084Z",
        resyncs: int = 1,
    ) -> None:
        self.source, self.seq, self.as_of, self.resyncs = source, seq, as_of, resyncs
        self.forgotten = seq
        """Before this the journal tells nothing."""
        self._journal: dict[tuple[Table, str], int] = {}
        self.tables: dict[Table, dict[str, dict[str, Any]]] = {
            "operators": {row["id"]: row | {"source": source} for row in operators},
            "channels": {row["id"]: row | {"source": source} for row in channels},
            "calls": {row["id"]: row | {"source": source} for row in calls},
            "queues": {row["name"]: row | {"source": source} for row in queues},
        }

    def operator(self, key: str, /) -> bytes | None:
        by_extension = {row["extension"]: row for row in self.tables["operators"].values()}
        row = self.tables["operators"].get(key) or by_extension.get(key)
        return None if row is None else JSON(row)

    def channel(self, key: str, /) -> bytes | None:
        return self._row("channels", key)

    def call(self, key: str, /) -> bytes | None:
        return self._row("calls", key)

    def queue(self, key: str, /) -> bytes | None:
        return self._row("queues", key)

    def callers(self, key: str, /) -> bytes | None:
        row = self.tables["queues"].get(key)
        return None if row is None else JSON(row["callers"])

    def rows(
        self,
        table: Table,
        *,
        state: str | None = None,
        queue: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[tuple[str, bytes]]:
        chosen = [
            (key, JSON(row))
            for key, row in sorted(self.tables[table].items())
            if (after is None or key > after)
            and (state is None or row["state"] == state)
            and (queue is None or any(membership["queue"] == queue for membership in row["memberships"]))
        ]
        return chosen[:limit]

    def snapshot(self) -> bytes:
        rows = {table: list(self.tables[table].values()) for table in self.tables}
        return JSON({"source": self.source, "seq": self.seq, "as_of": self.as_of} | rows)

    def stats(self) -> dict[str, int]:
        waiting = sum(len(queue["callers"]) for queue in self.tables["queues"].values())
        rows: dict[str, int] = {table: len(found) for table, found in self.tables.items()}
        by_hand = sum(row.get("manual", False) for found in self.tables.values() for row in found.values())
        counted = {"callers": waiting, "resyncs": self.resyncs, "by_hand": by_hand}
        return rows | counted | {"messages": 70, "events_applied": 50}

    def change(self, table: Table, row: dict[str, Any]) -> int:
        """Put a row there as a fact would; gives its `seq`."""
        self.seq += 1
        key = row["name" if table == "queues" else "id"]
        self.tables[table][key] = row | {"source": self.source, "seq": self.seq}
        self._note(table, key)
        return self.seq

    def remove(self, table: Table, key: str) -> int:
        """Take a row away as a fact would; gives the `seq` of that."""
        self.seq += 1
        del self.tables[table][key]
        self._note(table, key)
        return self.seq

    def changes(self, since: int, limit: int | None = None, /) -> "SpanDouble":
        if since < self.forgotten or since > self.seq:
            return SpanDouble(since + 1, since, complete=False, lost=True)
        later = sorted((seq, where) for where, seq in self._journal.items() if seq > since)
        told = later[:limit]
        span = SpanDouble(since + 1, told[-1][0] if len(told) < len(later) else self.seq, complete=told == later)
        for _, (table, key) in told:
            row = self.tables[table].get(key)
            if row is None:
                span.removed.append((table, key))
            else:
                span.rows.append((table, key, JSON(row)))
        return span

    def _note(self, table: Table, key: str) -> None:
        self._journal[table, key] = self.seq

    def drift(self) -> dict[str, int]:
        return {"member.paused": 2}

    def _row(self, table: Table, key: str) -> bytes | None:
        row = self.tables[table].get(key)
        return None if row is None else JSON(row)


def operator(key: str, *, state: str = "available", queues: Iterable[str] = ("support",)) -> dict[str, Any]:
    """An operator's row; the extension is what follows the last slash."""
    memberships = [OPERATOR["memberships"][0] | {"queue": queue, "interface": key} for queue in queues]
    return OPERATOR | {"id": key, "extension": key.rpartition("/")[2], "state": state, "memberships": memberships}


def channel(key: str) -> dict[str, Any]:
    return CHANNEL | {"id": key}


def call(key: str) -> dict[str, Any]:
    return CALL | {"id": key}


def queue(name: str) -> dict[str, Any]:
    return QUEUE | {"name": name}
