"""What the API needs of the writers to Redis, of whoever can count rows elsewhere, and of links that can compare."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias

from vss_router.status.reader_protocols import Table

__all__ = ["Comparing", "Counters", "RedisWriter", "RowCounter", "WriterState", "WriterStatus", "Writers"]

WriterState = Literal["idle", "connecting", "standby", "writing", "refused", "stopped"]


class WriterStatus(Protocol):
    """`_core.WriterStatus`, which documents it."""

    # ruff: disable[D102]
    @property
    def state(self) -> WriterState: ...
    @property
    def trouble(self) -> str | None: ...
    @property
    def epoch(self) -> int: ...
    @property
    def holder(self) -> str | None: ...
    @property
    def seq(self) -> int: ...
    @property
    def behind(self) -> int: ...
    @property
    def rows_written(self) -> int: ...
    @property
    def flushes(self) -> int: ...
    @property
    def connects(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def fenced(self) -> int: ...
    @property
    def rewrites_done(self) -> int: ...

    # ruff: enable[D102]


class RedisWriter(Protocol):
    """`_core.StatusWriter`, which documents it."""

    def status(self) -> WriterStatus:
        """What it is doing now."""

    def rewrite(self) -> int:
        """Ask for everything to be written anew; done when `rewrites_done` reaches the number given."""


Writers: TypeAlias = Callable[[], Mapping[str, RedisWriter]]
"""The writers by source; asked anew each time."""


class RowCounter(Protocol):
    """Knows how many rows Redis, or the database, holds."""

    async def counts(self, source: str) -> Mapping[Table, int]:
        """Rows by table."""


Counters: TypeAlias = Mapping[Literal["redis", "database"], RowCounter]


class Comparing(Protocol):
    """A link that can compare its board with Asterisk, as `AmiLink` can."""

    async def resync(self, reason: str = "asked") -> dict[str, int]:
        """Compare now; gives the differences by field.

        Raises
        ------
        AmiError
            There is no connection, or it ended meanwhile.
        """
