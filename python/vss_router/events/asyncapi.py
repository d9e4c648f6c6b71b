"""The AsyncAPI 3 document: channels, messages and their schemas, from the registry and the topology.

A channel is what one can publish to (an exchange with a routing key) or consume from (a queue). The operations are
those of the system's services: they send to the former and receive from the latter.
"""

import inspect
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from vss_router.events.binding_keys import binds
from vss_router.events.encoding import encode
from vss_router.events.examples import EXAMPLES
from vss_router.events.json_schema import schema_components
from vss_router.events.registry import MESSAGE_TYPES, MessageType
from vss_router.events.topology_view import ExchangeView, QueueView, TopologyView

__all__ = ["ASYNCAPI_VERSION", "asyncapi_document", "queue_limits"]

ASYNCAPI_VERSION: Final = "3.0.0"
_BINDING_VERSION: Final = "0.3.0"
_JSON: Final = "application/json"
_DESCRIPTION: Final = (
    "What travels through the broker: one flat JSON object in UTF-8 per message, events on `vss.events`, commands on "
    "`vss.commands`. Fields are only ever added. Times are UTC, ISO 8601 with milliseconds; durations are seconds. "
    "An integer id is read as its decimal text. A message may come more than once, then with the same `id`; one that "
    "cannot be read is kept in `vss.parked`."
)
_HEADERS: Final = {
    "type": "object",
    "description": "What stands beside the body. Services of others may leave all of it out.",
    "properties": {
        "x-source": {"type": "string", "description": "`source` of the body."},
        "x-seq": {"type": "integer", "description": "`seq` of the body."},
        "traceparent": {"type": "string", "description": "W3C trace context of whoever published it."},
    },
}


def asyncapi_document(topology: TopologyView, *, version: str) -> dict[str, Any]:
    """The document, ready to be written as JSON; `version` is that of vss-router."""
    publishing = {_channel_id(known): known for known in MESSAGE_TYPES}
    consuming = {queue.name: queue for queue in topology.queues}
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {"title": "vss-router messages", "version": version, "description": _DESCRIPTION},
        "defaultContentType": _JSON,
        "channels": {
            **{channel: _routing_channel(known, topology) for channel, known in publishing.items()},
            **{channel: _queue_channel(queue, topology) for channel, queue in consuming.items()},
        },
        "operations": {
            **{f"publish.{channel}": _sending(channel, known) for channel, known in publishing.items()},
            **{f"consume.{channel}": _receiving(channel, queue) for channel, queue in consuming.items()},
        },
        "components": {
            "messages": dict(_messages()),
            "schemas": {"MessageHeaders": _HEADERS, **schema_components()},
        },
        "x-exchanges": [msgspec.to_builtins(exchange) for exchange in topology.exchanges],
    }


def queue_limits(queue: QueueView) -> str:
    """A queue's limits in words; empty when it has none."""
    words = []
    if queue.ttl_seconds is not None:
        words.append(f"a message waits {_duration(queue.ttl_seconds)} at most")
    if queue.max_length is not None:
        full = "the oldest goes" if queue.overflow == "drop-head" else "no more is taken"
        words.append(f"with {queue.max_length} messages {full}")
    if queue.dead_letter is not None:
        exchange, key = queue.dead_letter
        words.append(f"what fails or expires goes to {exchange}{f' as {key}' if key else ''}")
    return "; ".join(words)


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length and seconds % length == 0 and not (unit == "d" and seconds < 2 * length):
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _channel_id(known: MessageType) -> str:
    key = known.pattern if known.fixed_key else known.pattern[:-2]
    return f"{known.exchange.removeprefix('vss.')}.{key}"


def _routing_channel(known: MessageType, topology: TopologyView) -> dict[str, Any]:
    name = known.type.__name__
    exchange = next(
        (exchange for exchange in topology.exchanges if exchange.name == known.exchange),
        ExchangeView(name=known.exchange, kind="topic"),
    )
    channel: dict[str, Any] = {
        "address": known.pattern,
        "title": f"{known.pattern} on {known.exchange}",
        "description": _meaning(known),
        "messages": {name: _reference("messages", name)},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": exchange.name,
                    "type": exchange.kind,
                    "durable": exchange.durable,
                    "autoDelete": False,
                    "vhost": topology.virtual_host,
                },
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }
    if not known.fixed_key:
        words = "One word." if known.pattern.endswith("*") else "Words separated by dots."
        channel["address"] = f"{known.pattern[:-1]}{{rest}}"
        channel["parameters"] = {"rest": {"description": words}}
    return channel


def _queue_channel(queue: QueueView, topology: TopologyView) -> dict[str, Any]:
    bound = "; ".join(f"{key} of {exchange}" for exchange, key in queue.bindings)
    limits = queue_limits(queue)
    return {
        "address": queue.name,
        "title": queue.name,
        "description": f"Receives {bound}.{f' Limits: {limits}.' if limits else ''}",
        "messages": {known.type.__name__: _reference("messages", known.type.__name__) for known in _received(queue)},
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {
                    "name": queue.name,
                    "durable": queue.durable,
                    "exclusive": False,
                    "autoDelete": False,
                    "vhost": topology.virtual_host,
                },
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }


def _received(queue: QueueView) -> Iterator[MessageType]:
    for known in MESSAGE_TYPES:
        if any(exchange == known.exchange and binds(key, known.pattern) for exchange, key in queue.bindings):
            yield known


def _sending(channel: str, known: MessageType) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"Publish {known.pattern} to {known.exchange}.",
        "messages": [{"$ref": f"#/channels/{channel}/messages/{known.type.__name__}"}],
        "bindings": {
            "amqp": {
                "deliveryMode": 2,
                # A message that no queue takes comes back where the topology has a queue for it.
                "mandatory": known.queue is not None,
                "timestamp": True,
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }


def _receiving(channel: str, queue: QueueView) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"Consume {queue.name}.",
        "messages": [{"$ref": f"#/channels/{channel}/messages/{known.type.__name__}"} for known in _received(queue)],
        "bindings": {"amqp": {"ack": True, "bindingVersion": _BINDING_VERSION}},
    }


def _messages() -> Iterator[tuple[str, dict[str, Any]]]:
    for known, example in zip(MESSAGE_TYPES, EXAMPLES, strict=True):
        name = known.type.__name__
        amqp = {"messageType": known.pattern} if known.fixed_key else {}
        yield (
            name,
            {
                "name": name,
                "title": known.pattern,
                "summary": _meaning(known),
                "contentType": _JSON,
                "headers": _reference("schemas", "MessageHeaders"),
                "payload": _reference("schemas", name),
                "examples": [{"name": name, "payload": msgspec.json.decode(encode(example))}],
                "bindings": {"amqp": {**amqp, "bindingVersion": _BINDING_VERSION}},
            },
        )


def _meaning(known: MessageType) -> str:
    return " ".join((inspect.getdoc(known.type) or known.pattern).split())


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
