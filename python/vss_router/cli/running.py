"""One event loop for one command, ended in good order by SIGINT or SIGTERM."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import uvloop

__all__ = ["ended_within", "run_command"]

LEAVE_SECONDS: Final = 3.0
"""For tasks to clean up once they are cancelled at the end."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_log = logging.getLogger(__name__)


def run_command(command: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `command(stop)` to its end in a loop of its own; `stop` is set by the first SIGINT or SIGTERM.

    A second signal does not wait any longer: the command is cancelled. What then does not let itself be cancelled, such
    as a handler of somebody's own, is not waited for: the process ends at once with exit code 1.
    """
    uvloop.run(_with_an_end(command))


async def _with_an_end(command: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    try:
        await _with_signals(command)
    finally:
        left = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        for task in left:
            task.cancel()
        stuck = (await asyncio.wait(left, timeout=LEAVE_SECONDS))[1] if left else ()
        if stuck:
            names = ", ".join(task.get_name() for task in stuck)
            _log.error("the process ends without waiting for what does not end: %s", names)
            logging.shutdown()
            os._exit(1)  # the loop would wait for them for ever


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
