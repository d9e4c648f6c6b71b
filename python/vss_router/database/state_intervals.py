"""Turns the rows of operators into state intervals that neither overlap nor claim what nobody saw.

```
            row in another state                     gap of the PBX or of the router
 ┌───────────┐  ended = its since  ┌───────────┐ ended = gap's start ┌───────────┐ gap's end ┌───────────────────┐
 │ talking   │────────────────────▶│ wrap_up   │────────────────────▶│ unwatched │──────────▶│ watched, continues│
 └───────────┘                     └───────────┘                     └───────────┘           └───────────────────┘
        │ same state, other queues: ended at the row's time, the next one continues                    │
        └──────────────────────────────────────────────────────────────────────────────────────────────┘
                                        the first row after a gap in the same state belongs to it
```
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from vss_router.database.recorded_facts import OperatorFacts
from vss_router.database.row_keys import key_of, milliseconds, plain, queue_set_of

__all__ = ["OPERATOR_KIND", "Interval", "StateIntervals"]

OPERATOR_KIND: Final = "operator"
_IDLE: Final = frozenset({"available", "paused", "logged_out", "unreachable"})
"""States in which a channel of one's own serves nobody."""
_SERVING: Final = frozenset({"talking", "on_hold", "ringing"})
"""States whose `reason` is the queue."""


class Interval(msgspec.Struct, kw_only=True):
    """One row of `status_history`; times in milliseconds. `ended` is None while it lasts."""

    source: str
    kind: str = OPERATOR_KIND
    key: str
    seq: int
    watched: bool = True
    continues: bool = False
    state: str
    reason: str | None
    call: str | None
    queue: str | None
    queue_key: str | None
    queue_set: str
    since: int
    ended: int | None = None

    def values(self) -> dict[str, Any]:
        """The columns."""
        return {field: getattr(self, field) for field in self.__struct_fields__}

    @property
    def identity(self) -> tuple[str, str, int, int, bool]:
        """What tells it from every other."""
        return (self.source, self.key, self.since, self.seq, self.watched)


class StateIntervals:
    """The open intervals of one PBX; `write` is called with each interval that began or changed."""

    def __init__(self, source: str, write: Callable[[Interval], None]) -> None:
        self._source = source
        self._write = write
        self._open: dict[str, Interval] = {}
        # Cut by a gap, and not heard of since.
        self._cut: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._open))

    def resume(self, interval: Interval) -> None:
        """An interval that was open in the database."""
        self._open[interval.key] = interval

    def row(self, seq: int, operator: OperatorFacts) -> str:
        """An operator's row as of event `seq`; gives back the id of its set of queues."""
        key = key_of(operator.id)
        since, now = milliseconds(operator.since), milliseconds(operator.as_of)
        queues = {key_of(member.queue) for member in operator.memberships}
        before = self._open.get(key)
        queue_set = queue_set_of(queues)
        begun = self._interval(seq, key, operator, before, queue_set, since)
        if before is None:
            self._begin(begun)
            return queue_set
        cut = key in self._cut
        self._cut.discard(key)
        # A board that starts anew does not know since when a state goes on: the first row in it goes on as well.
        if before.state != operator.state or (since > before.since and not cut):
            begun.since = max(since, before.since)
            self._end(before, begun.since)
            self._begin(begun)
            return queue_set
        if before.queue_set != begun.queue_set:
            begun.since, begun.continues = max(now, before.since), True
            self._end(before, begun.since)
            self._begin(begun)
            return queue_set
        changed = (before.reason, before.call) != (begun.reason, begun.call)
        if changed and (begun.call is not None or before.call is None):
            before.reason, before.call = begun.reason, begun.call
            before.queue, before.queue_key = begun.queue, begun.queue_key
            self._write(before)
        return queue_set

    def gap(self, seq: int, started: int, ended: int) -> None:
        """Nobody listened to the PBX from `started` to `ended`: what was open then is known up to its start."""
        for key, before in tuple(self._open.items()):
            start = max(started, before.since)
            if ended <= start:
                continue
            self._end(before, start)
            unseen = msgspec.structs.replace(before, seq=seq, watched=False, continues=True, since=start, ended=ended)
            after = msgspec.structs.replace(unseen, watched=True, since=ended, ended=None)
            self._write(unseen)
            self._open[key] = after
            self._cut.add(key)
            self._write(after)

    def gone(self, key: str, at: int) -> None:
        """The operator is no more."""
        before = self._open.pop(key, None)
        self._cut.discard(key)
        if before is not None:
            self._end(before, at)

    def _interval(
        self, seq: int, key: str, operator: OperatorFacts, before: Interval | None, queue_set: str, since: int
    ) -> Interval:
        queue = plain(operator.reason) if operator.reason and operator.state in _SERVING else None
        call = plain(operator.call) if operator.call and operator.state not in _IDLE else None
        if operator.state == "wrap_up" and before is not None:
            # The row names no call any more: it is the one just served.
            queue, call = before.queue, before.call
        return Interval(
            source=self._source,
            key=key,
            seq=seq,
            state=operator.state,
            reason=plain(operator.reason) if operator.reason else None,
            call=call,
            queue=queue,
            queue_key=key_of(queue) if queue is not None else None,
            queue_set=queue_set,
            since=since,
        )

    def _begin(self, interval: Interval) -> None:
        self._open[interval.key] = interval
        self._write(interval)

    def _end(self, interval: Interval, at: int) -> None:
        interval.ended = max(at, interval.since)
        self._write(interval)
