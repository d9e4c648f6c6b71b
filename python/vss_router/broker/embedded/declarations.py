"""When a declaration is that of what is there already, and the sentences when it is not."""

from vss_router.broker.topology import Binding, Exchange, Queue
from vss_router.errors import TopologyError

__all__ = ["other_exchange", "other_queue", "unbindable"]


def other_exchange(there: Exchange, wanted: Exchange) -> TopologyError | None:
    """None when they are the same."""
    if there == wanted:
        return None
    return TopologyError(
        f"the exchange {wanted.name} is there as {_said(there)}, not as {_said(wanted)}: "
        f"declare it as it is, or delete it first"
    )


def other_queue(there: Queue, wanted: Queue) -> TopologyError | None:
    """None when they are the same; limits by policy are no part of a declaration."""
    if _declaration(there) == _declaration(wanted):
        return None
    return TopologyError(
        f"the queue {wanted.name} is there as {_said_queue(there)}, not as {_said_queue(wanted)}: "
        f"declare it as it is, or delete it first"
    )


def unbindable(wanted: Binding, missing: str | None) -> TopologyError:
    """A binding misses one of its ends, or its key is too long."""
    if missing is not None:
        return TopologyError(
            f"the queue {wanted.queue} cannot be bound to {wanted.exchange}: there is no {missing}; declare it"
        )
    return TopologyError(f"the queue {wanted.queue} cannot be bound to {wanted.exchange}: shorten its key to 255 bytes")


def _declaration(queue: Queue) -> tuple[object, ...]:
    return queue.durable, queue.exclusive, queue.auto_delete, dict(queue.arguments)


def _said(exchange: Exchange) -> str:
    durable = "durable" if exchange.durable else "transient"
    return f"{durable} {exchange.kind}{', auto-delete' if exchange.auto_delete else ''}"


def _said_queue(queue: Queue) -> str:
    kinds = [
        "durable" if queue.durable else "transient",
        *(["exclusive"] if queue.exclusive else []),
        *(["auto-delete"] if queue.auto_delete else []),
        *(f"{name}={value}" for name, value in sorted(queue.arguments.items())),
    ]
    return ", ".join(kinds)
