"""What is declared on each connection anew, and what of it was refused the last time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, final

from vss_router.ami.backoff import Backoff
from vss_router.broker.aio_pika.desk import Desk, Refusal
from vss_router.broker.topology import Topology

__all__ = ["Declarations"]

_FIRST_SECONDS: Final = 0.1
_MOST_SECONDS: Final = 5.0
_RESOURCE_LOCKED: Final = 405


@final
class Declarations:
    """One topology out of all that was asked for. What speaks to the broker raises FaultError."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.redeclares = 0
        """Times everything was declared again because another connection holds a part of it for itself."""
        self._topology = Topology()

    def add(self, topology: Topology) -> None:
        """Declare this too, from now on."""
        self._topology = self._topology.plus(topology)

    def forget_queue(self, name: str) -> None:
        """Declare this queue no more."""
        self._topology = self._topology.without_queue(name)

    def renew(self, topology: Topology, refused: list[Refusal]) -> None:
        """Of what was declared now only what was refused now stands refused."""
        names = {
            *(("exchange", exchange.name) for exchange in topology.exchanges),
            *(("queue", queue.name) for queue in topology.queues),
            *(("binding", binding.queue) for binding in topology.bindings),
        }
        self.refusals = [*(old for old in self.refusals if old[:2] not in names), *refused]

    async def declare(self, desk: Desk) -> None:
        """Declare everything."""
        self.refusals = await desk.declare(self._topology)

    async def declare_locked(
        self, desk: Desk, random: Callable[[], float], declared: Callable[[], Awaitable[None]]
    ) -> None:
        """Declare again what another connection holds for itself: after a cut that one is our own last one.

        As long as the connection stands; each time `declared` is called.
        """
        backoff = Backoff(_FIRST_SECONDS, _MOST_SECONDS, random)
        while True:
            await asyncio.sleep(backoff.next())
            if any(fault.code == _RESOURCE_LOCKED for _, _, fault in self.refusals):
                self.redeclares += 1
                await self.declare(desk)
                await declared()
