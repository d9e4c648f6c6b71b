"""Decoding and encoding messages: what is refused and in which words, and that nothing sent is lost or changed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.message_strategies import JSON, UNTYPED, messages, routing_keys
from vss_router.errors import MessageDecodeError, MessageError
from vss_router.events import (
    MESSAGE_TYPES,
    AnyCommand,
    AnyEvent,
    CallEnd,
    CallStart,
    Command,
    Event,
    GacsCompleted,
    LeadMetadata,
    PipelineEvent,
    SlotMetadata,
    SlotUpdate,
    SystemAlert,
    decode,
    encode,
    route_of,
    type_of,
)
from vss_router.events.decoding import LARGEST_BODY
from vss_router.events.nesting import DEEPEST

NOW: Final = datetime(2026, 11, 21, 19, 49, 21, 84_000, tzinfo=UTC)
CALL: Final = {"call_id": "c", "phone_number": "1"}
ROUTES: Final = st.sampled_from([*MESSAGE_TYPES, *UNTYPED]).flatmap(
    lambda known: st.tuples(st.just(known.exchange), routing_keys(known))
)


def read(routing_key: str, body: bytes | dict[str, Any], exchange: str = "vss.events") -> Any:
    return decode(exchange, routing_key, body if isinstance(body, bytes) else json.dumps(body).encode(), arrived=NOW)


def refusal(routing_key: str, body: bytes | dict[str, Any], exchange: str = "vss.events") -> str:
    with pytest.raises(MessageDecodeError) as refused:
        read(routing_key, body, exchange)
    sentence = str(refused.value)
    assert sentence.startswith(f"The message {routing_key} on {exchange} cannot be read (")
    assert sentence.endswith("): let its sender keep to docs/messages.md.")
    return sentence.partition("(")[2].rpartition(")")[0]


# -- what is refused


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not JSON: Input data was truncated"),
        (b'{"call_id": "c"', "the body is not JSON: Input data was truncated"),
        (b"\xef\xbb\xbf{}", "the body is not JSON: JSON is malformed: invalid character (byte 0)"),
        (b'{"call_id": "\xff"}', "the body is not UTF-8"),
        (b'{"call_id": 1e999}', "the body is not JSON: Number out of range"),
        (b'{"call_id": ' + b"1" * 5000 + b"}", "the body is not JSON: Integer value out of range"),
        (b"[]", "the body is not a JSON object"),
        (b"null", "the body is not a JSON object"),
        (b"[" * 100_000, f"the body is nested more than {DEEPEST} deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, f"the body is nested more than {DEEPEST} deep"),
        (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), f"the body is nested more than {DEEPEST} deep"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_body_that_is_no_object_is_refused(body: bytes, reason: str) -> None:
    assert refusal("call.start", body) == reason


def test_a_body_over_the_limit_is_not_even_parsed() -> None:
    body = b'{"call_id": "' + b"c" * LARGEST_BODY + b'"}'
    assert refusal("call.start", body) == f"the body has {len(body)} bytes, {LARGEST_BODY} are the most"


def test_a_large_body_within_the_limit_is_read() -> None:
    body = {**CALL, "note": "x" * (1 << 20), "list": [[]] * 10_000}
    assert read("call.start", body).extra == {"note": body["note"], "list": body["list"]}


@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [
        ("call.start", {}, "object missing required field `call_id`"),
        ("call.start", {"call_id": None, "phone_number": "1"}, "call_id: expected `str`, got `null`"),
        ("call.start", {"call_id": True, "phone_number": "1"}, "call_id: expected `str`, got `bool`"),
        ("call.start", {"call_id": 1.5, "phone_number": "1"}, "call_id: expected `str`, got `float`"),
        ("call.start", {"call_id": "c", "phone_number": 79991234567}, "phone_number: expected `str`, got `int`"),
        ("call.start", {**CALL, "slot_id": "44"}, "slot_id: expected `int | null`, got `str`"),
        ("call.start", {**CALL, "slot_id": True}, "slot_id: expected `int | null`, got `bool`"),
        ("call.start", {**CALL, "event": 5}, "event: expected `str`, got `int`"),
        ("call.start", {**CALL, "seq": "5"}, "seq: expected `int | null`, got `str`"),
        ("call.start", {**CALL, "direction": "up"}, "direction: invalid enum value 'up'"),
        ("call.start", {**CALL, "timestamp": 1_795_290_561}, "timestamp: expected `datetime`, got `int`"),
        ("call.start", {**CALL, "timestamp": "yesterday"}, "timestamp: invalid RFC3339 encoded datetime"),
        (
            "call.start",
            {**CALL, "timestamp": "2026-11-21T19:49:21"},
            "timestamp: expected `datetime` with a timezone component",
        ),
        ("slot.update", {"slot_id": 44, "status": "asleep"}, "status: invalid enum value 'asleep'"),
        ("slot.update", {"slot_id": 44, "status": "free", "metadata": []}, "metadata: expected `object`, got `array`"),
        (
            "slot.update",
            {"slot_id": 44, "status": "free", "metadata": {"battery": "full"}},
            "metadata.battery: expected `float | null`, got `str`",
        ),
        ("operator.update", {"row": {}}, "row: object missing required field `source`"),
        ("nobody.typed", {"source": 5}, "source: expected `str | null`, got `int`"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_wrong_field_is_named(key: str, body: dict[str, Any], reason: str) -> None:
    assert refusal(key, body) == reason


@pytest.mark.parametrize("priority", [-1, 11, 5.5, "5"])
def test_a_priority_out_of_bounds_is_refused(priority: object) -> None:
    lead = {"lead_id": "l", "phone_number": "1", "campaign_id": "c", "priority": priority}
    assert refusal("autodial.lead", lead, "vss.commands").startswith("priority: expected `int`")


@pytest.mark.parametrize("arrived", [1e300, -1e300, float("inf"), float("nan")])
def test_a_time_of_arrival_that_is_none_is_no_crash(arrived: float) -> None:
    with pytest.raises(MessageDecodeError, match="timestamp: missing, and the time of arrival is out of range"):
        decode("vss.events", "call.start", json.dumps(CALL).encode(), arrived=arrived)


def test_a_refusal_does_not_tell_telephone_numbers() -> None:
    assert "555" not in refusal("call.start", {"call_id": "c", "phone_number": ["+10005550123"]})
    assert refusal("system.alert", {"message": "m", "severity": "+10005550123"}) == "severity: invalid enum value"


# -- what is taken


def test_a_key_without_a_type_is_kept_whole() -> None:
    message = read("nobody.typed", {"call_id": "c", "id": 7, "extra": {"a": 1}})
    assert message == AnyEvent(event="nobody.typed", timestamp=NOW, id="7", extra={"call_id": "c", "extra": {"a": 1}})
    command = read("call.start", {"a": 1}, exchange="vss.commands")
    assert command == AnyCommand(command="call.start", timestamp=NOW, extra={"a": 1})
    assert type(read("anything", {"a": 1}, exchange="somebody.elses")) is AnyEvent


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("pipeline.start", PipelineEvent),
        ("pipeline.", PipelineEvent),
        ("pipeline", AnyEvent),
        ("pipeline.start.again", AnyEvent),
        ("pipelines.start", AnyEvent),
        ("call.start.again", AnyEvent),
        ("", AnyEvent),
    ],
)
def test_a_family_of_one_word_is_matched_word_by_word(key: str, kind: type[Event]) -> None:
    assert type_of("vss.events", key) is kind


@pytest.mark.parametrize(
    "key", ["guacamole", "guacamole.session", "guacamole.session.start", "guacamole..x", "guacamole."]
)
def test_a_family_of_several_words_takes_them_all(key: str) -> None:
    assert type_of("vss.events", key).__name__ == "GuacamoleEvent"


def test_the_time_of_arrival_may_be_unix_seconds() -> None:
    assert decode("vss.events", "x", b"{}", arrived=1.5).timestamp == datetime.fromtimestamp(1.5, UTC)


def test_null_stands_for_a_default_and_is_kept_where_it_means_something() -> None:
    alert = read("system.alert", {"message": "m", "severity": None, "details": None})
    assert (alert.severity, alert.details) == ("info", None)
    lead = {"lead_id": "l", "phone_number": "1", "campaign_id": "c", "priority": None, "metadata": None}
    taken = read("autodial.lead", lead, "vss.commands")
    assert (taken.priority, taken.metadata, taken.extra) == (5, LeadMetadata(), {})


# -- what is written


def test_times_are_written_in_utc_with_milliseconds_and_lose_no_microsecond() -> None:
    plus_three = timezone(timedelta(hours=3))
    for moment, text in [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=plus_three), "2026-01-02T00:04:05.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 120_000, tzinfo=UTC), "2026-01-02T03:04:05.120Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 120_001, tzinfo=UTC), "2026-01-02T03:04:05.120001Z"),
    ]:
        message = SystemAlert(timestamp=moment, message="m", details={"at": moment})
        written = json.loads(encode(message))
        assert (written["timestamp"], written["details"]) == (text, {"at": text})


def test_a_call_says_null_where_the_board_does_and_leaves_out_the_rest() -> None:
    written = json.loads(encode(CallStart(timestamp=NOW, call_id="c", phone_number="1")))
    assert written == {
        "event": "call.start",
        "timestamp": "2026-11-21T19:49:21.084Z",
        "call_id": "c",
        "slot_id": None,
        "phone_number": "1",
        "operator_id": None,
        "queue": None,
    }


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (SystemAlert(message="m"), "has no timestamp"),
        (SystemAlert(timestamp=NOW, message="\ud800"), "surrogates not allowed"),
        (SystemAlert(timestamp=NOW, message="m", details=object()), "Encoding objects of type object is unsupported"),
        (SystemAlert(timestamp=NOW, message="m", extra={"severity": "info"}), "extra: severity is a field of its own"),
        (SystemAlert(timestamp=NOW.replace(tzinfo=None), message="m"), "timestamp: a time without its offset"),
        (PipelineEvent(event="pipeline.x", timestamp=NOW, data={"a": [float("nan")]}), "data.a: nan is no number"),
        (
            SlotUpdate(timestamp=NOW, slot_id=1, status="free", metadata=SlotMetadata(cpu_usage=float("inf"))),
            "cpu_usage: inf is no number",
        ),
        (
            SystemAlert(timestamp=datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), message="m"),
            "date value out of range",
        ),
    ],
)
def test_what_json_cannot_say_is_refused_in_one_sentence(message: Event, reason: str) -> None:
    with pytest.raises(MessageError, match=rf"^The message {message.event} .*{reason}.*\.$"):
        encode(message)


def test_a_message_nested_into_itself_is_refused() -> None:
    held: list[Any] = []
    held.append(held)
    with pytest.raises(MessageError, match=f"result: nested more than {DEEPEST} deep"):
        encode(GacsCompleted(timestamp=NOW, slot_id=1, script_name="s", result=held))


def nested(deep: int) -> dict[str, Any]:
    """An object of so many levels, with brackets beside its deepest line."""
    value: Any = {}
    for _ in range(deep - 2):
        value = {"a": value}
    return {"a": value, "b": [[], []]}


def test_the_deepest_message_is_read_and_written_again() -> None:
    message = read("nobody.typed", nested(DEEPEST))
    assert message.extra == nested(DEEPEST)
    assert json.loads(encode(message))["a"] == nested(DEEPEST)["a"]


def test_a_message_one_deeper_is_neither_read_nor_written() -> None:
    assert refusal("nobody.typed", nested(DEEPEST + 1)) == f"the body is nested more than {DEEPEST} deep"
    with pytest.raises(MessageError, match=f"nested more than {DEEPEST} deep"):
        encode(AnyEvent(event="nobody.typed", timestamp=NOW, extra=nested(DEEPEST + 1)))


@pytest.mark.parametrize("known", [known for known in MESSAGE_TYPES if not known.fixed_key], ids=lambda k: k.pattern)
def test_a_member_of_a_family_is_published_under_its_own_name_only(known: Any) -> None:
    fields = {"actor": "a", "action": "b", "object": None, "outcome": "c"} if known.pattern == "security.*" else {}
    first = known.pattern[:-2]
    assert route_of(known.type(event=f"{first}.start", **fields)).routing_key == f"{first}.start"
    with pytest.raises(MessageError, match=rf"cannot be published as test: its routing key must match {first}"):
        route_of(known.type(event="test", **fields))


def test_an_untyped_message_needs_a_name_to_be_published() -> None:
    assert route_of(AnyCommand(command="do.it")).exchange == "vss.commands"
    with pytest.raises(MessageError, match="A message of the type AnyEvent has no name"):
        route_of(AnyEvent(event=""))


# -- whatever comes


@given(messages())
def test_a_message_written_and_read_is_the_same(made: tuple[Any, Event | Command]) -> None:
    known, message = made
    route = route_of(message)
    assert route.exchange == known.exchange
    assert known.covers(route.routing_key)
    again = decode(route.exchange, route.routing_key, encode(message), arrived=0.0)
    assert type(again) is known.type
    assert again == message


def survives(exchange: str, routing_key: str, body: bytes) -> None:
    """A message that is read is written again and read as the same, or is refused in our own words."""
    try:
        message = decode(exchange, routing_key, body, arrived=NOW)
        written = encode(message)
    except MessageError:
        return
    assert decode(exchange, routing_key, written, arrived=0.0) == message


@given(ROUTES, st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_a_refusal(route: tuple[str, str], body: bytes) -> None:
    survives(*route, body)


@given(ROUTES, st.dictionaries(st.sampled_from(["event", "timestamp", "id", "call_id", "row", "data", "extra"]), JSON))
def test_random_objects_raise_nothing_but_a_refusal(route: tuple[str, str], body: dict[str, Any]) -> None:
    survives(*route, json.dumps(body).encode())


@given(messages(), st.data())
def test_a_message_cut_or_changed_raises_nothing_but_a_refusal(made: tuple[Any, Any], data: st.DataObject) -> None:
    _, message = made
    route, body = route_of(message), bytearray(encode(message))
    if data.draw(st.booleans()):
        del body[data.draw(st.integers(0, len(body))) :]
    for _ in range(data.draw(st.integers(0, 3)) if body else 0):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    survives(route.exchange, route.routing_key, bytes(body))


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_exchange_and_routing_key_are_taken(exchange: str, routing_key: str) -> None:
    message = decode(exchange, routing_key, b"{}", arrived=0.0) if is_untyped(exchange, routing_key) else None
    assert message is None or isinstance(message, AnyEvent | AnyCommand)


def is_untyped(exchange: str, routing_key: str) -> bool:
    return type_of(exchange, routing_key) in {AnyEvent, AnyCommand}


def test_the_end_of_a_call_that_became_part_of_another_is_read_as_it_was_written() -> None:
    body = (
        b'{"event":"call.end","timestamp":"2026-11-22T11:17:50.493Z","call_id":"1795346266.2","disposition":null,'
        b'"wait_seconds":0.0,"talk_seconds":0.0,"hold_seconds":0.0,"hangup_cause":null,"operator_id":null,'
        b'"slot_id":null,"queue":null,"merged_into":"1795346118.1","id":"01a202fa-091d-70d1-ab01-009675572008",'
        b'"source":"main","seq":1795346107706452}'
    )
    ended = decode("vss.events", "call.end", body, arrived=0.0)
    assert isinstance(ended, CallEnd)
    assert (ended.disposition, ended.merged_into) == (None, "1795346118.1")
    assert json.loads(encode(ended)) == json.loads(body)
