"""One consumer of one queue.

```
             its queue is there                 cancel()               close()
  waiting ─────────────────────────▶ consuming ──────────▶ cancelled ─────────▶ closed
     ▲                                   │                  (settles what is out)
     └───────────────────────────────────┘ the queue was deleted: on_cancel
```
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from vss_router.broker.embedded.entry import Entry
from vss_router.broker.embedded.out_messages import OutMessages
from vss_router.broker.message import Delivery

if TYPE_CHECKING:
    from vss_router.broker.embedded.embedded_queue import EmbeddedQueue

__all__ = ["EmbeddedConsumption"]

_MOST_AT_ONCE: Final = 128
"""Deliveries of one consumer in one turn of the loop."""


class EmbeddedConsumption:
    """A `Consumption`. `give_up` is called when it is cancelled, so that nobody attaches it again."""

    def __init__(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool,
        on_cancel: Callable[[str], None] | None,
        give_up: Callable[["EmbeddedConsumption"], None],
    ) -> None:
        self._queue = queue
        self._on_delivery = on_delivery
        self._prefetch = prefetch
        self.exclusive = exclusive
        self._on_cancel = on_cancel
        self._give_up = give_up
        self._home: EmbeddedQueue | None = None
        self._out: OutMessages | None = None
        self._to_hand_out: deque[int] = deque()
        self._scheduled = False
        self._cancelled = False
        self._trouble: str | None = None

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self._queue

    @property
    def trouble(self) -> str | None:
        """Why nothing can be delivered now."""
        return self._trouble

    @property
    def home(self) -> "EmbeddedQueue | None":
        """The queue it consumes, when there is one."""
        return self._home

    @property
    def has_room(self) -> bool:
        """Whether one more may be out; a prefetch of 0 is no bound, as in AMQP."""
        return self._out is not None and (len(self._out) < self._prefetch or not self._prefetch)

    def wait(self, reason: str) -> None:
        """Say why it is not consuming."""
        self._trouble = reason

    def attach(self, home: "EmbeddedQueue") -> None:
        """Its queue is there."""
        self._home = home
        self._out = OutMessages(home)
        self._trouble = None

    def assign(self, entry: Entry) -> None:
        """Have it handed out in a later turn of the loop, so that a publisher never runs a consumer."""
        if self._out is None:
            raise RuntimeError("a message was assigned to a consumer without a queue")
        self._to_hand_out.append(self._out.add(entry))
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and self._to_hand_out:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._hand_out)

    def _hand_out(self) -> None:
        self._scheduled = False
        try:
            for _ in range(_MOST_AT_ONCE):
                if not self._to_hand_out or self._out is None:
                    return
                tag = self._to_hand_out.popleft()
                entry = self._out.entry(tag)
                if entry is not None:
                    self._on_delivery(self._out.delivery(tag, entry))
        finally:
            self._schedule()

    async def cancel(self) -> None:
        """Get no more deliveries; what was handed out may still be settled."""
        if self._cancelled:
            return
        self._cancelled = True
        self._give_up(self)
        home = self._home
        if home is not None and self._out is not None:
            home.detach(self)
            unseen = list(self._to_hand_out)
            self._to_hand_out.clear()
            self._out.give_back(unseen)
            home.after_consumer_left()

    async def close(self) -> None:
        """`cancel`, and requeue what is not settled. A second call does nothing."""
        await self.cancel()
        if self._out is not None:
            self._out.give_back()
            self._out.forget()
        self._out = self._home = None

    def deleted(self, reason: str) -> None:
        """Its queue is gone, and what was out with it."""
        self._to_hand_out.clear()
        if self._out is not None:
            self._out.forget()
        self._out = self._home = None
        self._trouble = reason
        if self._on_cancel is not None:
            asyncio.get_running_loop().call_soon(self._on_cancel, reason)
