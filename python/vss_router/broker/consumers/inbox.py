"""What consumers need so that a command has one effect: a memory of what was handled. The database has one."""

from enum import StrEnum
from typing import Protocol

import msgspec

__all__ = ["Claim", "Claimed", "Inbox"]


class Claimed(StrEnum):
    """What came of a claim."""

    YOURS = "yours"
    """Handle it; nobody else will until the lease ends."""
    DONE = "done"
    """It was handled before."""
    BUSY = "busy"
    """Somebody else is at it, or was when they crashed: their lease has not ended."""


class Claim(msgspec.Struct, frozen=True):
    """The answer to `claim`; `token` says that it is ours."""

    claimed: Claimed
    token: str = ""


class Inbox(Protocol):
    """Remembers per consumer which messages were handled. Raises what it likes when it cannot be asked."""

    async def claim(self, consumer: str, message_id: str, lease_seconds: float) -> Claim:
        """Take a message to handle; a claim whose lease has ended counts no more."""

    async def done(self, consumer: str, message_id: str, token: str) -> bool:
        """It was handled. False when the lease had ended and somebody else has claimed it since."""

    async def release(self, consumer: str, message_id: str, token: str) -> None:
        """It was not handled: whoever gets it next may claim it at once."""
