"""The one surface of all transports: `embedded`, `lapin`, `aio_pika`.

```
             connect()              first attempt fails: it says so, and goes on trying (embedded: back to new)
 (new) ─────────────▶ connecting ◀──────────────────────────────┐
                        │  connected                            │ connection lost: unconfirmed publishes are LOST,
                        ▼                                       │ unacked deliveries will be redelivered
                      declaring ──▶ consuming ──▶ ready ────────┘
   close() from anywhere ──▶ closed
```

Each reconnection declares again everything `declare` was given, then starts every consumption again, then says ready.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from vss_router.broker.message import Confirm, Delivery, Message
from vss_router.broker.topology import Topology

__all__ = ["Consumption", "QueueCounts", "Transport", "TransportStatus"]


class QueueCounts(msgspec.Struct, frozen=True):
    """Messages ready in a queue (unacked ones are not counted), and its consumers."""

    messages: int
    consumers: int


class TransportStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a transport stands. `trouble` is one sentence that names the object at fault and the way out, or None."""

    state: Literal["new", "connecting", "ready", "closed"]
    trouble: str | None = None
    connects: int = 0
    """Connections made since the start; the first one counts."""
    failures: int = 0
    """Connections lost or not made since the start."""
    redeclares: int = 0
    """Times everything was declared again because another connection held a part of it for itself."""
    blocked: str | None = None
    """Why the broker takes no publishes now (`connection.blocked`: memory or disk alarm)."""


class Consumption(Protocol):
    """One consumer of one queue; it outlives connections."""

    @property
    def queue(self) -> str:
        """The queue's name."""

    @property
    def trouble(self) -> str | None:
        """Why nothing can be delivered now, such as "no queue …"; None while it is consuming."""

    async def cancel(self) -> None:
        """Get no more deliveries. Those handed out may still be settled; those not handed out yet are requeued."""

    async def close(self) -> None:
        """`cancel`, and give its channel up: what is not settled will be redelivered. A second call does nothing."""


class Transport(Protocol):
    """A way to a broker. Not for several event loops; `close` ends it for good."""

    @property
    def status(self) -> TransportStatus:
        """How it stands now."""

    async def connect(self) -> None:
        """Start; returns when the first attempt succeeded.

        Raises
        ------
        BrokerRefusedError
            The broker answers and will not: wrong password, no such virtual host, certificate.
        BrokerUnavailableError
            It does not answer.

        After either error the transport goes on trying, with back-off and jitter, until `close`. The embedded one does
        not: its journal does not come right by itself, so whoever mended what the sentence names calls `connect` again.
        """

    async def ready(self) -> None:
        """Wait until it is connected with topology and consumers standing."""

    async def declare(self, topology: Topology) -> None:
        """Declare now when connected, and again after every reconnection; calls add up.

        Raises
        ------
        TopologyError
            An exchange or queue exists with other properties, or the account has no right to it; everything else was
            declared all the same, and the refused object is tried again at each reconnection.
        """

    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        """Publish in this order; one answer per message, in this order. Never raises for what the broker does.

        Calls may overlap: their messages go out in the order of the calls. While there is no connection all are LOST
        at once. Once messages of a call are LOST, so are those of every call made before that answer could be read,
        also when there is a new connection already: what is published again must not come after them. A cancelled call
        has published; only the answer is dropped.
        """

    async def consume(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        *,
        prefetch: int,
        exclusive: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> Consumption:
        """Call `on_delivery` in the loop for each message, at most `prefetch` unsettled ones at a time.

        `on_cancel` is called with a sentence when the broker ends the consumer (its queue was deleted); the transport
        goes on trying to consume. Without a connection, or while there is no such queue, the consumption waits.
        """

    async def get(self, queue: str) -> Delivery | None:
        """Take one message, or None when the queue is empty.

        Raises
        ------
        BrokerUnavailableError
            There is no connection.
        TopologyError
            There is no such queue, or no right to read it.
        """

    async def inspect(self, queue: str) -> QueueCounts | None:
        """How full a queue is; None when there is none of that name.

        Raises
        ------
        BrokerUnavailableError
            There is no connection, or the broker has an alarm, for which it reads nothing more of ours.
        """

    async def purge(self, queue: str) -> int:
        """Drop the ready messages of a queue; how many. Raises as `get`."""

    async def delete_queue(self, queue: str) -> None:
        """Delete a queue with its messages and bindings, and forget its declaration; one that is not there is no error.

        Raises
        ------
        BrokerUnavailableError
            There is no connection.
        """

    async def close(self, seconds: float = 2.0) -> None:
        """Wait up to `seconds` for confirms under way and acks to go out, then close. A second call does nothing."""
