"""Where the play of a recording is, and when it moves on.

Paced, an event is due when the recorded time, sped up, says so. At full speed runs of events go out as fast as the
readers take them; three rests keep that usable for a client that also asks lists: play waits while nobody reads events,
waits a bounded while at the first recorded list for somebody to ask it, and pauses shortly after each list asked, so
that a burst of list actions finds itself at one place.
"""

import asyncio
import math
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from typing import Final

from vss_router.ami.replay_recording import Recording

__all__ = ["Clock", "Playhead", "Sleep"]

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[object]]

# Timers finer than this cost more than they give; at x1 no wallboard sees five milliseconds.
_FINEST_SECONDS: Final = 0.005
_BATCH: Final = 256


class Playhead:
    """The play of one recording.

    `emit(start, stop)` is called with each run of places that goes out. `speed` is times real time, infinity for full
    speed. `room` is awaited between runs at full speed: it returns when every reader has taken most of what it got, and
    somebody reads. `clock` gives seconds of a monotonic clock, `sleep` waits for seconds. `patience` and `rest` are the
    waits at the first list and after a list asked, in seconds, at full speed only.
    """

    def __init__(
        self,
        recording: Recording,
        emit: Callable[[int, int], None],
        room: Callable[[], Awaitable[None]],
        *,
        speed: float,
        clock: Clock,
        sleep: Sleep,
        patience: float,
        rest: float,
    ) -> None:
        self.place = 0
        self.started = False
        self._recording = recording
        self._emit = emit
        self._room = room
        self._speed = speed if recording.timestamped else math.inf
        self._clock = clock
        self._sleep = sleep
        self._patience = patience
        self._rest = rest
        self._asked_at: float | None = None
        self._anchor = (clock(), recording.times[0] if recording.timestamped else 0.0)
        self._jumped = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether every event has gone out."""
        return self.place >= len(self._recording)

    def pbx_time(self) -> float | None:
        """The PBX's clock in Unix seconds as the play has it; None when the recording tells no times.

        It stands still until play starts, runs `speed` times as fast while it is paced, stands at the last event that
        went out at full speed, and goes on in real time after the end.
        """
        times = self._recording.times
        if not times:
            return None
        if not self.started and self.place == 0:
            return times[0]
        at, recorded = self._anchor
        if self.ended:
            return max(recorded, times[-1]) + self._clock() - at
        if math.isinf(self._speed) or not self.started:
            return times[max(self.place - 1, 0)]
        # Never ahead of an event that has not gone out yet.
        return min(recorded + (self._clock() - at) * self._speed, times[self.place])

    def ask(self, place: int) -> None:
        """A list at `place` is about to be answered: the events up to there go out now, and time jumps to them."""
        self._asked_at = self._clock()
        if place > self.place:
            self._go(place)
            self._jumped.set()

    async def run(self) -> None:
        """Play to the end."""
        self.started = True
        self._set_anchor()
        if math.isinf(self._speed):
            await self._run_full()
        else:
            await self._run_paced()

    async def _run_paced(self) -> None:
        times = self._recording.times
        while not self.ended:
            at, recorded = self._anchor
            now = recorded + (self._clock() - at) * self._speed
            due = bisect_right(times, now, self.place)
            if due > self.place:
                self._emit_to(due)
                continue
            await self._nap(max((times[self.place] - now) / self._speed, _FINEST_SECONDS))

    async def _run_full(self) -> None:
        first = self._recording.first_list
        waited = first is None or self._patience <= 0
        while not self.ended:
            await self._room()
            if not waited and self.place >= (first or 0):
                waited = True
                if self._asked_at is None:
                    await self._nap_until_asked()
                continue
            rest = 0.0 if self._asked_at is None else self._asked_at + self._rest - self._clock()
            if rest > 0:
                await self._nap(rest)
                continue
            stop = min(self.place + _BATCH, len(self._recording))
            self._go(stop if waited or first is None else min(stop, first))

    async def _nap_until_asked(self) -> None:
        until = self._clock() + self._patience
        while self._asked_at is None and (left := until - self._clock()) > 0:
            await self._nap(min(left, 0.05))

    async def _nap(self, seconds: float) -> None:
        # A jump makes another event the next one due, so it ends the nap.
        self._jumped.clear()
        sleeper = asyncio.ensure_future(self._sleep(seconds))
        jump = asyncio.ensure_future(self._jumped.wait())
        try:
            await asyncio.wait({sleeper, jump}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            jump.cancel()

    def _go(self, place: int) -> None:
        self._emit_to(place)
        self._set_anchor()

    def _emit_to(self, place: int) -> None:
        start, self.place = self.place, place
        if place > start:
            self._emit(start, place)
        if self.ended:
            self._set_anchor()

    def _set_anchor(self) -> None:
        times = self._recording.times
        if times:
            # Before the first event the clock stands at it; after a jump, at the newest event that went out.
            self._anchor = (self._clock(), times[max(self.place - 1, 0)])
