"""Messages as they came over the wire become deliveries."""

from collections.abc import Callable

from vss_router._core import AmqpDelivery
from vss_router.broker.message import Delivery, Properties

__all__ = ["delivery_of"]

_PERSISTENT = 2


def delivery_of(queue: str, given: AmqpDelivery, gone: Callable[[], bool] = lambda: False) -> Delivery:
    """The delivery of a message out of this queue."""
    expiration = given.expiration
    return Delivery(
        queue=queue,
        exchange=given.exchange,
        routing_key=given.routing_key,
        body=given.body,
        properties=Properties(
            content_type=given.content_type,
            content_encoding=given.content_encoding,
            headers=given.headers,
            persistent=given.delivery_mode == _PERSISTENT,
            priority=given.priority,
            correlation_id=given.correlation_id,
            reply_to=given.reply_to,
            # Other publishers may write anything there.
            expiration_ms=int(expiration) if expiration and expiration.isdecimal() else None,
            message_id=given.message_id,
            timestamp=given.timestamp,
            type=given.type,
            user_id=given.user_id,
            app_id=given.app_id,
        ),
        redelivered=given.redelivered,
        settle=given.settle,
        tag=given.tag,
        waiting=given.waiting,
        gone=gone,
    )
