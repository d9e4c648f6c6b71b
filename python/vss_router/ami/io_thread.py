"""The thread that owns the sockets.

Asterisk cuts a reader that does not read for 100 ms. A handler of the application may well block the main loop for
longer, so sockets are read by a loop of their own, which runs nothing else; several PBXs share it.
"""

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack, final

import uvloop

__all__ = ["IoThread"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Wire(Protocol):
    """An open connection."""

    def cut(self, reason: str) -> None:
        """End it now."""


@final
class IoThread:
    """A thread with an event loop for sockets only.

    It is a daemon: a process that forgets to `stop` it still ends.
    """

    def __init__(self, name: str = "vss-ami-io") -> None:
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._wires: weakref.WeakSet[Wire] = weakref.WeakSet()

    def start(self) -> None:
        """Start the thread; once."""
        self._thread.start()

    async def stop(self) -> None:
        """End the loop, its tasks and the thread; what is still connected is closed."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread and wait for it here; cancelling the wait cancels the work."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def call(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Run a function in the thread soon."""
        self._loop.call_soon_threadsafe(callback, *args)

    def end_with(self, wire: Wire) -> None:
        """Cut this connection at the latest when the thread ends; called in the thread."""
        self._wires.add(wire)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._end())
        finally:
            self._loop.close()

    async def _end(self) -> None:
        """Leave nothing open for the loop to close: where warnings are errors it would wait for ever instead."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for wire in list(self._wires):
            wire.cut("its thread has ended")
        await asyncio.sleep(0)
