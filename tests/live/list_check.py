"""Asterisk's own lists against the board of a running link, without the board's resync.

```
 the test's manager connection:   Setvar A     list      Setvar B            Setvar C
 the link's session of events:  … ──A── e e e … e ──────────B── e e ── 50 ms ──C──
                                    │  └────────── may explain a difference ──┘
                                    board read here
```

Every fact before A is in the list, so the board, read at A, may differ from the list only by what happened since. The
rule is the one `verify` has: a difference is no drift only when an event behind A, of the kind that states that very
field, says of that very row what the list says.
"""

import asyncio
import uuid
from collections import deque
from typing import Final

import msgspec

from tests.live.fenced_board import FencedBoard, Passed
from tests.live.manager_client import ManagerClient
from vss_router._core import AmiMessage
from vss_router.status.verify.comparison import Comparison
from vss_router.status.verify.flight import WINDOW_SECONDS
from vss_router.status.verify.lists import AskedList
from vss_router.status.verify.report import Difference, Report
from vss_router.status.verify.rows import BoardRows

LISTS: Final = ("CoreShowChannels", "QueueStatus", "DeviceStateList")
FENCE_SECONDS: Final = 20.0
_REMEMBERED: Final = 4_000
"""So many past events are searched for a row that drifted."""


class Drifted(msgspec.Struct):
    """A difference that no event explains, whether a second look found it again, and the events that name its row."""

    difference: Difference
    found_again: bool
    events: list[str]


class ListCheck:
    """All comparisons of one soak."""

    def __init__(self, board: FencedBoard) -> None:
        self._board = board
        self._comparison = Comparison()
        self._number = 0
        self._seeded = False
        self._past: deque[AmiMessage] = deque(maxlen=_REMEMBERED)
        self.rounds = 0
        self.lists = 0
        self.drifted: list[Drifted] = []
        self.settled = 0
        """Differences no event explained that a second look did not find again."""

    def begin_anew(self) -> None:
        """The board was resynced after a gap: Asterisk's counters have a new start, old events explain nothing."""
        self._seeded = False

    async def round(self, manager: ManagerClient) -> None:
        """Compare every list once; what no event explains is looked at once more."""
        self.rounds += 1
        for kind in LISTS:
            unexplained = await self._compare(manager, kind)
            if not unexplained:
                continue
            again = {(found.field, found.row) for found in await self._compare(manager, kind)}
            for found in unexplained:
                found_again = (found.field, found.row) in again
                self.settled += not found_again
                self.drifted.append(Drifted(found, found_again, self._events_of(found)))

    def report(self) -> Report:
        report = Report(recording="live", lists_compared=self.lists)
        self._comparison.finish(report)
        return report

    async def _compare(self, manager: ManagerClient, kind: str) -> list[Difference]:
        before = await self._fence(manager)
        items = await manager.listed(kind)
        behind = await self._fence(manager)
        # A fact may stand in the list a moment before its event is published.
        await asyncio.sleep(2 * WINDOW_SECONDS)
        await self._fence(manager)
        events = self._board.forget()
        split = len(events) - (self._board.heard - before.heard)
        self._note(events[:split])
        rows = BoardRows(before.snapshot)
        if kind == "QueueStatus" and not self._seeded:
            self._comparison.seeded(rows, items)
            self._seeded = True
        self.lists += 1
        self._number += 1
        asked = AskedList(self._number, f"check-{self._number}-{kind}", kind, len(items), len(items), ended=True)
        known = len(self._comparison.differences)
        flight = self._comparison.compare(asked, items, rows, before.stamp)
        if flight is not None:
            for event in events[split:]:
                if _stamp(event, before.stamp) <= behind.stamp + WINDOW_SECONDS:
                    flight.look(event)
        self._note(events[split:])
        new = self._comparison.differences[known:]
        return [found for found in new if found.core and found.in_flight is None]

    async def _fence(self, manager: ManagerClient) -> Passed:
        value = f"check-{uuid.uuid4().hex}"
        passed = self._board.expect(value)
        answer = await manager.ask("Setvar", Variable="VSS_FENCE", Value=value)
        assert answer.name == "Success", answer.get("Message")
        async with asyncio.timeout(FENCE_SECONDS):
            return await passed

    def _note(self, events: list[AmiMessage]) -> None:
        for event in events:
            self._comparison.note(event, _stamp(event, 0.0))
            self._past.append(event)

    def _events_of(self, found: Difference) -> list[str]:
        words = found.row.split(" ", 1)
        return [
            event.raw.decode(errors="replace")
            for event in self._past
            if all(word in {value for _, value in event.headers} for word in words)
        ][-40:]


def _stamp(event: AmiMessage, default: float) -> float:
    return float(event.get("Timestamp") or default)
