"""One message in the inbox, from the claim to its end."""

import hashlib
import logging
from typing import Final, final

from vss_router.broker.consumers.handler_run import CANCEL_SECONDS
from vss_router.broker.consumers.inbox import Claimed, Inbox
from vss_router.broker.consumers.registration import Registration
from vss_router.broker.consumers.stats import ConsumerStats, worth_a_line
from vss_router.broker.message import Delivery
from vss_router.events import Command, Event

__all__ = ["InboxEntry"]

LEASE_MARGIN_SECONDS: Final = 30.0
"""For settling, and for the difference between two machines' clocks."""
_LONGEST_ID: Final = 200

_log = logging.getLogger(__name__)


@final
class InboxEntry:
    """A message that is handled once, by its id."""

    def __init__(self, inbox: Inbox, registration: Registration, stats: ConsumerStats, message_id: str) -> None:
        self._inbox = inbox
        self._consumer = f"{registration.queue}:{registration.name}"
        self._lease = registration.timeout_seconds + CANCEL_SECONDS + LEASE_MARGIN_SECONDS
        self._stats = stats
        self._id = message_id
        self._token = ""

    @classmethod
    def of(
        cls,
        inbox: Inbox,
        registration: Registration,
        stats: ConsumerStats,
        delivery: Delivery,
        message: Event | Command,
    ) -> "InboxEntry | None":
        """Its entry; None when it has no id, and no time either that would tell it from another of the same words."""
        given = message.id or delivery.properties.message_id
        if given and len(given) <= _LONGEST_ID:
            return cls(inbox, registration, stats, given)
        if given or delivery.properties.timestamp is not None or b'"timestamp"' in delivery.body:
            words = given.encode() if given else delivery.body
            return cls(inbox, registration, stats, f"sha256:{hashlib.sha256(words).hexdigest()}")
        return None

    async def claim(self) -> Claimed:
        """Take it; an inbox that cannot be asked counts as busy, for to handle it twice would be worse."""
        try:
            claim = await self._inbox.claim(self._consumer, self._id, self._lease)
        except Exception as error:  # noqa: BLE001 - a store raises what it likes
            self._failed(error)
            return Claimed.BUSY
        self._token = claim.token
        return claim.claimed

    async def done(self) -> None:
        """It was handled. When that cannot be kept it is acked all the same: the work is done."""
        try:
            if not await self._inbox.done(self._consumer, self._id, self._token):
                _log.warning(
                    "a message was handled past its lease, perhaps twice",
                    extra={"queue": self._stats.queue, "id": self._id},
                )
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(error)

    async def release(self) -> None:
        """It was not handled; a release that fails ends with the lease."""
        try:
            await self._inbox.release(self._consumer, self._id, self._token)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._stats.inbox_failures += 1
        if worth_a_line(self._stats.inbox_failures):
            told = {"queue": self._stats.queue, "times": self._stats.inbox_failures, "trouble": str(error)}
            _log.warning("the inbox cannot be asked", extra=told)
