"""What a broker's answer means for a message, for who waits for it, and for the disk."""

from collections.abc import Callable
from typing import final

from vss_router.broker.message import Confirm, Outcome
from vss_router.broker.outbox.entry import Entry, sequence_of
from vss_router.broker.outbox.marks import Marks
from vss_router.broker.outbox.stats import OutboxStats
from vss_router.broker.outbox.troubles import Troubles
from vss_router.broker.outbox.window import Window
from vss_router.errors import MessageError, OutboxFullError, UnroutableError

__all__ = ["Settling"]


@final
class Settling:
    """Takes the answers. `forgettable` and `dying` collect what is to be done on disk, for `Tidying`.

    `forgettable` has positions and sizes only: a disk that deletes nothing must not keep its messages in memory too.
    """

    def __init__(
        self,
        window: Window,
        marks: Marks,
        stats: OutboxStats,
        troubles: Troubles,
        *,
        now: Callable[[], float],
    ) -> None:
        self._window = window
        self._marks = marks
        self._stats = stats
        self._troubles = troubles
        self._now = now
        self.forgettable: list[tuple[int, int]] = []
        self.dying: list[tuple[Entry, str]] = []

    def answered(self, entries: list[Entry], confirms: list[Confirm]) -> None:
        """The broker answered these; none of the answers is LOST."""
        done: list[Entry] = []
        for entry, confirm in zip(entries, confirms, strict=True):
            match confirm.outcome:
                case Outcome.CONFIRMED:
                    self._stats.confirmed += 1
                    entry.succeed()
                case Outcome.NACKED:
                    self._stats.nacked += 1
                    if not self._told_full(entry, _readable(confirm.reason)):
                        self._window.hold(entry, self._now())
                        self._troubles.happened("nacked", _readable(confirm.reason))
                        continue
                case Outcome.RETURNED:
                    self._returned(entry, _readable(confirm.reason))
                case _:
                    self._refused(entry, _readable(confirm.reason))
            self._window.settle(entry)
            entry.settled = True
            if entry.journalled:
                self.forgettable.append((entry.position, entry.size))
            done.append(entry)
        self._marks.advance(done)

    def written(self, entries: list[Entry]) -> None:
        """These reached the disk; some may have been settled meanwhile."""
        for entry in entries:
            if entry.settled:
                self.forgettable.append((entry.position, entry.size))
            else:
                entry.succeed()

    def forget(self) -> None:
        """There is no disk to keep in step."""
        self.forgettable.clear()
        self.dying.clear()

    def _told_full(self, entry: Entry, reason: str) -> bool:
        if not entry.refusable or not entry.fail(
            OutboxFullError(f"the broker did not take {entry.message.routing_key!r}: {reason}")
        ):
            return False
        self._stats.full_queue += 1
        return True

    def _returned(self, entry: Entry, reason: str) -> None:
        self._stats.returned += 1
        if entry.fail(UnroutableError(f"the broker did not take {entry.message.routing_key!r}: {reason}")):
            return
        self._troubles.happened("returned", reason)
        # An event of a PBX that no queue wants is none the worse for being gone; what somebody sent is kept.
        if sequence_of(entry.message) is None:
            self.dying.append((entry, reason))

    def _refused(self, entry: Entry, reason: str) -> None:
        self._stats.refused += 1
        if not entry.fail(MessageError(f"the broker did not take {entry.message.routing_key!r}: {reason}")):
            self._troubles.happened("refused", reason)
            self.dying.append((entry, reason))


def _readable(reason: str) -> str:
    """A broker's words may be anything: neither the log nor the file takes half of a surrogate pair."""
    return reason.encode(errors="replace").decode()
