"""The part of `_core` that speaks AMQP. There is no such module at run time: import from `vss_router._core`.

A build without the cargo feature `amqp` has none of these classes.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, final

from vss_router.broker.message import Delivery, HeaderValue, Message
from vss_router.broker.topology import Topology

__all__ = [
    "AmqpCancelled",
    "AmqpClient",
    "AmqpConfirms",
    "AmqpDelivery",
    "AmqpDone",
    "AmqpFault",
    "AmqpRefusal",
    "AmqpStatus",
]

_Note: TypeAlias = AmqpConfirms | AmqpDelivery | AmqpDone | AmqpCancelled | AmqpStatus

@final
class AmqpClient:
    """A way to RabbitMQ, in threads that never take the interpreter; it reconnects by itself until `close`.

    Orders give their number at once and are done when `drain` gives the `AmqpDone` of that number; `fileno` is readable
    while there is something to drain. `ca`, `certificate` and `private_key` are PEM.

    Raises
    ------
    ValueError
        An option cannot be used.
    """

    def __new__(
        cls,
        addresses: Sequence[tuple[str, int]],
        *,
        vhost: str,
        username: str,
        password: str,
        tls: bool = False,
        ca: bytes | None = None,
        certificate: bytes | None = None,
        private_key: bytes | None = None,
        name: str = "vss-router",
        heartbeat_seconds: int = 10,
        connect_seconds: float = 5.0,
        answer_seconds: float = 10.0,
        retry_first_seconds: float = 0.05,
        retry_longest_seconds: float = 2.0,
        outstanding: int = 4096,
        waiting: int = 1024,
        seed: int,
    ) -> AmqpClient: ...
    def start(self) -> int | None:
        """Begin to connect; the order is done when the first attempt is. None when it had begun."""
    def fileno(self) -> int: ...
    def publish(self, messages: Sequence[Message]) -> int | None:
        """The number of the batch that `AmqpConfirms` will name; None without a connection or messages."""
    def declare(self, topology: Topology) -> int: ...
    def consume(self, queue: str, *, prefetch: int, exclusive: bool = False) -> int:
        """The order's number is the consumption's as well. It is done after the first attempt."""
    def cancel(self, consumer: int, *, release: bool = False) -> int:
        """No more deliveries; with `release` its channel is given up too."""
    def consumption_fault(self, consumer: int) -> AmqpFault | None:
        """Why it gets nothing now."""
    def get(self, queue: str) -> int: ...
    def inspect(self, queue: str) -> int: ...
    def purge(self, queue: str) -> int: ...
    def delete_queue(self, queue: str) -> int: ...
    def close(self, within: float) -> None:
        """End; `AmqpStatus` with the state `closed` tells when it has."""
    def status(self) -> AmqpStatus: ...
    def drain(self, most: int = 1024) -> list[_Note]: ...

@final
class AmqpFault:
    """Why something failed. `code` is AMQP's reply code or 0, `text` the words of whoever said no."""

    @property
    def kind(self) -> Literal["unreachable", "tls", "silent", "broken", "answered"]: ...
    @property
    def code(self) -> int: ...
    @property
    def text(self) -> str: ...

@final
class AmqpRefusal:
    """An object that was not declared; of a binding, `name` is its queue's."""

    @property
    def object(self) -> Literal["exchange", "queue", "binding"]: ...
    @property
    def name(self) -> str: ...
    @property
    def fault(self) -> AmqpFault: ...

@final
class AmqpConfirms:
    """All messages of a batch are answered for: confirmed, but for `failures` (place, outcome, reply code, text)."""

    @property
    def batch(self) -> int: ...
    @property
    def failures(self) -> list[tuple[int, Literal["nacked", "returned", "refused", "lost"], int, str]]: ...

@final
class AmqpCancelled:
    """The broker ended a consumer; it goes on trying to consume."""

    @property
    def consumer(self) -> int: ...

@final
class AmqpDone:
    """An order is done: `fault` when it failed, else what it asked for."""

    @property
    def order(self) -> int: ...
    @property
    def fault(self) -> AmqpFault | None: ...
    @property
    def message(self) -> AmqpDelivery | None: ...
    @property
    def counts(self) -> tuple[int, int] | None:
        """Ready messages and consumers; None when there is no such queue."""
    @property
    def purged(self) -> int: ...
    @property
    def refusals(self) -> list[AmqpRefusal]: ...

@final
class AmqpStatus:
    """How the client stands. `fault` is why the last connection failed, `refusals` what the broker did not declare."""

    @property
    def state(self) -> Literal["new", "connecting", "ready", "closed"]: ...
    @property
    def fault(self) -> AmqpFault | None: ...
    @property
    def address(self) -> str: ...
    @property
    def refusals(self) -> list[AmqpRefusal]: ...
    @property
    def connects(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def redeclares(self) -> int: ...
    @property
    def blocked(self) -> str | None: ...

@final
class AmqpDelivery:
    """A message out of a queue, with the basic properties as they stood on the wire."""

    @property
    def consumer(self) -> int:
        """The consumption's number; 0 for `get`."""
    @property
    def tag(self) -> int: ...
    @property
    def exchange(self) -> str: ...
    @property
    def routing_key(self) -> str: ...
    @property
    def redelivered(self) -> bool: ...
    @property
    def waiting(self) -> int | None: ...
    @property
    def body(self) -> bytes: ...
    @property
    def headers(self) -> dict[str, HeaderValue]: ...
    @property
    def content_type(self) -> str | None: ...
    @property
    def content_encoding(self) -> str | None: ...
    @property
    def delivery_mode(self) -> int | None: ...
    @property
    def priority(self) -> int | None: ...
    @property
    def correlation_id(self) -> str | None: ...
    @property
    def reply_to(self) -> str | None: ...
    @property
    def expiration(self) -> str | None: ...
    @property
    def message_id(self) -> str | None: ...
    @property
    def timestamp(self) -> int | None: ...
    @property
    def type(self) -> str | None: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def app_id(self) -> str | None: ...
    def settle(self, delivery: Delivery, how: str) -> bool:
        """`ack`, `requeue` or `reject`; False when its channel is gone."""
