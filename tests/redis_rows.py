"""Writes rows to a Redis as docs/redis.md lays them out, for tests of what reads them."""

from typing import Any

import msgspec

from tests.services.redis_server import RedisServer
from vss_router.status.reader_protocols import Table
from vss_router.status.redis.keys import SourceKeys, sources_key

JSON = msgspec.json.encode
TABLES: tuple[Table, ...] = ("operators", "channels", "queues", "calls")


class RedisRows:
    """One router's writer without a board: each `put` is a flush of its own."""

    def __init__(
        self,
        server: RedisServer,
        source: str = "main",
        *,
        prefix: str = "queue",
        seq: int = 100,
        state: str = "live",
        as_of: str = "2026-11-21T19:49:21.084Z",
    ) -> None:
        self.client = server.client()
        self.source, self.seq, self.as_of, self.state = source, seq, as_of, state
        self.prefix, self.keys = prefix, SourceKeys(prefix, source)
        self.rows: dict[tuple[Table, str], dict[str, Any]] = {}

    def begin(self) -> None:
        """Take the lease, name the source, write `meta`."""
        self.client.set(self.keys.writer, "1:double", px=60_000)
        self.describe(self.state)
        self.client.sadd(sources_key(self.prefix), self.source)

    def describe(self, state: str) -> None:
        self.state = state
        self.client.hset(
            self.keys.meta,
            mapping={"seq": self.seq, "as_of": self.as_of, "state": state, "epoch": 1, "writer": "double"},
        )

    def put(self, table: Table, *rows: dict[str, Any], announce: bool = True) -> None:
        first = self.seq + 1
        ids = []
        for row in rows:
            row_id = row["name"] if table == "queues" else row["id"]
            self.seq += 1
            whole = row | {"source": self.source, "seq": self.seq}
            self.rows[table, row_id] = whole
            ids.append(row_id)
            self.client.set(self.keys.row(table, row_id.encode()), JSON(whole), ex=3600)
            self.client.sadd(self.keys.indexes[table], row_id)
            for membership in row.get("memberships", ()):
                self.client.sadd(self.keys.members(membership["queue"].encode()), row_id)
        self.describe(self.state)
        if announce:
            self.announce(first, self.seq, {table: ids})

    def remove(self, table: Table, row_id: str) -> None:
        self.seq += 1
        self.rows.pop((table, row_id))
        self.client.delete(self.keys.row(table, row_id.encode()))
        self.client.srem(self.keys.indexes[table], row_id)
        self.describe(self.state)
        self.announce(self.seq, self.seq, {table: [row_id]})

    def announce(self, seq_from: int, seq_to: int, ids: dict[Table, list[str]] | None) -> None:
        """An entry of `changes`; None: everything was written anew."""
        rows = "*" if ids is None else JSON({table: ids.get(table, []) for table in TABLES}).decode()
        self.client.xadd(self.keys.changes, {"seq_from": seq_from, "seq_to": seq_to, "rows": rows})

    def lose_lease(self) -> None:
        self.client.delete(self.keys.writer)

    def close(self) -> None:
        self.client.close()


def ids_of(body: bytes) -> list[str]:
    items: list[dict[str, Any]] = msgspec.json.decode(body)["items"]
    return [row["id"] if "id" in row else row["name"] for row in items]
