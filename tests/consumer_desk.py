"""Consumers over a transport that does what a test tells it: copies are kept and answered by a script."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from vss_router.broker.consumers import Consumers, ConsumerStats
from vss_router.broker.message import Confirm, Delivery, Message, Outcome, Properties, Settlement
from vss_router.broker.topology import DeadLetter, Limits, Queue, Topology
from vss_router.broker.transport import QueueCounts, TransportStatus
from vss_router.errors import TopologyError

__all__ = ["LEAD", "NOW", "START", "ConsumptionDouble", "Desk", "HandingTransport", "desk_with", "until"]

OnDelivery = Callable[[Delivery], None]
NOW: Final = 1_795_290_561.0
START: Final = b'{"event":"call.start","call_id":"c1","phone_number":"+79991234567"}'
LEAD: Final = (
    b'{"command":"autodial.lead","timestamp":"2026-11-21T19:49:21Z","lead_id":"l1","phone_number":"1",'
    b'"campaign_id":"c"}'
)
_LEADS: Final = Queue(
    name="vss.autodial.leads", limits=Limits(ttl_ms=3_600_000, dead_letter=DeadLetter("vss.events", "command.failed"))
)
_TOPOLOGY: Final = Topology(queues=(_LEADS, Queue(name="vss.call.events", limits=Limits(ttl_ms=86_400_000))))


class ConsumptionDouble:
    def __init__(self, queue: str, on_delivery: OnDelivery, on_cancel: Callable[[str], None] | None) -> None:
        self.queue = queue
        self.on_delivery = on_delivery
        self.on_cancel = on_cancel
        self.trouble: str | None = None
        self.cancelled = False
        self.closed = False

    async def cancel(self) -> None:
        self.cancelled = True

    async def close(self) -> None:
        self.closed = True


class HandingTransport:
    """`outcomes` answers the next publishes; without any they are confirmed. `settled` has what became of deliveries.

    Nothing is handed out but by `deliver` and `redeliver`.
    """

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.declared: list[Topology] = []
        self.outcomes: deque[Confirm] = deque()
        self.settled: list[tuple[bytes, Settlement]] = []
        self.consumptions: dict[str, ConsumptionDouble] = {}
        self.refuses: str | None = None
        self.in_time = True
        self.cuts = 0
        self.mute = False
        self.blocked: str | None = None

    @property
    def status(self) -> TransportStatus:
        return TransportStatus(state="ready", blocked=self.blocked)

    async def connect(self) -> None:
        return

    async def ready(self) -> None:
        return

    async def declare(self, topology: Topology) -> None:
        self.declared.append(topology)
        if self.refuses is not None:
            raise TopologyError(self.refuses)

    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        if self.mute:
            await asyncio.Event().wait()
        self.published += messages
        return [self.outcomes.popleft() if self.outcomes else Confirm(Outcome.CONFIRMED) for _ in messages]

    async def consume(
        self,
        queue: str,
        on_delivery: OnDelivery,
        *,
        prefetch: int,
        exclusive: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> ConsumptionDouble:
        self.consumptions[queue] = ConsumptionDouble(queue, on_delivery, on_cancel)
        return self.consumptions[queue]

    async def get(self, queue: str) -> Delivery | None:
        return None

    async def inspect(self, queue: str) -> QueueCounts | None:
        return None

    async def purge(self, queue: str) -> int:
        return 0

    async def delete_queue(self, queue: str) -> None:
        return

    async def close(self, seconds: float = 2.0) -> None:
        return

    def deliver(
        self,
        queue: str,
        body: bytes,
        *,
        exchange: str = "vss.events",
        routing_key: str = "call.start",
        properties: Properties | None = None,
    ) -> Delivery:
        """Hand a message to the consumer of the queue."""
        delivery = Delivery(
            queue=queue,
            exchange=exchange,
            routing_key=routing_key,
            body=body,
            properties=Properties() if properties is None else properties,
            redelivered=False,
            settle=self._settle,
            gone=lambda cuts=self.cuts: self.cuts != cuts,  # type: ignore[misc]
        )
        self.consumptions[queue].on_delivery(delivery)
        return delivery

    def redeliver(self, message: Message) -> Delivery:
        """Hand a copy that was published into a lane to the queue it goes back to."""
        return self.deliver(
            message.routing_key,
            message.body,
            exchange="",
            routing_key=message.routing_key,
            properties=message.properties,
        )

    def _settle(self, delivery: Delivery, how: Settlement) -> bool:
        if delivery.gone():
            return False
        self.settled.append((delivery.body, how))
        return self.in_time


class Desk:
    """Consumers, and one delivery after the other. `now` is their clock."""

    def __init__(self, *, random: Callable[[], float] = lambda: 0.5, **options: Any) -> None:
        self.transport = HandingTransport()
        self.now = NOW
        self.consumers = Consumers(
            self.transport,
            topology=_TOPOLOGY,
            instance="desk",
            clock=lambda: self.now,
            monotonic=lambda: 0.0,
            random=random,
            **options,
        )

    async def started(self) -> "Desk":
        await self.consumers.start()
        return self

    @property
    def stats(self) -> ConsumerStats:
        return self.consumers.stats()[0]

    @property
    def how(self) -> list[Settlement]:
        return [how for _, how in self.transport.settled]

    async def give(self, queue: str = "vss.call.events", body: bytes = START, **told: Any) -> None:
        """Hand out one message and wait until it is settled."""
        delivery = self.transport.deliver(queue, body, **told)
        await until(lambda: delivery.settled)

    async def give_lead(self, **told: Any) -> None:
        await self.give(
            "vss.autodial.leads", **{"body": LEAD, "exchange": "vss.commands", "routing_key": "autodial.lead"} | told
        )

    async def give_again(self) -> None:
        """Let the last copy come back out of its lane."""
        delivery = self.transport.redeliver(self.transport.published[-1])
        await until(lambda: delivery.settled)


async def desk_with(handler: Any, queue: str = "vss.call.events", **options: Any) -> Desk:
    desk = Desk(**{name: options.pop(name) for name in ("random", "inbox", "consumed") if name in options})
    desk.consumers.consumer(queue, **options)(handler)
    return await desk.started()


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - asks for what only the test wants to know
            await asyncio.sleep(0.001)
