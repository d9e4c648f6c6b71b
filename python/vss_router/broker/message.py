"""What goes to a broker and what comes from one: message, confirm, delivery."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias, Union

import msgspec

__all__ = ["Confirm", "Delivery", "HeaderValue", "Headers", "Message", "Outcome", "Properties", "Settlement"]

HeaderValue: TypeAlias = Union[
    bool, int, float, str, bytes, datetime.datetime, "Sequence[HeaderValue]", "Mapping[str, HeaderValue]", None
]
"""What an AMQP 0-9-1 field table may hold; times are UTC with whole seconds."""
Headers: TypeAlias = Mapping[str, HeaderValue]


class Properties(msgspec.Struct, frozen=True, kw_only=True):
    """The basic properties of AMQP 0-9-1.

    `persistent` is delivery mode 2. `expiration_ms` is the message's own time to live in milliseconds, `timestamp`
    Unix time in whole seconds, `priority` 0 to 255.
    """

    content_type: str | None = "application/json"
    content_encoding: str | None = None
    headers: Headers = {}
    persistent: bool = True
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    expiration_ms: int | None = None
    message_id: str | None = None
    timestamp: int | None = None
    type: str | None = None
    user_id: str | None = None
    app_id: str | None = None


class Message(msgspec.Struct, frozen=True):
    """What is published. The default exchange is the empty name; its routing key names the queue.

    A `mandatory` message that no queue takes comes back as `Outcome.RETURNED`; another one just vanishes.
    """

    exchange: str
    routing_key: str
    body: bytes
    properties: Properties = Properties()
    mandatory: bool = False


class Outcome(StrEnum):
    """What became of a published message."""

    CONFIRMED = "confirmed"
    """The broker has it: on disk when it is persistent and a durable queue took it."""
    NACKED = "nacked"
    """The broker did not take it: a queue is full and rejects."""
    RETURNED = "returned"
    """It was mandatory and no queue is bound for it."""
    REFUSED = "refused"
    """It can never be taken: no such exchange, no right to write there, over the broker's size limit."""
    LOST = "lost"
    """The connection is gone; whether the broker has it is not known. Publish it again."""


class Confirm(msgspec.Struct, frozen=True):
    """The answer to one published message; `reason` is one sentence naming the object unless it is confirmed."""

    outcome: Outcome
    reason: str = ""


class Settlement(StrEnum):
    """What a consumer decides about a delivery."""

    ACK = "ack"
    REQUEUE = "requeue"
    REJECT = "reject"
    """Dead-lettered where the queue has a dead-letter exchange, else gone."""


def _never() -> bool:
    return False


class Delivery(msgspec.Struct, kw_only=True, eq=False):
    """One message out of a queue. Settle it exactly once, with `ack` or `nack`.

    `exchange` and `routing_key` are those it was published with. `waiting` is how many messages the queue still had,
    where the broker tells (`get`). `settle` and `gone` belong to the transport.
    """

    queue: str
    exchange: str
    routing_key: str
    body: bytes
    properties: Properties
    redelivered: bool
    settle: Callable[["Delivery", Settlement], bool]
    tag: int = 0
    waiting: int | None = None
    settled: bool = False
    gone: Callable[[], bool] = _never

    @property
    def is_stale(self) -> bool:
        """Whether settling it would come too late: the connection it came on is gone, it will be redelivered."""
        return not self.settled and self.gone()

    def ack(self) -> bool:
        """It is done. False when that came too late: the connection it came on is gone, it will be redelivered."""
        return self._settle(Settlement.ACK)

    def nack(self, *, requeue: bool) -> bool:
        """It is not done: back into the queue where it stood, or rejected. False as for `ack`."""
        return self._settle(Settlement.REQUEUE if requeue else Settlement.REJECT)

    def _settle(self, how: Settlement) -> bool:
        if self.settled:
            raise RuntimeError(f"a delivery from {self.queue} was settled twice")
        self.settled = True
        return self.settle(self, how)
