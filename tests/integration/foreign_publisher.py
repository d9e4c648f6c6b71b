"""Publishes what RabbitMQ takes from others and our own transports would never send: frames byte for byte."""

import struct

import aiormq
from aiormq.abc import ChannelFrame

__all__ = ["long_text", "publish_foreign", "short_text"]


def short_text(raw: bytes) -> bytes:
    return bytes([len(raw)]) + raw


def long_text(raw: bytes) -> bytes:
    """A long text, or a table or a list out of its items."""
    return struct.pack(">I", len(raw)) + raw


async def publish_foreign(
    url: str,
    queue: bytes,
    body: bytes,
    *,
    exchange: bytes = b"",
    message_id: bytes | None = None,
    timestamp: int | None = None,
    headers: bytes | None = None,
) -> None:
    """Publish to a queue, or to an exchange by this key, on a connection of its own; `headers` are a table's items."""
    properties = [
        (0x2000, None if headers is None else long_text(headers)),
        (0x1000, b"\x02"),  # persistent
        (0x0080, None if message_id is None else short_text(message_id)),
        (0x0040, None if timestamp is None else struct.pack(">Q", timestamp)),
    ]
    flags = sum(flag for flag, value in properties if value is not None)
    values = b"".join(value for _, value in properties if value is not None)
    connection = aiormq.Connection(url)
    await connection.connect()
    try:
        channel = await connection.channel(publisher_confirms=False)
        payloads = [
            (1, struct.pack(">HHH", 60, 40, 0) + short_text(exchange) + short_text(queue) + b"\x00"),
            (2, struct.pack(">HHQH", 60, 0, len(body), flags) + values),
            (3, body),
        ]
        frames = b"".join(
            struct.pack(">BHI", kind, channel.number, len(payload)) + payload + b"\xce" for kind, payload in payloads
        )
        await connection.write_queue.put(ChannelFrame(payload=frames, should_close=False))
        await channel.close()  # answered when everything before was read
    finally:
        await connection.close()
