"""A store over boards that are doubles: rows by hand are put together as a real store does, and stand at once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.board_double import BoardDouble
from vss_router.errors import AmbiguousSourceError, StatusQueryError
from vss_router.status import MemoryReader
from vss_router.status.manual_rows import (
    ChannelChange,
    ManualRow,
    OperatorChange,
    QueueChange,
    channel_row,
    operator_row,
    queue_row,
)
from vss_router.status.reader import Answer, Table

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)


class StoreDouble(MemoryReader):
    def __init__(self, boards: Mapping[str, BoardDouble]) -> None:
        super().__init__(boards)
        self.held = boards

    async def set_operator(self, operator_id: str, change: OperatorChange, source: str | None = None) -> Answer:
        board = self._one_board(source)
        return self._set(board, operator_row(board.source, operator_id, change, board.operator(operator_id), NOW))

    async def set_channel(self, channel_id: str, change: ChannelChange, source: str | None = None) -> Answer:
        board = self._one_board(source)
        return self._set(board, channel_row(board.source, channel_id, change, board.channel(channel_id), NOW))

    async def set_queue(self, name: str, change: QueueChange, source: str | None = None) -> Answer:
        board = self._one_board(source)
        return self._set(board, queue_row(board.source, name, change, board.queue(name), NOW))

    async def remove_operator(self, operator_id: str, source: str | None = None) -> bool:
        return self._remove("operators", operator_id, source)

    async def remove_channel(self, channel_id: str, source: str | None = None) -> bool:
        return self._remove("channels", channel_id, source)

    async def remove_queue(self, name: str, source: str | None = None) -> bool:
        return self._remove("queues", name, source)

    async def clear(self, source: str | None = None) -> int:
        boards = list(self.held.values()) if source is None else [self._one_board(source)]
        keys = [(board, table, key) for board in boards for table, rows in board.tables.items() for key in list(rows)]
        for board, table, key in keys:
            board.remove(table, key)
        return len(keys)

    async def counts(self, source: str) -> dict[Table, int]:
        return {table: len(rows) for table, rows in self.held[source].tables.items()}

    def _set(self, board: BoardDouble, row: ManualRow) -> Answer:
        decoded: dict[str, Any] = msgspec.json.decode(row.body)
        board.change(row.table, decoded | {"as_of": board.as_of})
        (body,) = [body for key, body in board.rows(row.table) if key == row.id]
        return Answer(
            body=body,
            as_of=board.as_of,
            position=f"{board.source}:{board.seq}",
            seq=board.seq,
            stale=False,
            source=board.source,
        )

    def _remove(self, table: Table, key: str, source: str | None) -> bool:
        board = self._one_board(source)
        if key not in board.tables[table]:
            return False
        board.remove(table, key)
        return True

    def _one_board(self, source: str | None) -> BoardDouble:
        if source is None:
            if len(self.held) > 1:
                raise AmbiguousSourceError("There are several PBXs: choose one by `source`.", tuple(self.held))
            return next(iter(self.held.values()))
        if source not in self.held:
            raise StatusQueryError("source", f"No PBX is called {source!r}.")
        return self.held[source]
