"""What a stream of changes is read from: `ChangeFeed`, and the feed of the boards in this process."""

from collections.abc import Callable, Mapping
from typing import Protocol, final

from vss_router.api.links import ChangeSpan, CountedBoard
from vss_router.errors import StatusUnavailableError
from vss_router.status.questions import unknown_source

__all__ = ["BoardFeed", "ChangeFeed"]


class ChangeFeed(Protocol):
    """A journal of changes per PBX: of boards in this process, or of a replica that follows another's.

    Asked many times a second from the event loop, so every answer comes out of memory.

    Raises
    ------
    StatusQueryError
        There is no such source.
    StatusUnavailableError
        Nothing is known of the source yet (`snapshot`).
    """

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the PBXs, in order."""

    def seq(self, source: str) -> int:
        """The sequence number of the newest change."""

    def changes(self, source: str, since: int, limit: int) -> ChangeSpan:
        """What changed after `since`, at most `limit` rows in order of their `seq`."""

    def snapshot(self, source: str) -> tuple[int, bytes]:
        """All rows at one `seq`, and that `seq`: a `SourceSnapshot` as JSON."""


@final
class BoardFeed:
    """The boards of this process as a `ChangeFeed`; `boards` is looked at anew by each question.

    `is_stale` tells whether a source's link is down or not yet synchronized, as for `MemoryReader`.
    """

    def __init__(self, boards: Mapping[str, CountedBoard], is_stale: Callable[[str], bool] | None = None) -> None:
        self._boards = boards
        self._is_stale = is_stale

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the PBXs, in order."""
        return tuple(sorted(self._boards))

    def seq(self, source: str) -> int:
        """The sequence number of the newest change."""
        return self._board(source).seq

    def changes(self, source: str, since: int, limit: int) -> ChangeSpan:
        """What changed after `since`, at most `limit` rows in order of their `seq`."""
        return self._board(source).changes(since, limit)

    def snapshot(self, source: str) -> tuple[int, bytes]:
        """All rows at one `seq`, and that `seq`."""
        board = self._board(source)
        if self._is_stale is not None and self._is_stale(source) and not _holds_anything(board):
            raise StatusUnavailableError(
                f"Nothing is known yet of {source}: wait until the router has synchronized with Asterisk (see /ready)."
            )
        # Read before the rows: a change in between is told twice rather than never.
        seq = board.seq
        return seq, board.snapshot()

    def _board(self, source: str) -> CountedBoard:
        board = self._boards.get(source)
        if board is None:
            raise unknown_source(source, self.sources)
        return board


def _holds_anything(board: CountedBoard) -> bool:
    counted = board.stats()
    return counted.get("resyncs", 0) > 0 or any(
        counted.get(table, 0) > 0 for table in ("operators", "channels", "calls", "queues")
    )
