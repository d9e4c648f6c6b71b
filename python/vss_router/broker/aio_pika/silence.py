"""What aiormq logs of our connections' ends, with tracebacks, is not logged: our own sentence says it, once.

Its loggers belong to whoever else uses aiormq in the process. So they are not set to a level: a filter drops what is
known to be said by us, and only of connections made here.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["ours"]

_IS_OURS: ContextVar[bool] = ContextVar("vss_router_aio_pika", default=False)
_SAID_BY_US: Final = (
    "Cancelling cause reader exited abnormally",
    "Unexpected connection close from remote",
    "Server connection %r was stuck",
    "error when creating transport",
    "Closing channel %r ",
    "Consumer %r cancelled by the broker",
    "Got frame for closed channel",
)
"""Beginnings of aiormq's messages."""


@contextmanager
def ours() -> Iterator[None]:
    """Whatever is begun within - aiormq's tasks are - logs nothing that we say ourselves."""
    token = _IS_OURS.set(True)
    try:
        yield
    finally:
        _IS_OURS.reset(token)


def _is_wanted(record: logging.LogRecord) -> bool:
    return not (_IS_OURS.get() and str(record.msg).startswith(_SAID_BY_US))


for _name in ("aiormq.connection", "aiormq.channel"):
    logging.getLogger(_name).addFilter(_is_wanted)
