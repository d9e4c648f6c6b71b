"""Topology as data: exchanges, queues with their limits, bindings.

What the system declares stands in `vss_topology.py`; what a settings file may change in `queue_settings.py`.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from vss_router.broker.message import Headers

__all__ = ["Binding", "DeadLetter", "Exchange", "ExchangeKind", "Limits", "Overflow", "Queue", "Topology"]

ExchangeKind = Literal["topic", "direct", "fanout", "headers"]
Overflow = Literal["drop-head", "reject-publish", "reject-publish-dlx"]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange. The default one (empty name) exists everywhere and is not declared."""

    name: str
    kind: ExchangeKind
    durable: bool = True
    auto_delete: bool = False


class DeadLetter(msgspec.Struct, frozen=True):
    """Where rejected, expired and overflowing messages go; without a key they keep their own."""

    exchange: str
    routing_key: str | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy can set on a queue. None: no such limit.

    `ttl_ms` is how long a message may wait, `expires_ms` how long the queue may stand without a consumer.
    """

    ttl_ms: int | None = None
    max_length: int | None = None
    overflow: Overflow = "drop-head"
    dead_letter: DeadLetter | None = None
    expires_ms: int | None = None

    def as_arguments(self) -> Mapping[str, int | str]:
        """As `x-…` arguments of `queue.declare`."""
        arguments: dict[str, int | str] = {}
        if self.ttl_ms is not None:
            arguments["x-message-ttl"] = self.ttl_ms
        if self.max_length is not None:
            arguments["x-max-length"] = self.max_length
            arguments["x-overflow"] = self.overflow
        if self.dead_letter is not None:
            arguments["x-dead-letter-exchange"] = self.dead_letter.exchange
            if self.dead_letter.routing_key is not None:
                arguments["x-dead-letter-routing-key"] = self.dead_letter.routing_key
        if self.expires_ms is not None:
            arguments["x-expires"] = self.expires_ms
        return arguments


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue.

    `limits_by` says who sets the limits: `policy` leaves the declaration bare, so that whoever else declares the queue
    without arguments is not refused (the embedded broker applies the limits itself); `arguments` declares them.
    `max_priority` (1 to 255) is always an argument: no policy can give it.
    """

    name: str
    durable: bool = True
    exclusive: bool = False
    auto_delete: bool = False
    limits: Limits = Limits()
    limits_by: Literal["policy", "arguments"] = "policy"
    max_priority: int | None = None

    @property
    def arguments(self) -> Mapping[str, int | str]:
        """The arguments of its declaration."""
        arguments = dict(self.limits.as_arguments()) if self.limits_by == "arguments" else {}
        if self.max_priority is not None:
            arguments["x-max-priority"] = self.max_priority
        return arguments


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """A queue is bound to an exchange; `arguments` are what a headers exchange compares (`x-match` among them)."""

    exchange: str
    queue: str
    routing_key: str = ""
    arguments: Headers = {}


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """Exchanges, queues and bindings, declared in that order."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()

    def plus(self, other: "Topology") -> "Topology":
        """Both, each object once; of two exchanges or queues of a name the newer one counts."""
        exchanges, queues = {each.name for each in other.exchanges}, {each.name for each in other.queues}
        return Topology(
            exchanges=(*(each for each in self.exchanges if each.name not in exchanges), *other.exchanges),
            queues=(*(each for each in self.queues if each.name not in queues), *other.queues),
            bindings=(*self.bindings, *(each for each in other.bindings if each not in self.bindings)),
        )

    def without_queue(self, name: str) -> "Topology":
        """The same without this queue and its bindings."""
        return msgspec.structs.replace(
            self,
            queues=tuple(queue for queue in self.queues if queue.name != name),
            bindings=tuple(binding for binding in self.bindings if binding.queue != name),
        )
