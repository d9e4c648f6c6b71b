"""What stands in a queue in the end, read by a client that is not ours: RabbitMQ's own management API."""

from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from tests.services.rabbitmq_server import RabbitMqServer

__all__ = ["Arrived", "arrivals_in_order", "emptied"]

_PAGE: Final = 2_000


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


def emptied(server: RabbitMqServer, vhost: str, queue: str) -> list[Arrived]:
    """All messages of a queue, in its order; they are gone then."""
    question = {"count": _PAGE, "ackmode": "ack_requeue_false", "encoding": "auto"}
    arrived: list[Arrived] = []
    while page := server.api("POST", f"queues/{quote(vhost, safe='')}/{queue}/get", question):
        for message in page:
            told = msgspec.json.decode(message["payload"], type=_Envelope)
            assert told.id == message["properties"]["message_id"]
            body = message["payload"].encode()
            arrived.append(Arrived(message["routing_key"], told.id, told.source, told.seq, body))
    return arrived


def arrivals_in_order(arrived: list[Arrived], source: str) -> list[int]:
    """A PBX's numbers in the order of their first arrivals; a number that came with two ids fails."""
    ids: dict[int, str] = {}
    for each in arrived:
        if each.source == source and each.seq is not None:
            assert ids.setdefault(each.seq, each.id) == each.id, f"{source} {each.seq} came with two ids"
    return list(ids)
