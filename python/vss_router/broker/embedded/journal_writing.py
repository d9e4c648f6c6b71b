"""When the broker's changes go to the journal: at once for what a publisher waits for, soon for the rest."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vss_router.broker.embedded.changes import Changes
from vss_router.broker.journal import JournalFile
from vss_router.broker.message import Message
from vss_router.errors import JournalError

if TYPE_CHECKING:
    from vss_router.broker.embedded.broker import EmbeddedBroker

__all__ = ["JournalWriting"]

_LOG: Final = logging.getLogger(__name__)
_SOON: Final = 0.01  # seconds
_FIRST_RETRY: Final = 0.1
_LAST_RETRY: Final = 5.0


class JournalWriting:
    """Takes `broker.changes` to the journal. What cannot be written stays, and is written before what comes later."""

    def __init__(self, journal: JournalFile, broker: "EmbeddedBroker", random: Callable[[], float]) -> None:
        self._journal = journal
        self._broker = broker
        self._random = random
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._stopped = False
        self.trouble: str | None = None

    def write_soon(self) -> None:
        """Write what nobody waits for: together with the next publish, or alone a moment later."""
        if self._timer is None and self._task is None and not self._stopped:
            self._timer = asyncio.get_running_loop().call_later(_SOON, self._begin)

    async def write_now(self) -> None:
        """Write all changes; raises JournalError when they are not on disk, and goes on trying."""
        changes = self._take()
        if changes:
            await self._write(changes)

    async def write_published(self, messages: Sequence[Message]) -> tuple[str, set[int]] | None:
        """Write what these messages changed. None, or why not, and the ids of those that were given up."""
        changes = self._take()
        try:
            await self._write(changes, keep=False)
        except JournalError as error:
            # Nothing that was not written is confirmed, and what is not confirmed must not be delivered twice.
            given_up = changes.take_back({id(message) for message in messages})
            self._keep(changes)
            self._broker.take_back()
            return str(error), {id(entry.message) for entry in given_up}
        return None

    async def stop(self, seconds: float) -> None:
        """Write what is left, for so long."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(JournalError, TimeoutError):
            await asyncio.wait_for(self.write_now(), seconds)

    def _take(self) -> Changes:
        changes, self._broker.changes = self._broker.changes, Changes()
        return changes

    def _keep(self, changes: Changes) -> None:
        changes.put_before(self._broker.changes)
        if changes.definitions:
            # A later write may be on its way or on disk that tells of the same queue: they would come out of order.
            changes.definitions = self._broker.definitions()
        self._broker.changes = changes
        if changes:
            self.write_soon()

    async def _write(self, changes: Changes, *, keep: bool = True) -> None:
        try:
            await self._journal.append(changes.writes())
        except asyncio.CancelledError:
            # Nobody will be told how it ended: it is written once more, which changes nothing if it was written.
            self._keep(changes)
            raise
        except JournalError as error:
            self._failures += 1
            self.trouble = str(error)
            if keep:
                self._keep(changes)
            raise
        self._failures = 0
        self.trouble = None

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._write_until_done())

    async def _write_until_done(self) -> None:
        try:
            while self._broker.changes:
                try:
                    await self.write_now()
                except JournalError:
                    longest = min(_FIRST_RETRY * 2**self._failures, _LAST_RETRY)
                    await asyncio.sleep(longest * (0.5 + self._random() / 2))
        finally:
            self._task = None
