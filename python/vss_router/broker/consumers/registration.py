"""What was registered: a handler, its queue, and how its messages are treated."""

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import msgspec

from vss_router.broker.consumers.checks import check_counts, check_retry, check_takes
from vss_router.broker.consumers.retry import Retry
from vss_router.broker.message import Delivery
from vss_router.broker.topology import Binding, Limits, Queue, Topology
from vss_router.errors import SettingsError
from vss_router.events import Command, Event

__all__ = [
    "NO_TOPOLOGY",
    "READER_LIMITS",
    "Handler",
    "Registration",
    "Takes",
    "name_of",
    "reader_queue",
    "reader_topology",
]

Handler: TypeAlias = Callable[..., Awaitable[object]]
"""`async def handler(message)` or `async def handler(message, delivery)`."""

Takes: TypeAlias = type[Event] | type[Command] | tuple[type[Event] | type[Command], ...]
"""One type of messages, or several; `Event` and `Command` stand for all of theirs."""

NO_TOPOLOGY: Final = Topology()
READER_LIMITS: Final = Limits(expires_ms=3_600_000, max_length=100_000)
_NAME: Final = re.compile(r"[^\w\-]+")


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """One handler on one queue. `topology` is what it declares itself.

    `idempotent`: whether the inbox keeps a message from being handled twice; None: commands only.
    """

    queue: str
    handler: Handler
    name: str
    takes: Takes | None
    prefetch: int
    concurrency: int
    retry: Retry
    timeout_seconds: float
    idempotent: bool | None
    with_delivery: bool
    topology: Topology = NO_TOPOLOGY

    @classmethod
    def of(
        cls,
        queue: str,
        handler: Handler,
        *,
        takes: Takes | None,
        prefetch: int,
        concurrency: int,
        retry: Retry,
        timeout_seconds: float,
        idempotent: bool | None,
        topology: Topology = NO_TOPOLOGY,
    ) -> "Registration":
        """Check and keep what the decorator was given.

        Raises
        ------
        SettingsError
            The handler is no async function of one or two arguments, or something it was given cannot be.
        """
        name = name_of(handler)
        arguments = _arguments(handler, name, queue)
        consumer = f"{name} of {queue}"
        check_takes(consumer, takes)
        check_counts(consumer, concurrency=concurrency, prefetch=prefetch, timeout_seconds=timeout_seconds)
        check_retry(consumer, retry)
        return cls(
            queue=queue,
            handler=handler,
            name=name,
            takes=takes,
            prefetch=prefetch,
            concurrency=concurrency,
            retry=retry,
            timeout_seconds=timeout_seconds,
            idempotent=idempotent,
            with_delivery=arguments == 2,
            topology=topology,
        )

    def call(self, message: Event | Command, delivery: Delivery) -> Awaitable[object]:
        """Hand a message to the handler."""
        return self.handler(message, delivery) if self.with_delivery else self.handler(message)

    def keeps(self, message: Event | Command) -> bool:
        """Whether the inbox is asked about this message."""
        return self.idempotent if self.idempotent is not None else isinstance(message, Command)


def reader_queue(name: str, instance: str) -> str:
    """The name of a queue that only one reader has."""
    return f"vss.{_NAME.sub('-', name)}.{_NAME.sub('-', instance)}"


def reader_topology(queue: str, exchange: str, pattern: str) -> Topology:
    """A queue that sees everything; gone an hour after its reader, the oldest dropped when 100 000 wait."""
    return Topology(
        # As arguments: no policy could name a queue whose name nobody knows beforehand.
        queues=(Queue(name=queue, limits=READER_LIMITS, limits_by="arguments"),),
        bindings=(Binding(exchange=exchange, queue=queue, routing_key=pattern),),
    )


def name_of(handler: Handler) -> str:
    """What a handler is called."""
    return str(getattr(handler, "__name__", type(handler).__name__))


def _arguments(handler: Handler, name: str, queue: str) -> int:
    called: Any = handler if inspect.iscoroutinefunction(handler) else getattr(handler, "__call__", None)  # noqa: B004
    if not inspect.iscoroutinefunction(called):
        raise SettingsError(f"the consumer {name} of {queue} must be an async function")
    signature = inspect.signature(handler)
    for count in (2, 1):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count
    raise SettingsError(f"the consumer {name} of {queue} must take a message, or a message and its delivery")
