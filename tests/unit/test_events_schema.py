"""The JSON Schema of every message takes what `encode` gives and what the guide shows, and little else."""

import json
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
from hypothesis import given

from tests.message_strategies import UNTYPED, messages
from vss_router.events import MESSAGE_TYPES, Command, Event, encode, route_of, type_of
from vss_router.events.examples import EXAMPLES
from vss_router.events.json_schema import message_schema, schema_components

VALIDATORS: Final = {
    known.type: jsonschema_rs.validator_for(message_schema(known.type), validate_formats=True)
    for known in MESSAGE_TYPES
}
GUIDE: Final[list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "data" / "guide_messages.json").read_text()
)


def faults(kind: type[Event] | type[Command], body: Any) -> list[str]:
    return [f"{list(error.instance_path)}: {error.message}" for error in VALIDATORS[kind].iter_errors(body)]


@given(messages().filter(lambda made: made[0] not in UNTYPED))
def test_whatever_is_encoded_is_as_its_schema_says(made: tuple[Any, Event | Command]) -> None:
    _, message = made
    assert faults(type(message), json.loads(encode(message))) == []


@pytest.mark.parametrize("message", GUIDE, ids=lambda message: message["shown_in"])
def test_the_messages_of_the_guide_are_as_their_schemas_say(message: dict[str, Any]) -> None:
    assert faults(type_of(message["exchange"], message["routing_key"]), message["body"]) == []


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_each_example_is_as_its_schema_says_and_says_only_known_fields(message: Event | Command) -> None:
    body = json.loads(encode(message))
    assert faults(type(message), body) == []
    # `extra` of a failed command are the fields of that command.
    assert set(body) - set(VALIDATORS_PROPERTIES[type(message)]) == set(message.extra)


VALIDATORS_PROPERTIES: Final = {known.type: message_schema(known.type)["properties"] for known in MESSAGE_TYPES}


def test_there_is_one_example_of_each_type_in_the_order_of_the_registry() -> None:
    assert [type(message) for message in EXAMPLES] == [known.type for known in MESSAGE_TYPES]
    assert all(
        known.covers(route_of(message).routing_key) for known, message in zip(MESSAGE_TYPES, EXAMPLES, strict=True)
    )


@pytest.mark.parametrize(
    ("routing_key", "body"),
    [
        ("call.start", {"phone_number": "1"}),
        ("call.start", {"call_id": "c", "phone_number": 1}),
        ("call.start", {"call_id": "c", "phone_number": "1", "slot_id": "44"}),
        ("slot.update", {"slot_id": 44, "status": "asleep"}),
        ("slot.update", {"slot_id": 44, "status": "free", "metadata": {"battery": "full"}}),
        ("call.update", {"call_id": "c", "status": "queued", "timestamp": "yesterday"}),
    ],
)
def test_what_decode_refuses_the_schema_refuses(routing_key: str, body: dict[str, Any]) -> None:
    assert len(faults(type_of("vss.events", routing_key), body)) == 1


@pytest.mark.parametrize("known", MESSAGE_TYPES, ids=lambda known: f"{known.exchange} {known.pattern}")
def test_a_schema_has_words_for_the_message_and_shows_no_field_that_does_not_travel(known: Any) -> None:
    schema = message_schema(known.type)
    assert schema["description"]
    assert "extra" not in schema["properties"]
    assert schema["additionalProperties"] is True
    assert {"timestamp", "id", "source", "seq"} <= schema["properties"].keys()
    assert all(schema["properties"][name]["description"] for name in ("timestamp", "id", "source", "seq"))


def test_the_schemas_together_refer_only_to_each_other() -> None:
    components = schema_components()
    text = json.dumps(components)
    assert "$defs" not in text
    referred = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred < components.keys()
    assert {known.type.__name__ for known in MESSAGE_TYPES} < components.keys()
