"""Status out: the readers of live status and the shapes of its rows."""

from vss_router.status.reader import Answer, MemoryReader, StatusReader
from vss_router.status.rows import CallRow, ChannelRow, OperatorRow, QueueRow

__all__ = ["Answer", "CallRow", "ChannelRow", "MemoryReader", "OperatorRow", "QueueRow", "StatusReader"]
