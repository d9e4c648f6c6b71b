"""The sessions a fake Asterisk serves, and the faults a test can order on them."""

import asyncio

from vss_router.ami.replay_link import Link, Valve

__all__ = ["ServedLinks"]


class ServedLinks:
    """Base of the fake Asterisks: their present links, and what can go wrong with all of them at once."""

    def __init__(self) -> None:
        self._valve = Valve()
        self._links: set[Link] = set()
        self._somebody_reads = asyncio.Event()

    def cut(self) -> None:
        """Cut every connection at once, as a broken network does; new ones are taken."""
        for link in list(self._links):
            link.abort()

    def stall(self) -> None:
        """Stop reading and writing on every connection, present and to come, until `resume`; play goes on."""
        self._valve.shut()

    def resume(self) -> None:
        """End a stall: what was held back goes out."""
        self._valve.open()

    def half_open(self) -> None:
        """Leave every present connection open and answer nothing on it ever again; new ones are served."""
        for link in self._links:
            link.forsake()
        self._count_readers()

    def _count_readers(self) -> None:
        if any(link.reads_events for link in self._links):
            self._somebody_reads.set()
        else:
            self._somebody_reads.clear()
