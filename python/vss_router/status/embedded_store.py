"""The store of the boards in this process: rows by hand lie over what Asterisk says, until it says something new."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol, final

from vss_router._core import Batch
from vss_router.errors import StatusUnavailableError
from vss_router.status.manual_rows import (
    ChannelChange,
    ManualRow,
    OperatorChange,
    QueueChange,
    channel_row,
    operator_row,
    queue_row,
    row_id_of,
)
from vss_router.status.questions import ambiguous, no_source_chosen, unknown_source
from vss_router.status.reader import MemoryReader
from vss_router.status.reader_protocols import Answer, Board, Table

__all__ = ["EmbeddedStore", "WritableBoard"]

_TABLES: Final[tuple[Table, ...]] = ("operators", "channels", "calls", "queues")


class WritableBoard(Board, Protocol):
    """What the store needs of a `StatusBoard`, which documents it."""

    # ruff: disable[D102]
    def set_row(
        self,
        table: Table,
        id: str,  # noqa: A002 - the core's parameter
        row: bytes,
        *,
        state: str = ...,
        queues: tuple[str, ...] = ...,
        extension: str = ...,
        name: str = ...,
        now: float,
    ) -> Batch: ...
    def remove_row(self, table: Table, id: str, now: float) -> bool: ...  # noqa: A002
    def clear(self, now: float) -> int: ...

    # ruff: enable[D102]


@final
class EmbeddedStore(MemoryReader):
    """A `StatusStore` over boards: `MemoryReader` does the reading.

    Parameters
    ----------
    boards
        By source; looked at anew by each question.
    is_stale
        As for `MemoryReader`.
    publish
        Gets the typed events that a row by hand brings, with their source.
    now
        Unix seconds.
    """

    def __init__(
        self,
        boards: Mapping[str, WritableBoard],
        is_stale: Callable[[str], bool] | None = None,
        *,
        publish: Callable[[str, Batch], None] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(boards, is_stale)
        self._writable = boards
        self._publish = publish
        self._now = now

    async def set_operator(self, operator_id: str, change: OperatorChange, source: str | None = None) -> Answer:
        """Set an operator by id, or one that stands by its extension; gives back the `OperatorRow` as it stands now."""
        name, board = self._place("operator", operator_id, source)
        standing = board.operator(operator_id)
        row_id = operator_id if standing is None else row_id_of(standing)
        return self._set(name, board, operator_row(name, row_id, change, standing, self._moment()))

    async def set_channel(self, channel_id: str, change: ChannelChange, source: str | None = None) -> Answer:
        """Set a channel by Uniqueid, or one that stands by its name; gives back the `ChannelRow`."""
        name, board = self._place("channel", channel_id, source)
        standing = board.channel(channel_id)
        row_id = channel_id if standing is None else row_id_of(standing)
        return self._set(name, board, channel_row(name, row_id, change, standing, self._moment()))

    async def set_queue(self, name: str, change: QueueChange, source: str | None = None) -> Answer:
        """Set a queue; gives back the `QueueRow`."""
        pbx, board = self._place("queue", name, source)
        return self._set(pbx, board, queue_row(pbx, name, change, board.queue(name), self._moment()))

    async def remove_operator(self, operator_id: str, source: str | None = None) -> bool:
        """Remove an operator; false when there is none."""
        _, board = self._place("operator", operator_id, source)
        standing = board.operator(operator_id)
        return standing is not None and board.remove_row("operators", row_id_of(standing), self._now())

    async def remove_channel(self, channel_id: str, source: str | None = None) -> bool:
        """Remove a channel; false when there is none."""
        _, board = self._place("channel", channel_id, source)
        standing = board.channel(channel_id)
        return standing is not None and board.remove_row("channels", row_id_of(standing), self._now())

    async def remove_queue(self, name: str, source: str | None = None) -> bool:
        """Remove a queue; false when there is none."""
        _, board = self._place("queue", name, source)
        return board.remove_row("queues", name, self._now())

    async def clear(self, source: str | None = None) -> int:
        """Remove every row of a PBX, of all of them without `source`; how many."""
        boards = self._writable.values() if source is None else (self._board(source),)
        return sum(board.clear(self._now()) for board in boards)

    async def counts(self, source: str) -> dict[Table, int]:
        """How many rows of each table there are."""
        counted = self._board(source).stats()
        return {table: counted[table] for table in _TABLES}

    def _board(self, source: str) -> WritableBoard:
        board = self._writable.get(source)
        if board is None:
            raise unknown_source(source, self._writable)
        return board

    def _place(self, kind: str, key: str, source: str | None) -> tuple[str, WritableBoard]:
        """The board a row belongs to: the named one, the only one, or the one where it stands."""
        if source is not None:
            return source, self._board(source)
        if not self._writable:
            raise StatusUnavailableError("No PBX is set up, so there is no status to set: name one with `--ami`.")
        if len(self._writable) == 1:
            return next(iter(self._writable.items()))
        found = [(name, board) for name, board in self._writable.items() if getattr(board, kind)(key) is not None]
        if len(found) > 1:
            raise ambiguous(kind, key, tuple(sorted(name for name, _ in found)))
        if not found:
            raise no_source_chosen(self._writable)
        return found[0]

    def _set(self, source: str, board: WritableBoard, row: ManualRow) -> Answer:
        batch = board.set_row(
            row.table,
            row.id,
            row.body,
            state=row.state,
            queues=row.queues,
            extension=row.extension,
            name=row.name,
            now=self._now(),
        )
        if self._publish is not None:
            self._publish(source, batch)
        body = getattr(board, row.table.removesuffix("s"))(row.id)
        return self._answer_of(source, board, body)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)
