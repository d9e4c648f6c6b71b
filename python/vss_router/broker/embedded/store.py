"""What stands in the journal: definitions, and one row per persistent message in a durable queue."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from vss_router.broker.journal import JournalFile, Write
from vss_router.broker.message import Message, Properties
from vss_router.broker.topology import Binding, Exchange, Queue

__all__ = [
    "SCHEMA",
    "Recovered",
    "StoredEntry",
    "all_forgotten",
    "binding_write",
    "exchange_forgotten",
    "exchange_write",
    "queue_forgotten",
    "queue_write",
    "record_of",
    "recovered",
]

_LOG: Final = logging.getLogger(__name__)
SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS exchange (name TEXT PRIMARY KEY, definition BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS binding (queue INTEGER NOT NULL, definition BLOB NOT NULL, UNIQUE (queue, definition))",
    """CREATE TABLE IF NOT EXISTS entry
    (seq INTEGER PRIMARY KEY, queue INTEGER NOT NULL, expires_at REAL, record BLOB NOT NULL)""",
)


class _Record(msgspec.Struct, array_like=True, frozen=True):
    """A message on disk. Fields are only ever added at the end."""

    exchange: str
    routing_key: str
    body: bytes
    headers: dict[str, Any]
    content_type: str | None
    content_encoding: str | None
    priority: int | None
    correlation_id: str | None
    reply_to: str | None
    expiration_ms: int | None
    message_id: str | None
    timestamp: int | None
    type: str | None
    user_id: str | None
    app_id: str | None


class _BindingRecord(msgspec.Struct, array_like=True, frozen=True):
    exchange: str
    queue: str
    routing_key: str
    arguments: dict[str, Any]


class StoredEntry(msgspec.Struct, frozen=True):
    """A message as it was in a queue."""

    seq: int
    queue: int
    expires_at: float | None
    message: Message


class Recovered(msgspec.Struct, frozen=True):
    """All that the journal had; queues with their numbers, entries in order."""

    exchanges: list[Exchange]
    queues: dict[int, Queue]
    bindings: list[Binding]
    entries: list[StoredEntry]
    last_seq: int


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Record)


def record_of(message: Message) -> bytes:
    """A message as it is written."""
    properties = message.properties
    return _ENCODER.encode(
        (
            message.exchange,
            message.routing_key,
            message.body,
            properties.headers,
            properties.content_type,
            properties.content_encoding,
            properties.priority,
            properties.correlation_id,
            properties.reply_to,
            properties.expiration_ms,
            properties.message_id,
            properties.timestamp,
            properties.type,
            properties.user_id,
            properties.app_id,
        )
    )


def _message(seq: int, record: bytes) -> Message | None:
    try:
        read = _DECODER.decode(record)
    except msgspec.MsgspecError as error:
        # It stays where it is: somebody may want to look at it, and one bad row must not keep the others away.
        _LOG.warning("message %d of the journal cannot be read and is left out: %s", seq, error)
        return None
    return Message(
        read.exchange,
        read.routing_key,
        read.body,
        Properties(
            content_type=read.content_type,
            content_encoding=read.content_encoding,
            headers=read.headers,
            persistent=True,
            priority=read.priority,
            correlation_id=read.correlation_id,
            reply_to=read.reply_to,
            expiration_ms=read.expiration_ms,
            message_id=read.message_id,
            timestamp=read.timestamp,
            type=read.type,
            user_id=read.user_id,
            app_id=read.app_id,
        ),
    )


def exchange_write(exchange: Exchange) -> Write:
    """Keep an exchange."""
    sql = "INSERT OR REPLACE INTO exchange (name, definition) VALUES (?, ?)"
    return Write(sql, ((exchange.name, _ENCODER.encode(exchange)),))


def queue_write(number: int, queue: Queue) -> Write:
    """Keep a queue, or its changed limits."""
    sql = "INSERT OR REPLACE INTO queue (id, name, definition) VALUES (?, ?, ?)"
    return Write(sql, ((number, queue.name, _ENCODER.encode(queue)),))


def binding_write(number: int, binding: Binding) -> Write:
    """Keep a binding."""
    record = (binding.exchange, binding.queue, binding.routing_key, _plain(binding.arguments))
    return Write(
        "INSERT OR IGNORE INTO binding (queue, definition) VALUES (?, ?)", ((number, _ENCODER.encode(record)),)
    )


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(arguments.items()))


def exchange_forgotten(name: str) -> list[Write]:
    """Forget an exchange; nothing is bound to it."""
    return [Write("DELETE FROM exchange WHERE name = ?", ((name,),))]


def all_forgotten() -> list[Write]:
    """Forget all definitions, which are written anew; messages stay."""
    return [Write("DELETE FROM exchange"), Write("DELETE FROM queue"), Write("DELETE FROM binding")]


def queue_forgotten(number: int) -> list[Write]:
    """Forget a queue with its bindings and messages."""
    return [
        Write("DELETE FROM queue WHERE id = ?", ((number,),)),
        Write("DELETE FROM binding WHERE queue = ?", ((number,),)),
        Write("DELETE FROM entry WHERE queue = ?", ((number,),)),
    ]


async def recovered(journal: JournalFile) -> Recovered:
    """Read everything back."""
    exchanges = await journal.read("SELECT definition FROM exchange ORDER BY name")
    queues = await journal.read("SELECT id, definition FROM queue ORDER BY id")
    bindings = await journal.read("SELECT definition FROM binding ORDER BY rowid")
    entries = await journal.read("SELECT seq, queue, expires_at, record FROM entry ORDER BY seq")
    read = (msgspec.msgpack.decode(definition, type=_BindingRecord) for (definition,) in bindings)
    return Recovered(
        exchanges=[msgspec.msgpack.decode(definition, type=Exchange) for (definition,) in exchanges],
        queues={number: msgspec.msgpack.decode(definition, type=Queue) for number, definition in queues},
        bindings=[
            Binding(exchange=one.exchange, queue=one.queue, routing_key=one.routing_key, arguments=one.arguments)
            for one in read
        ],
        entries=[
            StoredEntry(seq, queue, expires_at, message)
            for seq, queue, expires_at, record in entries
            if (message := _message(seq, record)) is not None
        ],
        last_seq=entries[-1][0] if entries else 0,
    )
