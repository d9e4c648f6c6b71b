"""Every message that the guide shows is taken as it stands there; its times and ids are filled in as its code would."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

import vss_router.events
from vss_router.events import (
    AutodialLead,
    CallStart,
    CommandFailed,
    GacsFailed,
    SlotRestart,
    SlotRestarted,
    SlotUpdate,
    SystemAlert,
    decode,
    encode,
    route_of,
)

MESSAGES: Final[list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "data" / "guide_messages.json").read_text()
)
ARRIVED: Final = datetime(2025, 1, 15, 14, 31, 2, 500_000, tzinfo=UTC)
SENT: Final = datetime(2025, 1, 15, 14, 30, tzinfo=UTC)


def taken(exchange: str, routing_key: str, **body: Any) -> Any:
    return decode(exchange, routing_key, json.dumps(body).encode(), arrived=ARRIVED)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["shown_in"])
def test_a_message_of_the_guide_is_taken_and_keeps_all_it_says(message: dict[str, Any]) -> None:
    decoded = taken(message["exchange"], message["routing_key"], **message["body"])
    assert type(decoded) is getattr(vss_router.events, message["type"])
    written = json.loads(encode(decoded))
    for field, value in message["body"].items():
        is_id = field.endswith("_id") and field != "slot_id"
        assert written[field] == (str(value) if is_id or field == "current_call" else value)
    assert (route_of(decoded).exchange, route_of(decoded).routing_key) == (message["exchange"], message["routing_key"])
    assert decoded.timestamp == (SENT if "timestamp" in message["body"] else ARRIVED)


def test_every_key_of_the_guide_that_carries_a_message_is_here() -> None:
    assert {(message["exchange"], message["routing_key"]) for message in MESSAGES} == {
        ("vss.events", "call.start"),
        ("vss.events", "slot.update"),
        ("vss.events", "system.alert"),
        ("vss.events", "gacs.completed"),
        ("vss.events", "gacs.failed"),
        ("vss.events", "command.failed"),
        ("vss.commands", "autodial.lead"),
        ("vss.commands", "gacs.execute"),
    }


def test_a_message_without_name_and_time_gets_the_routing_key_and_the_arrival() -> None:
    assert taken("vss.events", "slot.update", slot_id=44, status="busy", current_call=1234) == SlotUpdate(
        event="slot.update", timestamp=ARRIVED, slot_id=44, status="busy", current_call="1234"
    )


def test_the_test_message_is_an_alert_to_know_of_and_keeps_its_own_name() -> None:
    alert = taken("vss.events", "system.alert", event="test", message="Тестовое сообщение")
    assert alert == SystemAlert(event="test", timestamp=ARRIVED, severity="info", message="Тестовое сообщение")


def test_a_failed_script_needs_no_envelope() -> None:
    assert taken("vss.events", "gacs.failed", slot_id=44, error="device offline") == GacsFailed(
        timestamp=ARRIVED, slot_id=44, error="device offline"
    )


def test_a_lead_keeps_what_else_is_known_of_the_client() -> None:
    metadata = {"client_name": "Anna", "crm": {"id": 7}, "extra": [1]}
    lead = taken("vss.commands", "autodial.lead", lead_id=1, phone_number="1", campaign_id=2, metadata=metadata)
    assert isinstance(lead, AutodialLead)
    assert (lead.priority, lead.metadata.client_name) == (5, "Anna")
    assert lead.metadata.extra == {"crm": {"id": 7}, "extra": [1]}
    assert json.loads(encode(lead))["metadata"] == metadata


def test_a_dead_lettered_command_keeps_its_name_and_its_fields() -> None:
    failed = taken("vss.events", "command.failed", command="gacs.execute", id=7, slot_id=44, script_name="s")
    assert isinstance(failed, CommandFailed)
    assert (failed.event, failed.command, failed.id) == ("command.failed", "gacs.execute", "7")
    assert failed.extra == {"slot_id": 44, "script_name": "s"}


def test_the_exchange_tells_the_command_to_restart_from_the_news_of_it() -> None:
    assert taken("vss.commands", "slot.restart", slot_id=44) == SlotRestart(timestamp=ARRIVED, slot_id=44)
    assert taken("vss.events", "slot.restart", slot_id=44) == SlotRestarted(timestamp=ARRIVED, slot_id=44)


@pytest.mark.parametrize("field", ["slot_id", "operator_id", "queue", "direction", "event", "timestamp", "id", "seq"])
def test_null_stands_for_nothing_where_a_field_may_be_missing(field: str) -> None:
    call = {"call_id": "c", "phone_number": "1"}
    assert taken("vss.events", "call.start", **call, **{field: None}) == CallStart(
        timestamp=ARRIVED, call_id="c", phone_number="1"
    )
