"""An outbox on a scripted transport, and messages for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.transport_double import ScriptedTransport
from vss_router.broker.message import Headers, Message, Properties
from vss_router.broker.outbox import Outbox, Trouble

__all__ = ["LONGEST", "Rig", "event", "eventually", "message", "rig"]

LONGEST: Final = 20.0
"""Seconds that end a test which has failed; nothing is measured by it."""


async def eventually(true: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    try:
        async with asyncio.timeout(LONGEST):
            while not true():  # noqa: ASYNC110 - it may come from anywhere
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"not {what} within {LONGEST} s") from None


def message(name: object, key: str = "gacs.completed", body: bytes = b"{}", *, mandatory: bool = False) -> Message:
    """A message whose id is `name`."""
    return Message("vss.events", key, body, Properties(message_id=str(name), type=key), mandatory)


def event(seq: int, source: str = "main", key: str = "call.update") -> Message:
    """A PBX's event; its id is source and seq."""
    headers: Headers = {"x-source": source, "x-seq": seq}
    return Message("vss.events", key, b"{}", Properties(message_id=f"{source}:{seq}", type=key, headers=headers))


class Rig:
    def __init__(self, outbox: Outbox, transport: ScriptedTransport, troubles: list[Trouble]) -> None:
        self.outbox = outbox
        self.transport = transport
        self.troubles = troubles

    async def drained(self) -> None:
        """Everything that was taken is settled."""
        await eventually(lambda: self.outbox.stats.waiting_messages == 0, "all settled")

    async def on_disk(self, messages: int) -> None:
        await eventually(lambda: self.outbox.stats.disk_messages == messages, f"{messages} on disk")


@asynccontextmanager
async def rig(
    path: Path | None = None, *, transport: ScriptedTransport | None = None, stop_seconds: float = 0.0, **bounds: Any
) -> AsyncIterator[Rig]:
    """An outbox that runs; `path` None keeps it in memory."""
    transport = transport if transport is not None else ScriptedTransport()
    troubles: list[Trouble] = []
    outbox = Outbox(transport, path=path, on_trouble=troubles.append, **{"random": lambda: 0.0, **bounds})
    await outbox.start()
    try:
        yield Rig(outbox, transport, troubles)
    finally:
        await outbox.stop(stop_seconds)
