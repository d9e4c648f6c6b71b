"""Sends what stands in the window, many at a time, and says what became of each.

```
            take ──▶ publish ──▶ answers ──▶ settled, held, or …
              ▲                     │
              │                     ▼ a connection was lost
   ready() ◀── put back, in order ◀── wait until everything under way is answered
```

Nothing new is sent between a loss and its repair, so that what was lost goes first again.

A transport that raises what it should not has met a message that it cannot take, and which one nobody says: they go one
at a time until it raises at the culprit alone, again and again. That one is refused. If it raises at all of them, it is
broken itself: each message in a row costs more tries than the one before, so that few are refused until it is mended.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, final

from vss_router.ami.backoff import Backoff
from vss_router.broker.message import Confirm, Outcome
from vss_router.broker.outbox.entry import Entry
from vss_router.broker.outbox.window import Window
from vss_router.broker.transport import Transport
from vss_router.errors import BrokerError

__all__ = ["Sender"]

_MOST_CALLS: Final = 32
"""Calls of `publish` under way; messages that come meanwhile share the next one."""

_TRIES: Final = 3
"""So often the transport raises at a message that goes alone until it is the message's fault."""
_MOST_TRIES: Final = 30

_log = logging.getLogger(__name__)


@final
class Sender:
    """Publishes by `transport`, at most `outstanding` messages unanswered, `batch` in one call.

    `answered(entry, confirm)` is called for every answer but LOST, which is the sender's own affair; it must settle or
    hold the entry in the window.
    """

    def __init__(
        self,
        transport: Transport,
        window: Window,
        *,
        answered: Callable[[list[Entry], list[Confirm]], None],
        republished: Callable[[int], None],
        outstanding: int,
        batch: int,
        backoff: Backoff,
    ) -> None:
        self._transport = transport
        self._window = window
        self._answered = answered
        self._republished = republished
        self._outstanding = outstanding
        self._batch = batch
        self._backoff = backoff
        self._lost: list[Entry] = []
        self._calls: dict[asyncio.Task[None], list[Entry]] = {}
        self._wake = asyncio.Event()
        self._probes: asyncio.TimerHandle | None = None
        self._connects = 0
        self._doubtful = False
        self._alone_to: int | None = None
        self._suspect: Entry | None = None
        self._raised = 0
        self._refused = 0
        self.connected = False
        """Whether the last thing known of the connection is good."""

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    async def run(self) -> None:
        """Send for ever."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._repaired()
                self._window.probe(loop.time())
                batch, calls = (self._batch, _MOST_CALLS) if self._alone_to is None else (1, 1)
                room = min(batch, self._outstanding - self._window.under_way)
                if room > 0 and len(self._calls) < calls and (entries := self._window.take(room)):
                    call = loop.create_task(self._publish(entries), name="outbox publish")
                    self._calls[call] = entries
                    # The task's first step hands the messages over: in the order of the tasks.
                    continue
                self._plan_probe(loop)
                self._wake.clear()
                await self._wake.wait()
        finally:
            if self._probes is not None:
                self._probes.cancel()
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)
            for entries in (self._lost, *self._calls.values()):
                self._window.put_back(entries)

    async def _publish(self, entries: list[Entry]) -> None:
        try:
            self._sort_out(entries, await self._sent(entries))
        finally:
            self._wake.set()
        # Here and not by the task's own callback: that would come after whom it wakes has looked.
        if (task := asyncio.current_task()) is not None:
            del self._calls[task]

    async def _sent(self, entries: list[Entry]) -> list[Confirm]:
        status = self._transport.status
        if status.state != "ready" or status.connects != self._connects or self._doubtful:
            # A new connection, and what the old one lost may not be known here yet: that goes first.
            return [Confirm(Outcome.LOST)] * len(entries)
        try:
            confirms = await self._transport.publish([entry.message for entry in entries])
        except BrokerError as error:
            _log.warning("the transport took nothing: %s", error)
            confirms = []
        except Exception as error:  # noqa: BLE001 - it never raises for what the broker does
            _log.exception("the transport failed at a publish")
            confirms = self._doubted(entries, error)
        else:
            self._refused = 0
        return confirms if len(confirms) == len(entries) else [Confirm(Outcome.LOST)] * len(entries)

    def _doubted(self, entries: list[Entry], error: Exception) -> list[Confirm]:
        """The answers to what the transport raised at; none as long as it may be anybody's fault."""
        first = entries[0]
        self._raised = self._raised + 1 if len(entries) == 1 and first is self._suspect else 1
        self._suspect = first if len(entries) == 1 else None
        if self._raised >= min(_TRIES * (1 + self._refused), _MOST_TRIES):
            self._refused += 1
            reason = f"the transport cannot send it ({error!r}): see the log for its cause, and write it otherwise"
            return [Confirm(Outcome.REFUSED, reason)]
        self._doubtful = True
        self._alone_to = max(self._alone_to or 0, *(entry.position for entry in entries))
        return []

    def _sort_out(self, entries: list[Entry], confirms: list[Confirm]) -> None:
        lost = [entry for entry, confirm in zip(entries, confirms, strict=True) if confirm.outcome is Outcome.LOST]
        if not lost:
            self._backoff.reset()
            if self._alone_to is not None and entries[-1].position >= self._alone_to:
                self._alone_to = None
            self._answered(entries, confirms)
        else:
            self.connected = False
            self._lost += lost
            if len(lost) < len(entries):
                kept = [both for both in zip(entries, confirms, strict=True) if both[1].outcome is not Outcome.LOST]
                self._answered([entry for entry, _ in kept], [confirm for _, confirm in kept])

    async def _repaired(self) -> None:
        """Return with a connection, and with everything in the window that a lost one had."""
        while self._lost or not self.connected:
            if self._calls:
                await asyncio.wait(self._calls)
            lost, self._lost = self._lost, []
            self._doubtful = False
            if lost:
                self._republished(len(lost))
                self._window.put_back(lost)
                await asyncio.sleep(self._backoff.next())
            try:
                await self._transport.ready()
            except BrokerError as error:
                _log.warning("the outbox waits for its transport: %s", error)
                await asyncio.sleep(self._backoff.next())
            else:
                self.connected = True
                self._connects = self._transport.status.connects

    def _plan_probe(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._probes is not None:
            self._probes.cancel()
            self._probes = None
        at = self._window.next_probe()
        if at is not None:
            self._probes = loop.call_at(at, self._wake.set)
