"""Driving a board through a recording: seeded from Asterisk's lists once, then by events only.

```
             first list of a complete set        its last list, and the window behind: fence
  ┌─────────┐ ─────────────────────────▶ ┌─────────┐ ──────────────────────────────▶ ┌───────────┐
  │ waiting │                            │ seeding │                                 │ following │
  └─────────┘ ◀───────────────────────── └─────────┘ ◀──────────────────────────────  └───────────┘
                reload, restart, lost bytes: what happened there no event tells
```

While following, the bytes of lists never reach the board: they are only compared with it.
"""

from pathlib import Path
from typing import Final, Literal

from vss_router._core import AmiDecoder, AmiMessage, Batch, StatusBoard
from vss_router.errors import CaptureError, StatusError
from vss_router.status.verify.comparison import COMPARED, Comparison
from vss_router.status.verify.flight import Flight
from vss_router.status.verify.lists import AskedList, Lists, ListSet
from vss_router.status.verify.report import Report
from vss_router.status.verify.rows import BoardRows
from vss_router.status.verify.snapshots import SnapshotFolder
from vss_router.status.verify.survey import Survey

__all__ = ["Verification"]

SEEDED_BY: Final = frozenset(
    {"CoreShowChannels", "BridgeList", "QueueStatus", "DeviceStateList", "ExtensionStateList", "Agents"}
)
"""The lists a resync takes; the others of a set never reach the board."""
BATCH_BYTES: Final = 1 << 16
TICK_SECONDS: Final = 0.2
_FENCE: Final = "verify"
_FENCE_EVENT: Final = (
    b"Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: none\r\nUniqueid: none\r\n"
    b"Variable: VSS_FENCE\r\nValue: " + _FENCE.encode() + b"\r\n\r\n"
)
_NEEDS_LISTS: Final = frozenset({"reload", "shutdown", "fully_booted", "oversized"})


