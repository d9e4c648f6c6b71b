"""The messages in memory that the broker has not confirmed, in their order. Pure bookkeeping: no waiting, no I/O.

```
  add ──▶ unsent ──take──▶ under way ──▶ settled
            ▲   ▲             │ LOST: put_back, all before anything newer
            │   └─────────────┤
            │                 │ NACKED: hold, with all of its lane that follow
            └── all taken ◀───┴─▶ held by lane ── all of it answered, after a pause, probes go first: 1, 2, 4 …
```
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from vss_router.ami.backoff import Backoff
from vss_router.broker.outbox.entry import Entry

__all__ = ["Window"]


_ENOUGH_ROOM: Final = 1_024
"""So many probes in a row that were taken: the queue has room again."""


class _Rest(msgspec.Struct, eq=False):
    """A lane that waits because a queue was full, and those that are sent to see whether it still is.

    `until` is when the next go; 0 while none of the last ones was refused. `allowed` is how many, twice as many each
    time that all were taken.
    """

    backoff: Backoff
    until: float
    allowed: int = 1
    held: list[Entry] = []
    probes: set[Entry] = set()


class Window:
    """Which message goes next. `backoff` makes the pauses of a lane whose messages a full queue does not take.

    A broker nacks when one of several queues is full, and the others keep their copy: tried again as one message, then
    two, not as the thousand behind them, those copies stay few. What is held fills the window like everything else:
    when all of it is held, the rest waits too.
    """

    def __init__(self, backoff: Callable[[], Backoff]) -> None:
        self._new_backoff = backoff
        self._unsent: deque[Entry] = deque()
        self._probes: deque[Entry] = deque()
        self._resting: dict[str, _Rest] = {}
        self._lane_under_way: dict[str, int] = {}
        self.under_way = 0
        self.bytes = 0
        self.messages = 0

    @property
    def held(self) -> int:
        """Messages that wait because a queue was full."""
        return sum(len(rest.held) for rest in self._resting.values())

    @property
    def unsent(self) -> bool:
        """Whether something may be taken."""
        return bool(self._unsent or self._probes)

    def rests(self, lane: str) -> bool:
        """Whether a lane waits for room in a queue."""
        return lane in self._resting

    def resting(self) -> list[str]:
        """The lanes that wait for room in a queue."""
        return list(self._resting)

    def add(self, entry: Entry) -> None:
        """A new message, after all that were added."""
        entry.listed = True
        self.messages += 1
        self.bytes += entry.size
        self._unsent.append(entry)

    def take(self, most: int) -> list[Entry]:
        """The next messages to send, in order."""
        taken: list[Entry] = []
        while self._probes and len(taken) < most:
            taken.append(self._probes.popleft())
        while self._unsent and len(taken) < most:
            entry = self._unsent.popleft()
            rest = self._resting.get(entry.lane)
            if rest is None:
                taken.append(entry)
            else:
                rest.held.append(entry)
        self.under_way += len(taken)
        for entry in taken:
            self._lane_under_way[entry.lane] = self._lane_under_way.get(entry.lane, 0) + 1
        return taken

    def settle(self, entry: Entry) -> None:
        """One under way is done with: confirmed, or never to be taken."""
        self._answered(entry)
        self._gone(entry)
        rest = self._resting.get(entry.lane)
        if rest is None or entry not in rest.probes:
            return
        rest.probes.discard(entry)
        if not rest.probes and not rest.until:
            rest.allowed *= 2
            if rest.allowed > _ENOUGH_ROOM or not rest.held:
                self._release(entry.lane, rest)

    def put_back(self, lost: Iterable[Entry]) -> None:
        """Those under way whose fate is not known go first again."""
        again: list[Entry] = []
        for entry in lost:
            self._answered(entry)
            rest = self._resting.get(entry.lane)
            if rest is None:
                again.append(entry)
                continue
            rest.probes.discard(entry)
            rest.held.append(entry)
        again.sort(key=_position)
        self._unsent.extendleft(reversed(again))

    def hold(self, entry: Entry, now: float) -> None:
        """One under way was not taken because a queue is full: its lane waits."""
        self._answered(entry)
        rest = self._resting.get(entry.lane)
        if rest is None:
            backoff = self._new_backoff()
            rest = self._resting[entry.lane] = _Rest(backoff, now + backoff.next())
        elif entry in rest.probes:
            rest.probes.discard(entry)
            if not rest.until:
                rest.until, rest.allowed = now + rest.backoff.next(), 1
        rest.held.append(entry)

    def next_probe(self) -> float | None:
        """When a lane may be tried again; None while none waits for a time (an answer may be what it waits for)."""
        return min((rest.until for lane, rest in self._resting.items() if self._still(lane, rest)), default=None)

    def probe(self, now: float) -> None:
        """Let the first messages of each lane go whose pause is over, and of which nothing is under way."""
        for lane, rest in list(self._resting.items()):
            if not self._still(lane, rest) or rest.until > now:
                continue
            if not rest.held:
                del self._resting[lane]
                continue
            rest.held.sort(key=_position)
            probes, rest.held = rest.held[: rest.allowed], rest.held[rest.allowed :]
            rest.probes, rest.until = set(probes), 0.0
            self._probes.extend(probes)

    def waiting(self) -> list[Entry]:
        """What is not under way, in no particular order."""
        return [*self._unsent, *self._probes, *(entry for rest in self._resting.values() for entry in rest.held)]

    def _still(self, lane: str, rest: _Rest) -> bool:
        """Whether all of a lane is answered. Before that an older message may come back, behind newer probes."""
        return not rest.probes and lane not in self._lane_under_way

    def _answered(self, entry: Entry) -> None:
        self.under_way -= 1
        left = self._lane_under_way.get(entry.lane, 0) - 1
        if left > 0:
            self._lane_under_way[entry.lane] = left
        else:
            self._lane_under_way.pop(entry.lane, None)

    def _release(self, lane: str, rest: _Rest) -> None:
        del self._resting[lane]
        rest.held.sort(key=_position)
        self._unsent.extendleft(reversed(rest.held))

    def _gone(self, entry: Entry) -> None:
        self.messages -= 1
        self.bytes -= entry.size


def _position(entry: Entry) -> int:
    return entry.position
