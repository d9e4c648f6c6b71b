"""What waits in a queue, in order: by priority where it has priorities, then by place."""

import heapq
from collections import deque

from vss_router.broker.embedded.entry import Entry

__all__ = ["ReadyMessages"]


class _Lane:
    """Entries of one priority. Those that were requeued stand apart: their places lie anywhere before the new ones."""

    __slots__ = ("new", "returned")

    def __init__(self) -> None:
        self.new: deque[Entry] = deque()
        self.returned: list[Entry] = []

    def head(self) -> Entry | None:
        if self.returned and (not self.new or self.returned[0] < self.new[0]):
            return self.returned[0]
        return self.new[0] if self.new else None

    def pop(self) -> Entry:
        if self.returned and (not self.new or self.returned[0] < self.new[0]):
            return heapq.heappop(self.returned)
        return self.new.popleft()


class ReadyMessages:
    """The ready messages of one queue; its head is the oldest of the highest priority, as in RabbitMQ."""

    def __init__(self, max_priority: int | None) -> None:
        self._most = max_priority or 0
        self._lanes: dict[int, _Lane] = {0: _Lane()}
        self._order = [self._lanes[0]]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def _lane(self, entry: Entry) -> _Lane:
        if not self._most:
            return self._order[0]
        priority = min(entry.message.properties.priority or 0, self._most)
        lane = self._lanes.get(priority)
        if lane is None:
            lane = self._lanes[priority] = _Lane()
            self._order = [self._lanes[number] for number in sorted(self._lanes, reverse=True)]
        return lane

    def append(self, entry: Entry) -> None:
        """Put a new one at the end of its priority."""
        self._lane(entry).new.append(entry)
        self._count += 1

    def give_back(self, entry: Entry) -> None:
        """Put one back where it stood."""
        heapq.heappush(self._lane(entry).returned, entry)
        self._count += 1

    def head(self) -> Entry | None:
        """The one that is next."""
        for lane in self._order:
            if (entry := lane.head()) is not None:
                return entry
        return None

    def pop(self) -> Entry:
        """Take the next one; there must be one."""
        for lane in self._order:
            if lane.new or lane.returned:
                self._count -= 1
                return lane.pop()
        raise IndexError("an empty queue has no head")

    def clear(self) -> list[Entry]:
        """Take all."""
        return [self.pop() for _ in range(self._count)]

    def drop_gone(self) -> None:
        """Forget those that were taken back; rare, so it looks at all of them."""
        for lane in self._lanes.values():
            lane.new = deque(entry for entry in lane.new if not entry.gone)
            lane.returned = [entry for entry in lane.returned if not entry.gone]
            heapq.heapify(lane.returned)
        self._count = sum(len(lane.new) + len(lane.returned) for lane in self._lanes.values())
