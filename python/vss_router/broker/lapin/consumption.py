"""One consumer of one queue, as its owner sees it."""

import logging
from collections.abc import Awaitable, Callable
from typing import final

from vss_router._core import AmqpDelivery
from vss_router.broker.lapin.deliveries import delivery_of
from vss_router.broker.message import Delivery

__all__ = ["LapinConsumption"]

_log = logging.getLogger(__name__)


@final
class LapinConsumption:
    """A consumption; `cancel_it` is given True when its channel is to be given up as well.

    `losses` tells how many connections were lost so far.
    """

    def __init__(
        self,
        queue: str,
        on_delivery: Callable[[Delivery], None],
        on_cancel: Callable[[str], None] | None,
        trouble: Callable[[], str | None],
        cancel_it: Callable[[bool], Awaitable[None]],
        losses: Callable[[], int],
    ) -> None:
        self._queue = queue
        self._on_delivery = on_delivery
        self._on_cancel = on_cancel
        self._trouble = trouble
        self._cancel_it = cancel_it
        self._losses = losses
        self._channel = 0
        self._last_tag = 0

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self._queue

    @property
    def trouble(self) -> str | None:
        """Why nothing can be delivered now; None while it is consuming."""
        return self._trouble()

    async def cancel(self) -> None:
        """Get no more deliveries; those handed out may still be settled."""
        await self._cancel_it(False)

    async def close(self) -> None:
        """`cancel`, and give its channel up."""
        await self._cancel_it(True)

    def hand_out(self, delivery: AmqpDelivery, losses: int) -> None:
        """Give a message to its reader. One that raises leaves it unsettled.

        `losses` is how many there were when it came.
        """
        if delivery.tag <= self._last_tag:  # each channel counts its deliveries from 1
            self._channel += 1
        self._last_tag = delivery.tag
        channel = self._channel
        try:
            self._on_delivery(
                delivery_of(self._queue, delivery, lambda: channel != self._channel or losses != self._losses())
            )
        except Exception:  # noqa: BLE001 - whatever a reader raises is its own, the others go on
            _log.exception("a reader of a queue failed", extra={"queue": self._queue})

    def tell_cancelled(self, sentence: str) -> None:
        """The broker ended it."""
        if self._on_cancel is not None:
            try:
                self._on_cancel(sentence)
            except Exception:  # noqa: BLE001 - whatever a reader raises is its own, the others go on
                _log.exception("a reader of a queue failed", extra={"queue": self._queue})
