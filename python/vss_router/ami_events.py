"""A user's own AMI events: handlers by the event's name, for what typed events do not tell (`UserEvent`, `DTMFEnd`, …).

The names are matched in the compiled core; events that nobody asked for never reach Python. A handler is held to the
same rules as one of typed events: it may raise or be slow, and holds nobody up (`event_fanout.py`).
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias, final

from vss_router._core import AmiMessage
from vss_router.event_fanout import Fanout, SubscriberStats

__all__ = ["AmiEvents", "AmiHandler"]

AmiHandler: TypeAlias = Callable[[str, AmiMessage], Awaitable[None] | None]
"""Called with the PBX's name and one event as it came, in order."""


@final
class AmiEvents:
    """The handlers of one router. Names are those of the header `Event`, without case."""

    def __init__(self) -> None:
        self._fanout: Fanout[AmiMessage] = Fanout()
        self._waiting: list[Callable[[], None]] = []
        self._started = False
        self.names: set[str] = set()
        """All names that handlers are for."""

    def add(self, name: str, handler: AmiHandler) -> None:
        """Call `handler(source, event)` for each event of this name, from `start` on."""
        wanted = name.lower()
        self.names.add(name)
        shown = f"{getattr(handler, '__qualname__', type(handler).__qualname__)} ({name})"

        async def handle_each(source: str, events: list[AmiMessage]) -> None:
            for event in events:
                if event.name.lower() == wanted and (answer := handler(source, event)) is not None:
                    await answer

        def call_each(source: str, events: list[AmiMessage]) -> None:
            for event in events:
                if event.name.lower() == wanted:
                    handler(source, event)

        waits = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)

        def subscribe() -> None:
            self._fanout.subscribe(handle_each if waits else call_each, name=shown)

        if self._started:
            subscribe()
        else:
            self._waiting.append(subscribe)

    def start(self) -> None:
        """Begin to hand events out; handlers that wait get their tasks in the running loop."""
        self._started = True
        for subscribe in self._waiting:
            subscribe()

    def publish(self, source: str, events: list[AmiMessage]) -> None:
        """Hand one batch to the handlers; never raises, never waits."""
        self._fanout.publish(source, events)

    def stats(self) -> list[SubscriberStats]:
        """What became of each handler's batches."""
        return self._fanout.stats()

    async def close(self) -> None:
        """Let what waits be handled, for a second at most, then end."""
        await self._fanout.close()
        self._started = False
