"""What every reader of live status is and gives: `StatusReader`, `Answer`, and the `Board` behind the memory reader."""

from collections.abc import Awaitable
from typing import Literal, Protocol, TypeAlias, TypeVar

import msgspec

__all__ = ["Answer", "Board", "Maybe", "SourceOfTruth", "StatusReader", "Table"]

SourceOfTruth = Literal["memory", "redis", "database"]
Table = Literal["operators", "channels", "calls", "queues"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader found.

    `body` is JSON in UTF-8. `as_of` is the time of the newest fact behind it (ISO 8601, UTC), of several PBXs the one
    that is furthest behind. `position` is `main:123`, for several PBXs `main:123,b:45`; `seq` the bare number when
    there is one PBX. `stale` says that a PBX behind the answer is unreachable or not yet synchronized: what is shown
    was true at `as_of`. `source` is None when several PBXs answered together. `version` comes with a snapshot: equal
    versions have equal rows.
    """

    body: bytes
    as_of: str
    position: str
    seq: int | None
    stale: bool
    source: str | None
    source_of_truth: SourceOfTruth = "memory"
    version: str | None = None


class Board(Protocol):
    """What a reader needs of a `StatusBoard`, which documents it."""

    # ruff: disable[D102]
    @property
    def seq(self) -> int: ...
    @property
    def as_of(self) -> str: ...
    def operator(self, key: str, /) -> bytes | None: ...
    def channel(self, key: str, /) -> bytes | None: ...
    def call(self, key: str, /) -> bytes | None: ...
    def queue(self, key: str, /) -> bytes | None: ...
    def callers(self, key: str, /) -> bytes | None: ...
    def rows(
        self,
        table: Table,
        *,
        state: str | None = None,
        queue: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[tuple[str, bytes]]: ...
    def snapshot(self) -> bytes: ...
    def stats(self) -> dict[str, int]: ...

    # ruff: enable[D102]


_T = TypeVar("_T")
Maybe: TypeAlias = _T | Awaitable[_T]
"""Memory answers at once; a reader that asks a server answers with something to await."""


class StatusReader(Protocol):
    """One surface for every source of truth.

    A single row that does not exist is None, as is an unknown queue.

    Raises
    ------
    AmbiguousSourceError
        The id stands in more than one PBX and no `source` picks one.
    StatusQueryError
        An unknown `source` or `state`, a `limit` out of bounds, a `cursor` that is none.
    StatusUnavailableError
        None of the PBXs asked about has been synchronized yet.
    """

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the PBXs, in order."""

    def operator(self, operator_id: str, source: str | None = None) -> Maybe[Answer | None]:
        """One operator by id (`PJSIP/1001`) or extension (`1001`): an `OperatorRow`."""

    def channel(self, channel_id: str, source: str | None = None) -> Maybe[Answer | None]:
        """One channel by Uniqueid or channel name: a `ChannelRow`."""

    def call(self, call_id: str, source: str | None = None) -> Maybe[Answer | None]:
        """One call by Linkedid: a `CallRow`."""

    def queue(self, name: str, source: str | None = None) -> Maybe[Answer | None]:
        """One queue by name: a `QueueRow`."""

    def callers(self, queue: str, source: str | None = None) -> Maybe[Answer | None]:
        """Who waits in a queue, first in line first: `{"items": [Caller, …], "next_cursor": null}`."""

    def operators(
        self,
        *,
        state: str | None = None,
        queue: str | None = None,
        source: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Maybe[Answer]:
        """Operators in order of source and id, those in `state` and members of `queue`: `OperatorRow`s."""

    def channels(
        self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Maybe[Answer]:
        """Channels in order of source and id: `ChannelRow`s."""

    def calls(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Maybe[Answer]:
        """Calls in order of source and id, those that ended a moment ago too: `CallRow`s."""

    def queues(
        self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Maybe[Answer]:
        """Queues in order of source and name: `QueueRow`s."""

    def snapshot(self, source: str | None = None) -> Maybe[Answer]:
        """Everything at one `seq`: a `SourceSnapshot`, or `{"sources": {name: SourceSnapshot}}` of several PBXs."""
