"""From a PBX's typed events, which are JSON already, to messages in the outbox; what is not told becomes a `sync.gap`.

```
             publishes(source)
  held ◀── None   │ True ──▶ outbox ── no room ──▶ missed ── room again ──▶ sync.gap, then what follows
    │             │ False ─▶ withheld: another router tells it
    └─ decided ───┘            └─ True later: a sync.gap over the last of it, which nobody may have told
```
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias, final

import msgspec

from vss_router.broker.message import Message, Properties
from vss_router.broker.outbox import Outbox
from vss_router.broker.publisher import is_mandatory
from vss_router.events import SyncGap, encode
from vss_router.events.registry import EVENTS_EXCHANGE

__all__ = ["AmiEvent", "AmiPublishing", "AmiPublishingStats"]

AmiEvent: TypeAlias = tuple[int, str, bytes]
"""(`seq`, routing key, JSON object)."""

RETRY_SECONDS: Final = 0.2
_ID: Final = b'"id":"'
_ID_LENGTH: Final = 36
_TIME: Final = b'"timestamp":"'
_SECOND_LENGTH: Final = len("2026-11-21T20:10:05")
_NO_ROOM: Final = "the router had no room for events that the broker did not take"
_TAKEN_OVER: Final = "another router published until now"
_UNDECIDED: Final = "it was open for too long which router publishes"


class AmiPublishingStats(msgspec.Struct, kw_only=True):
    """Counters since the start, and events held now until it is known who publishes."""

    published: int = 0
    """Given to the outbox."""
    missed: int = 0
    """For which there was no room; each lies in a gap."""
    withheld: int = 0
    """Left to another router."""
    gaps: int = 0
    held: int = 0


class _Missed(msgspec.Struct):
    from_seq: int
    to_seq: int
    started: float
    reason: str


class _Source(msgspec.Struct, eq=False):
    """What is known of one PBX's events."""

    last_seq: int | None = None
    """The last one that was told, or lies in a gap."""
    speaks: bool | None = None
    missed: _Missed | None = None
    held: deque[tuple[float, AmiEvent]] = msgspec.field(default_factory=deque)
    withheld: deque[tuple[float, int, int]] = msgspec.field(default_factory=deque)
    """(when, `seq` before the batch, its last `seq`) of batches that another router tells."""


