"""One event loop for one command, ended in good order by SIGINT or SIGTERM."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import uvloop

__all__ = ["ended_within", "run_command"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def run_command(command: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `command(stop)` to its end in a loop of its own; `stop` is set by the first SIGINT or SIGTERM.

    A second signal does not wait any longer: the command is cancelled.
    """
    uvloop.run(_with_signals(command))


async def _with_signals(command: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(command(stop))

    def asked_to_stop() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, asked_to_stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def ended_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for `event`, at most `seconds` (None: without end); whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
