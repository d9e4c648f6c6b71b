"""What a program does with messages through its router: publish, listen, take work.

```python
from vss_router import Router

router = Router.embedded()

@router.on("call.*")
async def seen(event): ...
```
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from vss_router.broker.consumers import Retry
from vss_router.broker.consumers.consumers import DEFAULT_RETRY, PREFETCH, TIMEOUT_SECONDS
from vss_router.broker.consumers.registration import Handler, Takes
from vss_router.broker.vss_topology import EVENTS
from vss_router.errors import SettingsError
from vss_router.events import Command, Event
from vss_router.messaging import RouterMessaging

__all__ = ["MessagingSurface"]

HandlerT = TypeVar("HandlerT", bound=Handler)
T = TypeVar("T")


class MessagingSurface:
    """The part of a router that deals in messages; `messaging` is None when there is no broker."""

    def __init__(self, messaging: RouterMessaging | None) -> None:
        self._messaging = messaging

    @property
    def messaging(self) -> RouterMessaging:
        """Transport, outbox, publisher and consumers.

        Raises
        ------
        SettingsError
            The setting `broker` is `none`.
        """
        if self._messaging is None:
            raise SettingsError('the setting "broker" is none: without a broker there are no messages')
        return self._messaging

    async def publish(
        self, message: Event | Command, *, priority: int | None = None, expires_seconds: float | None = None
    ) -> None:
        """Publish a message; returns when the broker confirmed it or it is on disk, whichever is first.

        It is then published at least once, whatever happens; a duplicate carries the same `id`. Missing `id` and
        `timestamp` are filled in; `priority` is 0 to 255; `expires_seconds` from now nobody wants it any more.

        Raises
        ------
        UnroutableError
            No queue is bound for it, and one should be.
        OutboxFullError
            Nothing more can be taken, or the command's queue is full.
        MessageError
            It cannot be encoded, is too big, or the broker will never take it.
        """
        await self.messaging.publisher.publish(message, priority=priority, expires_seconds=expires_seconds)

    async def call(
        self, method: str, params: msgspec.Struct | None = None, *, result: type[T], timeout_seconds: float = 5.0
    ) -> T:
        """Call a remote method over the broker, such as `status.operator`, and wait for its result.

        `RpcClient.call` tells the errors.
        """
        client = await self.messaging.rpc()
        return await client.call(method, params, result=result, timeout_seconds=timeout_seconds)

    def on(
        self,
        pattern: str,
        *,
        exchange: str = EVENTS,
        type: Takes | None = None,  # noqa: A002 - what it is
        name: str | None = None,
        prefetch: int = PREFETCH,
        concurrency: int = 1,
        retry: Retry = DEFAULT_RETRY,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Callable[[HandlerT], HandlerT]:
        """A decorator: the async function sees every message whose routing key matches, beside whoever else does.

        `Consumers.on` tells the parameters and errors.
        """
        return self.messaging.consumers.on(
            pattern,
            exchange=exchange,
            type=type,
            name=name,
            prefetch=prefetch,
            concurrency=concurrency,
            retry=retry,
            timeout_seconds=timeout_seconds,
        )

    def consumer(
        self,
        queue: str,
        type: Takes | None = None,  # noqa: A002 - what it is
        *,
        prefetch: int = PREFETCH,
        concurrency: int = 1,
        retry: Retry = DEFAULT_RETRY,
        timeout_seconds: float = TIMEOUT_SECONDS,
        idempotent: bool | None = None,
    ) -> Callable[[HandlerT], HandlerT]:
        """A decorator: the async function takes the messages of a work queue, shared with all who consume it.

        `Consumers.consumer` tells the parameters and errors.
        """
        return self.messaging.consumers.consumer(
            queue,
            type,
            prefetch=prefetch,
            concurrency=concurrency,
            retry=retry,
            timeout_seconds=timeout_seconds,
            idempotent=idempotent,
        )
