"""What stands in a queue in the end, read by a client that is not ours: aiormq, on a connection of its own."""

import asyncio
from typing import Final, NamedTuple

import aiormq
import msgspec
from aiormq.abc import DeliveredMessage

__all__ = ["Arrived", "arrivals_in_order", "emptied"]

_LONGEST: Final = 120.0
"""Seconds that end a test which has failed."""


class Arrived(NamedTuple):
    key: str
    id: str
    source: str | None
    seq: int | None
    body: bytes


class _Envelope(msgspec.Struct):
    id: str
    source: str | None = None
    seq: int | None = None


async def emptied(url: str, queue: str) -> list[Arrived]:
    """All messages of a queue, in its order; they are gone then."""
    arrived: list[Arrived] = []
    full = asyncio.Event()

    async def take(message: DeliveredMessage) -> None:
        told = msgspec.json.decode(message.body, type=_Envelope)
        assert told.id == message.header.properties.message_id
        arrived.append(Arrived(message.routing_key or "", told.id, told.source, told.seq, message.body))
        if len(arrived) >= standing:
            full.set()

    connection = await aiormq.connect(url)
    try:
        channel = await connection.channel()
        standing = (await channel.queue_declare(queue, passive=True)).message_count or 0
        if standing:
            await channel.basic_consume(queue, take, no_ack=True)
            async with asyncio.timeout(_LONGEST):
                await full.wait()
        assert (await channel.queue_declare(queue, passive=True)).message_count == 0
        assert len(arrived) == standing
    finally:
        await connection.close()
    return arrived


def arrivals_in_order(arrived: list[Arrived], source: str) -> list[int]:
    """A PBX's numbers in the order of their first arrivals; a number that came with two ids fails."""
    ids: dict[int, str] = {}
    for each in arrived:
        if each.source == source and each.seq is not None:
            assert ids.setdefault(each.seq, each.id) == each.id, f"{source} {each.seq} came with two ids"
    return list(ids)
