"""What stands in a queue in the end, read by a client that is not ours."""

import asyncio
import re
from typing import Final, NamedTuple

import aio_pika
import msgspec

__all__ = ["Arrived", "arrivals_in_order", "emptied"]

LONGEST: Final = 120.0
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
    # aio_pika reads %2F in a path by itself, and other escapes not.
    assert re.fullmatch(r"amqp://[^/]+/[\w%-]+", url)
    arrived: list[Arrived] = []
    complete = asyncio.Event()
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        waiting = (await channel.declare_queue(queue, passive=True)).declaration_result.message_count or 0

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            told = msgspec.json.decode(message.body, type=_Envelope)
            assert told.id == message.message_id
            arrived.append(Arrived(message.routing_key or "", told.id, told.source, told.seq, message.body))
            if len(arrived) == waiting:
                complete.set()

        if waiting:
            await channel.set_qos(prefetch_count=5_000)
            await (await channel.get_queue(queue)).consume(take, no_ack=True)
            async with asyncio.timeout(LONGEST):
                await complete.wait()
    return arrived


def arrivals_in_order(arrived: list[Arrived], source: str) -> list[int]:
    """A PBX's numbers in the order of their first arrivals; a number that came with two ids fails."""
    ids: dict[int, str] = {}
    for each in arrived:
        if each.source == source and each.seq is not None:
            assert ids.setdefault(each.seq, each.id) == each.id, f"{source} {each.seq} came with two ids"
    return list(ids)
