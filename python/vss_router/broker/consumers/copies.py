"""Copies of a message that could not be handled: into a lane, to where dead letters go, into the parking queue.

A copy counts only when the broker confirmed it; its original is settled after that, by whoever asked.
"""

import datetime
import logging
from collections.abc import Callable, Iterable
from typing import Final, final

from vss_router.broker.consumers.lanes import DELAY_HEADER, RETRY_EXCHANGE, retry_topology
from vss_router.broker.consumers.trail import FAILED_AT, FAILED_QUEUE, FAILED_REASON, Trail, death
from vss_router.broker.message import Confirm, Delivery, Headers, HeaderValue, Message, Outcome
from vss_router.broker.topology import DeadLetter, Queue
from vss_router.broker.transport import Transport
from vss_router.errors import TopologyError
from vss_router.log import mask

__all__ = ["Copies"]

_LONGEST_REASON: Final = 1000

_log = logging.getLogger(__name__)


@final
class Copies:
    """Sends copies over one transport; `parking` is the queue for what nobody can handle.

    `clock` gives Unix seconds, `random` numbers in [0, 1).
    """

    def __init__(
        self, transport: Transport, parking: Queue, clock: Callable[[], float], random: Callable[[], float]
    ) -> None:
        self._parking = parking
        self._transport = transport
        self._clock = clock
        self._random = random
        self._declared: set[int] = set()
        self._parking_declared = False

    @property
    def blocked(self) -> str | None:
        """Why the broker takes no copies now; None when it does."""
        return self._transport.status.blocked

    async def declare(self, lanes: Iterable[int]) -> None:
        """Declare the lanes (milliseconds) that are not yet, and the parking queue; a refusal is logged."""
        missing = set(lanes) - self._declared
        if not missing and self._parking_declared:
            return
        try:
            await self._transport.declare(retry_topology(missing, self._parking))
        except TopologyError as error:
            # The transport tries again at each reconnection; until then failures go back to their queues.
            _log.warning("messages cannot be retried: %s", error)
        self._declared |= missing
        self._parking_declared = True

    async def into_lane(self, delivery: Delivery, trail: Trail, lanes: tuple[int, ...]) -> Confirm:
        """Hand it back to its queue after one of these delays (milliseconds)."""
        lane = lanes[int(self._random() * len(lanes))]
        await self.declare(lanes)
        message = _copy(delivery, trail, RETRY_EXCHANGE, delivery.queue, {DELAY_HEADER: lane})
        return await self._sent(message, lanes)

    async def to_dead_letters(
        self, delivery: Delivery, trail: Trail, target: DeadLetter, reason: str, *, expired: bool
    ) -> Confirm:
        """Send it where its queue's dead letters go, with what a broker writes on them and why it was given up.

        A copy, because a rejected message would go without its errors, and vanish where no policy is in force.
        """
        now = self._clock()
        headers = {
            **self._failure(delivery, reason),
            **death(delivery, trail, "expired" if expired else "rejected", now),
        }
        key = target.routing_key if target.routing_key is not None else trail.routing_key
        return await self._sent(_copy(delivery, trail, target.exchange, key, headers), ())

    async def into_parking(self, delivery: Delivery, trail: Trail, reason: str) -> Confirm:
        """Lay it into the parking queue."""
        message = _copy(delivery, trail, "", self._parking.name, self._failure(delivery, reason))
        return await self._sent(message, ())

    def _failure(self, delivery: Delivery, reason: str) -> dict[str, HeaderValue]:
        now = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC)
        return {
            FAILED_QUEUE: delivery.queue,
            FAILED_REASON: mask(reason[: 2 * _LONGEST_REASON])[:_LONGEST_REASON],
            FAILED_AT: now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }

    async def _sent(self, message: Message, lanes: tuple[int, ...]) -> Confirm:
        confirm = await self._confirmed(message)
        ours = message.exchange in {"", RETRY_EXCHANGE}
        if ours and confirm.outcome in {Outcome.RETURNED, Outcome.REFUSED}:
            # Somebody has deleted the lane or the parking queue.
            try:
                await self._transport.declare(retry_topology(lanes, self._parking))
            except TopologyError as error:
                return Confirm(Outcome.REFUSED, str(error))
            confirm = await self._confirmed(message)
        return confirm

    async def _confirmed(self, message: Message) -> Confirm:
        (confirm,) = await self._transport.publish([message])
        return confirm


def _copy(delivery: Delivery, trail: Trail, exchange: str, key: str, added: Headers) -> Message:
    return Message(exchange, key, delivery.body, trail.copied(delivery.properties, added), mandatory=True)
