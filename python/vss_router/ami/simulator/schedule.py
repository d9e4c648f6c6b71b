"""Virtual time: what happens when, in whole microseconds since the Unix epoch."""

import heapq
from collections.abc import Callable
from typing import Any, TypeVarTuple, Unpack

__all__ = ["MICROSECOND", "Schedule"]

Arguments = TypeVarTuple("Arguments")

MICROSECOND = 1_000_000
"""Microseconds in a second."""


class Schedule:
    """A queue of things to do, ordered by time and, at the same time, by who asked first.

    Nothing is ever taken out again: whoever is called back looks whether it still matters.
    """

    __slots__ = ("_heap", "_order", "now")

    def __init__(self, start: float) -> None:
        self.now = round(start * MICROSECOND)
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0

    def after(
        self,
        seconds: float,
        what: Callable[[Unpack[Arguments]], None],
        *arguments: *Arguments,
    ) -> None:
        """Call `what(*arguments)` once `seconds` of virtual time have passed."""
        self._order += 1
        when = self.now + round(seconds * MICROSECOND)
        heapq.heappush(self._heap, (when, self._order, what, arguments))

    def run(self, until: float) -> None:
        """Do everything that is due up to `until` (Unix seconds); time stands there afterwards."""
        end = round(until * MICROSECOND)
        heap = self._heap
        while heap and heap[0][0] <= end:
            when, _, what, arguments = heapq.heappop(heap)
            self.now = when
            what(*arguments)
        self.now = max(self.now, end)

    @property
    def seconds(self) -> float:
        """The virtual time now, Unix seconds."""
        return self.now / MICROSECOND

    @property
    def epoch(self) -> int:
        """The virtual time now, whole Unix seconds, as Asterisk writes it in LoginTime and Uniqueid."""
        return self.now // MICROSECOND
