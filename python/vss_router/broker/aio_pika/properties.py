"""Messages to and from aiormq's frames."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import aiormq
from aiormq.abc import DeliveredMessage
from pamqp.common import FieldTable

from vss_router.broker.message import Delivery, Headers, HeaderValue, Properties

__all__ = ["as_table", "delivery_of", "wire_properties"]

_PERSISTENT: Final = 2
_TRANSIENT: Final = 1


class _Properties(aiormq.spec.Basic.Properties):
    """Properties with a timestamp in whole seconds: the years of pamqp's end with 9999, those of others do not."""

    def encode_property(self, name: str, value: Any) -> bytes:
        return value.to_bytes(8) if name == "timestamp" else super().encode_property(name, value)


def wire_properties(properties: Properties) -> aiormq.spec.Basic.Properties:
    """As they go over the wire."""
    return _Properties(
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        headers=as_table(properties.headers) or None,
        delivery_mode=_PERSISTENT if properties.persistent else _TRANSIENT,
        priority=properties.priority,
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
        expiration=None if properties.expiration_ms is None else str(properties.expiration_ms),
        message_id=properties.message_id,
        timestamp=cast("Any", properties.timestamp),
        message_type=properties.type,
        user_id=properties.user_id,
        app_id=properties.app_id,
    )


def as_table(headers: Headers) -> FieldTable:
    """As pamqp takes it: bytes are a byte array there, sequences a list."""
    return {name: _wire(value) for name, value in headers.items()}


def delivery_of(
    queue: str, message: DeliveredMessage, settle: Any, gone: Callable[[], bool] = lambda: False
) -> Delivery:
    """The delivery of a message out of this queue."""
    given = message.header.properties
    expiration = given.expiration
    return Delivery(
        queue=queue,
        exchange=message.exchange or "",
        routing_key=message.routing_key or "",
        body=message.body,
        properties=Properties(
            content_type=given.content_type or None,
            content_encoding=given.content_encoding or None,
            headers=cast("Headers", _python(given.headers or {})),
            persistent=given.delivery_mode == _PERSISTENT,
            priority=given.priority,
            correlation_id=given.correlation_id or None,
            reply_to=given.reply_to or None,
            # Other publishers may write anything there.
            expiration_ms=int(expiration) if expiration and expiration.isdecimal() else None,
            message_id=given.message_id or None,
            timestamp=cast("int | None", given.timestamp),  # as `decoding` has it
            type=given.message_type or None,
            user_id=given.user_id or None,
            app_id=given.app_id or None,
        ),
        redelivered=bool(message.redelivered),
        settle=settle,
        tag=message.delivery_tag or 0,
        waiting=message.message_count,
        gone=gone,
    )


def _wire(value: HeaderValue) -> Any:
    match value:
        case bytes() | bytearray():
            return bytearray(value)
        case str() | None | bool() | int() | float() | datetime.datetime():
            return value
        case Mapping():
            return as_table(value)
    return [_wire(item) for item in cast("list[HeaderValue]", value)]


def _python(value: Any) -> HeaderValue:
    match value:
        case bytearray():
            return bytes(value)
        case dict():
            return {name: _python(item) for name, item in value.items()}
        case list():
            return [_python(item) for item in value]
    return cast("HeaderValue", value)
