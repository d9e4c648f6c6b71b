"""What the API reads besides rows: the links to the PBXs, and the counters and journals of the boards behind them."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from vss_router.ami.link_status import LinkStatus
from vss_router.status.reader import Board, Table

__all__ = ["ChangeSpan", "CountedBoard", "Links"]

Links: TypeAlias = Callable[[], Mapping[str, LinkStatus]]
"""The links' statuses by source; asked anew by each scrape and each look at the state, never kept."""


class ChangeSpan(Protocol):
    """The rows that changed after some `seq`, each only as it stands now, and the rows that went.

    `seq_to` is the `since` of the next question. `complete` says that nothing more follows now; `lost` that `since`
    is older than what is remembered, so that only a snapshot helps.
    """

    # ruff: disable[D102]
    @property
    def seq_from(self) -> int: ...
    @property
    def seq_to(self) -> int: ...
    @property
    def complete(self) -> bool: ...
    @property
    def lost(self) -> bool: ...
    @property
    def rows(self) -> list[tuple[Table, str, bytes]]:
        """(table, id, JSON)."""

    @property
    def removed(self) -> list[tuple[Table, str]]:
        """(table, id)."""

    # ruff: enable[D102]


class CountedBoard(Board, Protocol):
    """A board with its journal and the differences of its last comparison, as `StatusBoard` is one."""

    def drift(self) -> dict[str, int]:
        """Differences per field that the last comparison with Asterisk found."""

    def changes(self, since: int, limit: int | None = None, /) -> ChangeSpan:
        """Rows that changed after `since`, each as it stands now, and rows that went."""
