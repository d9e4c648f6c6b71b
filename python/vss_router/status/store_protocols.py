"""What every store of status is: a reader whose rows can also be set and removed by hand."""

from typing import Protocol

from vss_router.status.manual_rows import ChannelChange, OperatorChange, QueueChange
from vss_router.status.reader_protocols import Answer, StatusReader, Table

__all__ = ["StatusStore"]


class StatusStore(StatusReader, Protocol):
    """Rows by hand, for tests and integrations.

    A change names the fields it sets; the others stay as they stand, or get a neutral value where no row stood. The row
    is marked `manual` and is replaced by the next fact that Asterisk tells about it.

    Raises
    ------
    AmbiguousSourceError
        There are several PBXs, and neither `source` nor the row that stands picks one.
    StatusQueryError
        An unknown `source`, an empty id, or a field with a value that no row may have.
    RedisUnavailableError
        The rows are in Redis, and it does not answer or refuses.
    """

    async def set_operator(self, operator_id: str, change: OperatorChange, source: str | None = None) -> Answer:
        """Set an operator by id, or one that stands by its extension; gives back the `OperatorRow` as it stands now."""

    async def set_channel(self, channel_id: str, change: ChannelChange, source: str | None = None) -> Answer:
        """Set a channel by Uniqueid, or one that stands by its name; gives back the `ChannelRow`."""

    async def set_queue(self, name: str, change: QueueChange, source: str | None = None) -> Answer:
        """Set a queue; gives back the `QueueRow`."""

    async def remove_operator(self, operator_id: str, source: str | None = None) -> bool:
        """Remove an operator; false when there is none."""

    async def remove_channel(self, channel_id: str, source: str | None = None) -> bool:
        """Remove a channel; false when there is none."""

    async def remove_queue(self, name: str, source: str | None = None) -> bool:
        """Remove a queue; false when there is none."""

    async def clear(self, source: str | None = None) -> int:
        """Remove every row of a PBX, of all of them without `source`; how many."""

    async def counts(self, source: str) -> dict[Table, int]:
        """How many rows of each table there are."""
