"""The few fields of a row that a reader looks at; the rest of its JSON stays unread."""

from typing import Final

import msgspec

__all__ = ["CHANNEL", "OPERATOR", "QUEUE", "PartialChannel", "PartialOperator", "PartialQueue", "extension_of"]


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


def extension_of(operator_id: str) -> str:
    """The number in an interface: `1001` of `PJSIP/1001`, `Local/1001@queues/n` and `Agent:1001`."""
    places = [place for mark in "/:" if (place := operator_id.find(mark)) >= 0]
    number = operator_id[min(places) + 1 :] if places else operator_id
    return number.partition("@")[0].partition("/")[0]
