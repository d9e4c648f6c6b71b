"""The few fields of a row that a reader looks at; the rest of its JSON stays unread."""

from typing import Final

import msgspec

__all__ = ["CHANNEL", "OPERATOR", "QUEUE", "PartialChannel", "PartialOperator", "PartialQueue"]


class _PartialMembership(msgspec.Struct, frozen=True, gc=False):
    queue: str = ""


class PartialOperator(msgspec.Struct, frozen=True):
    """What operators are found and filtered by."""

    state: str = ""
    extension: str = ""
    memberships: tuple[_PartialMembership, ...] = ()

    @property
    def queues(self) -> tuple[str, ...]:
        """Names of the queues the operator is in."""
        return tuple(membership.queue for membership in self.memberships)


class PartialChannel(msgspec.Struct, frozen=True, gc=False):
    """What channels are found by."""

    name: str = ""


class PartialQueue(msgspec.Struct, frozen=True):
    """Who waits, as it stands there."""

    callers: msgspec.Raw = msgspec.Raw(b"[]")


OPERATOR: Final = msgspec.json.Decoder(PartialOperator)
CHANNEL: Final = msgspec.json.Decoder(PartialChannel)
QUEUE: Final = msgspec.json.Decoder(PartialQueue)
