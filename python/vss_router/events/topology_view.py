"""What the AsyncAPI document tells of a broker's topology; whoever knows the topology fills it in."""

import msgspec

__all__ = ["ExchangeView", "QueueView", "TopologyView"]


class ExchangeView(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange; `kind` is AMQP's word, such as `topic`."""

    name: str
    kind: str
    durable: bool = True


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """A queue, its bindings as (exchange, binding key), and its limits; None is no limit.

    `dead_letter` is (exchange, routing key), the key being None where a message keeps its own.
    """

    name: str
    durable: bool = True
    bindings: tuple[tuple[str, str], ...] = ()
    ttl_seconds: float | None = None
    max_length: int | None = None
    overflow: str = "drop-head"
    dead_letter: tuple[str, str | None] | None = None


class TopologyView(msgspec.Struct, frozen=True, kw_only=True):
    """A topology; `virtual_host` is the one it stands in."""

    exchanges: tuple[ExchangeView, ...]
    queues: tuple[QueueView, ...]
    virtual_host: str = "/vss"
