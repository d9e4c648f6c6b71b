"""What the API reads besides rows: the links to the PBXs, and the counters of the boards behind them."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from vss_router.ami.link_status import LinkStatus
from vss_router.status.reader import Board

__all__ = ["CountedBoard", "Links"]

Links: TypeAlias = Callable[[], Mapping[str, LinkStatus]]
"""The links' statuses by source; asked anew by each scrape and each look at the state, never kept."""


class CountedBoard(Board, Protocol):
    """A board with the differences of its last comparison, as `StatusBoard` is one."""

    def drift(self) -> dict[str, int]:
        """Differences per field that the last comparison with Asterisk found."""
