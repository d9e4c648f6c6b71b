"""A user's own AMI events: handlers by the event's name, for what typed events do not tell (`UserEvent`, `DTMFEnd`, …).

The names are matched in the compiled core; events that nobody asked for never reach Python. A handler is held to the
same rules as one of typed events: it may raise or be slow, and holds nobody up (`event_fanout.py`).
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, final

from vss_router._core import AmiMessage
from vss_router.errors import SettingsError
from vss_router.event_fanout import Fanout, SubscriberStats

__all__ = ["AmiEvents", "AmiHandler"]

AmiHandler: TypeAlias = Callable[[str, AmiMessage], Awaitable[None] | None]
"""Called with the PBX's name and one event as it came, in order."""

_NAME: Final = re.compile(r"[\w\-]+")


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
        """Call `handler(source, event)` for each event of this name, from `start` on.

        Raises
        ------
        SettingsError
            No event has such a name, or the handler does not take two arguments.
        """
        check_name(name)
        check_handler(name, handler)
        wanted = name.lower()
        self.names.add(name)
        shown = f"{getattr(handler, '__qualname__', type(handler).__qualname__)} ({name})"

        async def handle_each(source: str, events: list[AmiMessage]) -> None:
            failures: list[Exception] = []
            for event in events:
                if event.name.lower() == wanted:
                    try:
                        if (answer := handler(source, event)) is not None:
                            await answer
                    except Exception as error:  # noqa: BLE001 - the events behind it are still to be told
                        failures.append(error)
            raise_all(shown, failures)

        def call_each(source: str, events: list[AmiMessage]) -> None:
            failures: list[Exception] = []
            for event in events:
                if event.name.lower() == wanted:
                    try:
                        handler(source, event)
                    except Exception as error:  # noqa: BLE001 - the events behind it are still to be told
                        failures.append(error)
            raise_all(shown, failures)

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


def check_name(name: object) -> None:
    """Refuse what is no name of an event, the handler itself among it: a decorator without its brackets.

    Raises
    ------
    SettingsError
        As told.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        shown = repr(name) if isinstance(name, str) else f"a {type(name).__name__}"
        raise SettingsError(f'on_ami needs the name of an AMI event, as in @router.on_ami("UserEvent"), not {shown}')


def check_handler(name: str, handler: object) -> None:
    """Refuse what cannot be called with a source and an event.

    Raises
    ------
    SettingsError
        As told.
    """
    try:
        fits = callable(handler) and inspect.signature(handler).bind("", None) is not None
    except TypeError:
        fits = False
    except ValueError:  # a built-in that does not tell
        fits = True
    if not fits:
        shown = getattr(handler, "__qualname__", type(handler).__qualname__)
        raise SettingsError(f"the handler {shown} of the AMI event {name} must take the PBX's name and the event")


def raise_all(handler: str, failures: list[Exception]) -> None:
    """Tell what a handler raised over one batch, for the log: the error itself, or all of them together."""
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise ExceptionGroup(f"{handler} failed for {len(failures)} events that came together", failures)
