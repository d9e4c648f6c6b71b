"""The AsyncAPI document: valid by AsyncAPI's own schema, whole, and true to the registry and the topology."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import pytest

from tests.services.npm_package import read_from_npm
from vss_router.broker.topology_view import topology_view
from vss_router.broker.vss_topology import vss_topology
from vss_router.events import MESSAGE_TYPES
from vss_router.events.asyncapi import asyncapi_document, queue_limits
from vss_router.events.binding_keys import binds
from vss_router.events.topology_view import ExchangeView, QueueView, TopologyView
from vss_router.settings import QueueOverride

TOPOLOGY: Final = vss_topology()
DOCUMENT: Final = asyncapi_document(topology_view(TOPOLOGY), version="1.2.3")
PUBLISHED: Final = {
    name: channel for name, channel in DOCUMENT["channels"].items() if channel["bindings"]["amqp"]["is"] == "routingKey"
}
CONSUMED: Final = {name: channel for name, channel in DOCUMENT["channels"].items() if name not in PUBLISHED}


def validator(version: str) -> Any:
    schema = read_from_npm(
        "@asyncapi/specs",
        "6.11.1",
        "01af8744dc33c0c7eb2e908f6a955319ee58b70ecadc9387d1aeb16c0cd28928",
        f"schemas/{version}.json",
    )
    return jsonschema_rs.validator_for(json.loads(schema))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for held in value.values():
            yield from references(held)
    elif isinstance(value, list):
        for held in value:
            yield from references(held)


def resolved(reference: str) -> Any:
    value: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        value = value[part]
    return value


@pytest.mark.timeout(120)
def test_the_document_is_valid_by_the_schema_of_asyncapi() -> None:
    faults = [f"{list(error.instance_path)}: {error.message}" for error in validator("3.0.0").iter_errors(DOCUMENT)]
    assert faults == []


@pytest.mark.timeout(120)
def test_the_schema_of_asyncapi_finds_a_channel_that_is_none() -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    broken["channels"]["vss.call.events"]["bindings"]["amqp"]["is"] = "kueue"
    assert not validator("3.0.0").is_valid(broken)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 80
    for reference in found:
        assert resolved(reference)


def test_names_are_such_that_a_reference_can_hold_them() -> None:
    for names in (DOCUMENT["channels"], DOCUMENT["operations"], *DOCUMENT["components"].values()):
        assert [name for name in names if not re.fullmatch(r"[a-zA-Z0-9._-]+", name)] == []


def test_each_line_of_the_registry_is_a_channel_of_its_exchange() -> None:
    shown = {
        (channel["bindings"]["amqp"]["exchange"]["name"], channel["address"], *channel["messages"])
        for channel in PUBLISHED.values()
    }
    assert shown == {
        (
            known.exchange,
            known.pattern if known.fixed_key else f"{known.pattern[:-1]}{{rest}}",
            known.type.__name__,
        )
        for known in MESSAGE_TYPES
    }


def test_each_queue_of_the_topology_is_a_channel_with_the_messages_of_the_registry() -> None:
    assert CONSUMED.keys() == {queue.name for queue in TOPOLOGY.queues}
    for name, channel in CONSUMED.items():
        assert list(channel["messages"]) == [known.type.__name__ for known in MESSAGE_TYPES if known.queue == name]


def test_each_exchange_has_the_kind_of_the_topology() -> None:
    kinds = {exchange.name: exchange.kind for exchange in TOPOLOGY.exchanges}
    assert {exchange["name"]: exchange["kind"] for exchange in DOCUMENT["x-exchanges"]} == kinds
    for channel in PUBLISHED.values():
        exchange = channel["bindings"]["amqp"]["exchange"]
        assert exchange["type"] == kinds[exchange["name"]]


def test_each_channel_has_its_one_operation() -> None:
    done = {
        operation["channel"]["$ref"].removeprefix("#/channels/"): operation["action"]
        for operation in DOCUMENT["operations"].values()
    }
    assert len(done) == len(DOCUMENT["operations"])
    assert done == dict.fromkeys(PUBLISHED, "send") | dict.fromkeys(CONSUMED, "receive")
    for operation in DOCUMENT["operations"].values():
        of_channel = resolved(operation["channel"]["$ref"])["messages"]
        assert [message["$ref"].rpartition("/")[2] for message in operation["messages"]] == list(of_channel)


def test_a_message_is_mandatory_where_a_queue_waits_for_it() -> None:
    for known, (name, _) in zip(MESSAGE_TYPES, PUBLISHED.items(), strict=True):
        amqp = DOCUMENT["operations"][f"publish.{name}"]["bindings"]["amqp"]
        assert amqp["mandatory"] is (known.queue is not None)


def test_each_example_is_as_its_schema_says() -> None:
    components = {"components": DOCUMENT["components"]}
    for name, message in DOCUMENT["components"]["messages"].items():
        validated = jsonschema_rs.validator_for(
            {"$ref": message["payload"]["$ref"], **components}, validate_formats=True
        )
        for shown in message["examples"]:
            assert [f"{name} {error.message}" for error in validated.iter_errors(shown["payload"])] == []


def test_what_a_setting_changes_about_a_queue_is_told() -> None:
    changed = vss_topology({"vss.call.events": QueueOverride(ttl_seconds=90.0, max_length=0)})
    told = asyncapi_document(topology_view(changed, virtual_host="other"), version="1")["channels"]["vss.call.events"]
    assert told["description"] == "Receives call.* of vss.events. Limits: a message waits 90 s at most."
    assert told["bindings"]["amqp"]["queue"]["vhost"] == "other"


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        (QueueView(name="q"), ""),
        (QueueView(name="q", ttl_seconds=86_400.0), "a message waits 24 h at most"),
        (QueueView(name="q", ttl_seconds=604_800.0), "a message waits 7 d at most"),
        (QueueView(name="q", ttl_seconds=120.0), "a message waits 2 min at most"),
        (QueueView(name="q", max_length=5), "with 5 messages the oldest goes"),
        (QueueView(name="q", max_length=5, overflow="reject-publish"), "with 5 messages no more is taken"),
        (QueueView(name="q", dead_letter=("e", "k")), "what fails or expires goes to e as k"),
        (QueueView(name="q", dead_letter=("e", None)), "what fails or expires goes to e"),
    ],
)
def test_limits_are_told_in_words(queue: QueueView, words: str) -> None:
    assert queue_limits(queue) == words


@pytest.mark.parametrize(
    ("key", "pattern", "bound"),
    [
        ("call.*", "call.start", True),
        ("call.*", "call", False),
        ("call.*", "call.start.again", False),
        ("#", "call.start", True),
        ("#", "guacamole.#", True),
        ("guacamole.#", "guacamole.#", True),
        ("guacamole.*", "guacamole.#", False),
        ("guacamole.#", "guacamole.*", True),
        ("*.*", "pipeline.*", True),
        ("pipeline.start", "pipeline.*", False),
        ("#.start", "call.start", True),
        ("#.#", "x", True),
        ("call.start", "call.start", True),
    ],
)
def test_a_binding_key_brings_what_amqp_says(key: str, pattern: str, bound: bool) -> None:
    assert binds(key, pattern) is bound


def test_a_topology_of_somebody_else_is_told_as_it_is() -> None:
    other = TopologyView(
        exchanges=(ExchangeView(name="vss.events", kind="fanout", durable=False),),
        queues=(QueueView(name="mine", bindings=(("vss.events", "sync.gap"), ("vss.events", "sync.#"))),),
    )
    document = asyncapi_document(other, version="1")
    assert list(document["channels"]["mine"]["messages"]) == ["SyncGap", "SyncReconciled"]
    assert document["channels"]["events.sync.gap"]["bindings"]["amqp"]["exchange"]["type"] == "fanout"
    # An exchange that the topology does not have is what it has to be.
    assert document["channels"]["commands.gacs.execute"]["bindings"]["amqp"]["exchange"]["type"] == "topic"
