"""Names of exchanges and queues as AMQP has them: any UTF-8 of at most 255 bytes.

pamqp, which writes aiormq's frames, lets only names of Latin letters, digits and a few signs through; RabbitMQ and the
compiled core have no such bound.
"""

import re
from typing import Final, Self

from vss_router.broker.aio_pika.faults import Fault, FaultError
from vss_router.broker.amqp_limits import is_short_text

__all__ = ["wire_name"]

_LONGEST_PLAIN: Final = 127  # of an exchange; pamqp lets those of queues be longer
_ODD: Final = re.compile(r"[^a-zA-Z0-9_.:@#,/+ -]")


class _Name(str):
    """To those who check it a plain name, on the wire the one that is meant."""

    __slots__ = ("_meant",)
    _meant: str

    def __new__(cls, meant: str) -> Self:
        name = super().__new__(cls, _ODD.sub("_", meant)[:_LONGEST_PLAIN])
        name._meant = meant
        return name

    def __str__(self) -> str:  # aiormq asks for it and would get the plain name alone
        return self

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self._meant.encode(encoding, errors)


def wire_name(text: str) -> str:
    """A name to give to aiormq. Raises FaultError for one that AMQP cannot carry."""
    if not is_short_text(text):
        size = len(text.encode(errors="replace"))
        raise FaultError(Fault("answered", text=f"a name has at most 255 bytes of UTF-8, this one {size}"))
    return text if len(text) <= _LONGEST_PLAIN and not _ODD.search(text) else _Name(text)