class Verification:
    """The second pass over one recording, against one board that is empty and fed here alone.

    `survey` is what the first pass found, `dump` where the snapshots go.
    """

    def __init__(self, board: StatusBoard, survey: Survey, recording: str, dump: Path | None = None) -> None:
        self.report = Report(recording=recording, messages=survey.messages, sets=survey.complete_sets)
        self._board = board
        self._survey = survey
        self._set_of = {asked.number: each for each in survey.sets for asked in each.lists}
        self._decoder = AmiDecoder()
        self._lists = Lists()
        self._comparison = Comparison()
        self._dump = None if dump is None else SnapshotFolder(dump)
        self._phase: Literal["waiting", "seeding", "following"] = "waiting"
        self._waiting_since = ""
        self._resynced = False
        self._seed: list[tuple[AskedList, list[AmiMessage]]] = []
        self._seed_set: ListSet | None = None
        self._seed_window: Flight | None = None
        self._flights: list[Flight] = []
        self._open: dict[int, tuple[bytes, list[AmiMessage]]] = {}
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._now = self._ticked = survey.began
        self._connected = False

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the recording.

        Raises
        ------
        StatusError
            The board did not take a complete set of lists, or a snapshot could not be written.
        """
        for message in self._decoder.feed(chunk):
            if message.kind == "greeting":
                self._greeted(message)
                continue
            asked = self._lists.of(message)
            if asked is not None:
                self._listed(message, asked)
            elif message.kind == "event":
                self._live(message)

    def finish(self) -> Report:
        """The end of the recording.

        Raises
        ------
        CaptureError
            Nothing could be compared.
        StatusError
            As in `feed`.
        """
        if self._phase == "seeding":
            self._fence()
        self._flush()
        for asked in self._survey.lists:
            if not asked.ended:
                self.report.notes.append(f"The list {asked.action_id} has no end and was not compared.")
        self._comparison.finish(self.report)
        if self.report.rows_compared == 0:
            raise CaptureError(
                f"Nothing in {self.report.recording} could be compared: no list of members, callers or channels "
                "follows the set the board was seeded from; record longer."
            )
        return self.report

    # What stands in the recording ---------------------------------------------------------------------------------

    def _greeted(self, greeting: AmiMessage) -> None:
        if self._connected:
            # A second session in the same file: nothing tells what happened between the two.
            self._flush()
            self._apply(self._board.lost("events", "the recorded session ended", self._now))
            self._needs_lists("a new session")
            self._connected = False
        self._send(greeting.raw + b"\r\n")

    def _live(self, event: AmiMessage) -> None:
        self.report.events += 1
        stamp = _stamp(event)
        if stamp is not None:
            self._now = max(self._now, stamp)
        self._comparison.note(event, self._now)
        if self._flights:
            self._flights = [flight for flight in self._flights if not flight.over(stamp)]
            for flight in self._flights:
                flight.look(event)
        if self._seed_window is not None and self._seed_window.over(stamp):
            self._fence()
        self._send(event.raw + b"\r\n\r\n")

    def _listed(self, message: AmiMessage, asked: AskedList) -> None:
        known = self._survey.lists[asked.number]
        if self._seed_set is not None and known not in self._seed_set.lists:
            self._fence()
        of = self._set_of[asked.number]
        if self._phase == "waiting" and of.complete and known is of.lists[0]:
            self._begin(of)
        if self._phase == "seeding":
            self._seeding(message, asked, known)
        elif self._phase == "following":
            self._compared(message, asked, known)

    # Seeding --------------------------------------------------------------------------------------------------------

    def _begin(self, of: ListSet) -> None:
        self._flush()
        wanted = {asked.kind: asked.action_id for asked in of.lists if asked.kind in SEEDED_BY}
        self._board.begin_resync(wanted, _FENCE, reason="connect", now=self._now)
        self.report.seeded_from.extend(wanted.values())
        if self._waiting_since:
            self.report.notes.append(
                f"Seeded anew from {of.lists[0].action_id} after {self._waiting_since}: "
                "events do not tell what changed there."
            )
        self._phase = "seeding"
        self._resynced = False
        self._seed_set = of
        self._seed = []

    def _seeding(self, message: AmiMessage, asked: AskedList, known: AskedList) -> None:
        if self._seed_set is None:
            return
        if known.kind in SEEDED_BY:
            self._send(message.raw + b"\r\n\r\n")
        if known.kind == "QueueStatus":
            if not self._seed:
                self._seed.append((known, []))
            self._seed[0][1].append(message)
        if asked.ended and known is self._seed_set.lists[-1]:
            # What was queued behind the lists is still older than they are.
            self._seed_window = Flight.of_set(sum(each.items for each in self._seed_set.lists))

    def _fence(self) -> None:
        self._seed_window = self._seed_set = None
        self._send(_FENCE_EVENT)
        self._flush()
        if not self._resynced:
            pending = ", ".join(self._board.resync_pending) or "none missing"
            raise StatusError(
                f"The board did not take the lists of {self.report.recording} "
                f"(resync {self._board.resync}, lists: {pending}): please report it with the recording."
            )
        if self._phase == "seeding":
            self._phase = "following"
            rows = BoardRows(self._board.snapshot())
            for _, items in self._seed:
                self._comparison.seeded(rows, items)
        self._seed = []

    def _needs_lists(self, why: str) -> None:
        if self._phase == "following":
            self._phase = "waiting"
            self._waiting_since = why

    # Comparing ------------------------------------------------------------------------------------------------------

    def _compared(self, message: AmiMessage, asked: AskedList, known: AskedList) -> None:
        wanted = known.ended and not known.cancelled and known.kind in COMPARED
        if asked.number not in self._open:
            if not wanted and self._dump is None:
                return
            self._flush()
            snapshot = self._board.snapshot()
            self._open[asked.number] = (snapshot if wanted else b"", [])
            if self._dump is not None:
                self._dump.write(asked.action_id, snapshot)
        snapshot, items = self._open[asked.number]
        if wanted:
            items.append(message)
        if not asked.ended:
            return
        del self._open[asked.number]
        if wanted:
            if not known.whole:
                self.report.notes.append(
                    f"The list {known.action_id} has {known.items} items and says it has {known.declared}."
                )
            self.report.lists_compared += 1
            flight = self._comparison.compare(known, items, BoardRows(snapshot), self._now)
            if flight is not None:
                self._flights.append(flight)

    # The board ------------------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        if self._unsent_bytes >= BATCH_BYTES or self._now >= self._ticked + TICK_SECONDS:
            self._flush()

    def _flush(self) -> None:
        if not self._unsent:
            return
        if not self._connected:
            self._connected = True
            self._apply(self._board.connected(self._now))
        data = b"".join(self._unsent)
        self._unsent.clear()
        self._unsent_bytes = 0
        self._apply(self._board.feed(data, self._now))
        if self._now >= self._ticked + TICK_SECONDS:
            self._ticked = self._now
            self._apply(self._board.tick(self._now))

    def _apply(self, batch: Batch) -> None:
        for gap in batch.gaps:
            if gap.reason == "resynced":
                self._resynced = True
            elif gap.reason in _NEEDS_LISTS:
                self._needs_lists(gap.reason.replace("_", " "))


def _stamp(event: AmiMessage) -> float | None:
    text = event.get("Timestamp")
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
