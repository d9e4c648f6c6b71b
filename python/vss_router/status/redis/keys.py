"""The names of all keys in Redis; docs/redis.md shows them as a table.

Every key of a PBX holds its name in braces, so that a Cluster keeps them all on one node and one call can change them
together. Ids are used as they are, whatever characters they hold.
"""

import re
from typing import Final, final

from vss_router.status.reader_protocols import Table

__all__ = ["SourceKeys", "sources_key"]

_ROW: Final[dict[Table, str]] = {"operators": "operator", "channels": "channel", "calls": "call", "queues": "queue"}
_MEMBERS: Final = b":operators"
_ESCAPED: Final = re.compile(rb"%([25]*3Aoperators)\Z")


def sources_key(prefix: str) -> bytes:
    """The set of the PBXs' names."""
    return f"{prefix}:sources".encode()


def _in_key(queue: bytes) -> bytes:
    # The row of a queue "a:operators" would have the name of the set of a's operators.
    if queue.endswith(_MEMBERS):
        return queue[: -len(_MEMBERS)] + b"%3Aoperators"
    return _ESCAPED.sub(rb"%25\1", queue)


@final
class SourceKeys:
    """The keys of one PBX, as bytes."""

    __slots__ = ("_rows", "base", "changes", "indexes", "meta", "writer")

    def __init__(self, prefix: str, source: str) -> None:
        self.base: Final = f"{prefix}:{{{source}}}:".encode()
        self._rows: Final = {table: self.base + word.encode() + b":" for table, word in _ROW.items()}
        self.indexes: Final[dict[Table, bytes]] = {table: self.base + table.encode() for table in _ROW}
        self.meta: Final = self.base + b"meta"
        self.changes: Final = self.base + b"changes"
        self.writer: Final = self.base + b"writer"

    def row(self, table: Table, row_id: bytes) -> bytes:
        """The row of an id (of a queue its name), in UTF-8."""
        return self._rows[table] + (_in_key(row_id) if table == "queues" else row_id)

    def members(self, queue: bytes) -> bytes:
        """The set of a queue's operators."""
        return self._rows["queues"] + _in_key(queue) + _MEMBERS
