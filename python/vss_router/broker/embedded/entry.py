"""One message in one queue."""

from vss_router.broker.message import Message

__all__ = ["Entry"]


class Entry:
    """A message with its place (`seq`: smaller ones came before), its end, and whether the journal is to have it."""

    __slots__ = ("expires_at", "gone", "message", "redelivered", "seq", "stored")

    def __init__(self, seq: int, message: Message, expires_at: float | None, *, stored: bool) -> None:
        self.seq = seq
        self.message = message
        self.expires_at = expires_at
        """Unix time."""
        self.redelivered = False
        self.stored = stored
        self.gone = False
        """Taken back: the journal could not keep it, and its publisher was told."""

    def __lt__(self, other: "Entry") -> bool:
        return self.seq < other.seq