@final
class AmiPublishing:
    """A subscriber of the `EventFanout`: a call costs no more than making the messages.

    Parameters
    ----------
    publishes
        Whether this router publishes a PBX's events: of two on one PBX, one does; None while that is open.
    ids
        Gives the id of a gap.
    clock
        Unix time in seconds.
    takes
        Whether any queue takes events with this routing key; those that none takes are left out. None where only the
        broker knows.
    held_events
        How many events of a PBX wait while it is open who publishes.
    overlap_seconds
        How much a router that takes over cannot be sure that the other one told.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        publishes: Callable[[str], bool | None],
        ids: Callable[[], str],
        clock: Callable[[], float],
        app_id: str = "vss-router",
        takes: Callable[[str], bool] | None = None,
        held_events: int = 10_000,
        overlap_seconds: float = 15.0,
    ) -> None:
        self.stats = AmiPublishingStats()
        self._outbox = outbox
        self._publishes = publishes
        self._ids = ids
        self._clock = clock
        self._app_id = app_id
        self._takes = takes
        self._held_events = held_events
        self._overlap_seconds = overlap_seconds
        self._sources: dict[str, _Source] = {}
        self._mandatory: dict[str, bool] = {}
        self._second: tuple[bytes, int | None] = (b"", None)
        self._retry: asyncio.TimerHandle | None = None

    def __call__(self, source: str, events: list[AmiEvent]) -> None:
        """Take one batch of a PBX's events; never waits."""
        known = self._sources.get(source)
        if known is None:
            known = self._sources[source] = _Source()
        if self._takes is not None:
            events = [event for event in events if self._takes(event[1]) or is_mandatory(EVENTS_EXCHANGE, event[1])]
        self._treat(source, known, events)
        if known.missed is not None or known.held:
            self._retry_soon()

    def close(self) -> None:
        """Take a last turn at what is held or missed."""
        if self._retry is not None:
            self._retry.cancel()
        self._again()
        if self._retry is not None:
            self._retry.cancel()

    def _treat(self, source: str, known: _Source, events: Sequence[AmiEvent]) -> None:
        now = self._clock()
        speaks = self._publishes(source)
        if speaks is None:
            self._hold(known, events, now)
            return
        if known.held:
            events = [*(event for _, event in known.held), *events]
            self.stats.held -= len(known.held)
            known.held.clear()
        took_over = speaks and known.speaks is False
        known.speaks = speaks
        if not speaks and known.missed is not None and known.missed.reason == _UNDECIDED:
            known.missed = None  # the other router told it
        if took_over:
            self._take_over(known, now)
        if known.missed is not None and not self._tell_gap(source, known, known.missed, now) and events and speaks:
            self._miss(known, events, now, _NO_ROOM)
        elif events and speaks:
            self._offer(source, known, events, now)
        elif events:
            self._withhold(known, events, now)

    def _offer(self, source: str, known: _Source, events: Sequence[AmiEvent], now: float) -> None:
        taken = self._outbox.offer([self._message(source, event) for event in events])
        self.stats.published += taken
        if taken:
            known.last_seq = events[taken - 1][0]
        if taken < len(events):
            self._miss(known, events[taken:], now, _NO_ROOM)

    def _message(self, source: str, event: AmiEvent) -> Message:
        seq, key, body = event
        mandatory = self._mandatory.get(key)
        if mandatory is None:
            mandatory = self._mandatory[key] = is_mandatory(EVENTS_EXCHANGE, key)
        # The board writes the id last but two; a row within may have an "id" of its own.
        at = body.rfind(_ID) + len(_ID)
        return Message(
            EVENTS_EXCHANGE,
            key,
            body,
            Properties(
                headers={"x-source": source, "x-seq": seq},
                message_id=body[at : at + _ID_LENGTH].decode() if at >= len(_ID) else None,
                timestamp=self._timestamp(body),
                type=key,
                app_id=self._app_id,
            ),
            mandatory,
        )

    def _timestamp(self, body: bytes) -> int | None:
        """The event's own time, which stands at its head; events of one second come together."""
        at = body.find(_TIME) + len(_TIME)
        second = body[at : at + _SECOND_LENGTH]
        if second != self._second[0]:
            self._second = (second, _unix_seconds(second) if at >= len(_TIME) else None)
        return self._second[1]

    def _hold(self, known: _Source, events: Sequence[AmiEvent], now: float) -> None:
        known.held.extend((now, event) for event in events)
        self.stats.held += len(events)
        while len(known.held) > self._held_events:
            when, event = known.held.popleft()
            self.stats.held -= 1
            self._miss(known, [event], when, _UNDECIDED)

    def _miss(self, known: _Source, events: Sequence[AmiEvent], now: float, reason: str) -> None:
        self.stats.missed += len(events)
        last = events[-1][0]
        if known.missed is None:
            before = known.last_seq if known.last_seq is not None else events[0][0] - 1
            known.missed = _Missed(before, last, now, reason)
        else:
            known.missed.to_seq = last
        known.last_seq = last

    def _withhold(self, known: _Source, events: Sequence[AmiEvent], now: float) -> None:
        self.stats.withheld += len(events)
        before = known.last_seq if known.last_seq is not None else events[0][0] - 1
        known.last_seq = events[-1][0]
        known.withheld.append((now, before, known.last_seq))
        while known.withheld[0][0] < now - self._overlap_seconds:
            known.withheld.popleft()

    def _take_over(self, known: _Source, now: float) -> None:
        recent = [batch for batch in known.withheld if batch[0] >= now - self._overlap_seconds]
        known.withheld.clear()
        if not recent:
            return
        if known.missed is None:
            known.missed = _Missed(recent[0][1], recent[-1][2], recent[0][0], _TAKEN_OVER)
        else:  # one gap over both
            known.missed.to_seq = recent[-1][2]

    def _tell_gap(self, source: str, known: _Source, missed: _Missed, now: float) -> bool:
        """Publish the gap before anything newer; False when there is no room for it either."""
        gap = SyncGap(
            timestamp=_time(now),
            id=self._ids(),
            source=source,
            # The number of an event that will never be told: higher than any before, lower than any after.
            seq=missed.to_seq,
            from_seq=missed.from_seq,
            to_seq=missed.to_seq,
            reason=missed.reason,
            started=_time(missed.started),
            ended=_time(now),
        )
        if self._outbox.offer([self._message(source, (missed.to_seq, gap.event, encode(gap)))]) == 0:
            return False
        known.missed = None
        self.stats.gaps += 1
        return True

    def _retry_soon(self) -> None:
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._again)

    def _again(self) -> None:
        self._retry = None
        for source, known in self._sources.items():
            if known.missed is not None or known.held:
                self._treat(source, known, ())
        if any(known.missed is not None or known.held for known in self._sources.values()):
            self._retry_soon()


def _time(now: float) -> datetime:
    return datetime.fromtimestamp(int(now * 1000) / 1000, UTC)


def _unix_seconds(second: bytes) -> int | None:
    try:
        moment = datetime.fromisoformat(second.decode()).replace(tzinfo=UTC)
    except ValueError:
        return None
    seconds = int(moment.timestamp())
    return seconds if seconds >= 0 else None
