"""Typed messages become AMQP messages with the properties that every reader may count on."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.outbox_rig import Rig, eventually, rig
from tests.transport_double import CONFIRMED
from vss_router.broker.message import Confirm, Outcome
from vss_router.broker.publisher import Publisher, is_mandatory
from vss_router.errors import MessageError, OutboxFullError, UnroutableError
from vss_router.events import (
    AutodialLead,
    CallStart,
    GacsCompleted,
    PipelineEvent,
    SlotRestart,
    SystemAlert,
    decode,
)

NOW = 1_763_800_000.25
ID = "019aa9e8-0000-7000-8000-000000000001"
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


@pytest.fixture
async def both() -> AsyncIterator[Rig]:
    async with rig(clock=lambda: NOW) as made:
        yield made


def publisher(both: Rig, trace: Mapping[str, str] | None = None) -> Publisher:
    return Publisher(both.outbox, ids=lambda: ID, clock=lambda: NOW, instance="north", trace=lambda: trace or {})


def lead(**fields: object) -> AutodialLead:
    return msgspec.structs.replace(AutodialLead(lead_id="l1", phone_number="79990001122", campaign_id="c1"), **fields)


async def test_a_message_that_cannot_be_encoded_is_refused_before_anything_is_published(both: Rig) -> None:
    with pytest.raises(MessageError, match="nan is no number"):
        await publisher(both).publish_many([lead(), SystemAlert(message="x", details={"load": float("nan")})])
    with pytest.raises(MessageError, match="cannot be published as call.start"):
        await publisher(both).publish(PipelineEvent(event="call.start"))
    assert both.transport.calls == []


async def test_a_command_for_a_full_queue_is_refused_and_an_event_is_not(both: Rig) -> None:
    both.transport.judge = lambda _: Confirm(Outcome.NACKED, "the queue vss.autodial.leads is full")
    with pytest.raises(OutboxFullError, match="vss.autodial.leads is full"):
        await publisher(both).publish(lead())
    publishing = asyncio.create_task(publisher(both).publish(GacsCompleted(slot_id=1, script_name="s", result={})))
    await eventually(lambda: both.outbox.stats.held_messages == 1, "held")
    both.transport.judge = lambda _: CONFIRMED
    await publishing


async def test_one_unroutable_lead_of_many_is_told_and_the_others_are_published(both: Rig) -> None:
    both.transport.judge = lambda given: (
        Confirm(Outcome.RETURNED, "no queue is bound") if b'"l2"' in given.body else CONFIRMED
    )
    answers = await publisher(both).publish_many([lead(), lead(lead_id="l2"), lead(lead_id="l3")])
    assert [type(answer) for answer in answers] == [type(None), UnroutableError, type(None)]


async def test_a_lead_carries_everything_a_reader_counts_on(both: Rig) -> None:
    expires = datetime.fromtimestamp(NOW + 60, UTC)
    await publisher(both, TRACE).publish(lead(priority=8, expires_at=expires, source="crm"))
    [sent] = both.transport.queue
    assert (sent.exchange, sent.routing_key, sent.mandatory) == ("vss.commands", "autodial.lead", True)
    properties = sent.properties
    assert properties.persistent
    assert properties.content_type == "application/json"
    assert properties.message_id == ID
    assert properties.type == "autodial.lead"
    assert properties.timestamp == int(NOW)
    assert properties.app_id == "vss-router"
    assert properties.priority == 8
    assert properties.expiration_ms == 60_000
    assert properties.headers == {"x-source": "crm", **TRACE}
    told = decode(sent.exchange, sent.routing_key, sent.body, arrived=0.0)
    assert isinstance(told, AutodialLead)
    assert (told.id, told.lead_id, told.expires_at) == (ID, "l1", expires)
    assert told.timestamp == datetime.fromtimestamp(NOW, UTC)


async def test_a_messages_own_id_and_time_are_kept(both: Rig) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    await publisher(both).publish(GacsCompleted(id="mine", timestamp=at, slot_id=1, script_name="s", result={}))
    [sent] = both.transport.queue
    assert (sent.properties.message_id, sent.properties.timestamp) == ("mine", int(at.timestamp()))


async def test_a_commands_time_to_live_becomes_its_expires_at(both: Rig) -> None:
    await publisher(both).publish(SlotRestart(slot_id=3), expires_seconds=30)
    [sent] = both.transport.queue
    assert sent.properties.expiration_ms == 30_000
    told = decode(sent.exchange, sent.routing_key, sent.body, arrived=0.0)
    assert isinstance(told, SlotRestart)
    assert told.expires_at == datetime.fromtimestamp(NOW + 30, UTC)


async def test_the_earlier_of_two_ends_counts_and_one_in_the_past_is_now(both: Rig) -> None:
    early, late = (datetime.fromtimestamp(NOW + seconds, UTC) for seconds in (-5, 90))
    await publisher(both).publish(SlotRestart(slot_id=3, expires_at=late), expires_seconds=30)
    await publisher(both).publish(SlotRestart(slot_id=3, expires_at=early))
    assert [sent.properties.expiration_ms for sent in both.transport.queue] == [30_000, 0]


async def test_what_amqp_has_no_number_for_is_left_out_and_the_message_goes_out(both: Rig) -> None:
    far = datetime.fromtimestamp(NOW + 50 * 86_400, UTC)
    near = datetime.fromtimestamp(NOW + 49 * 86_400, UTC)
    await publisher(both).publish(SlotRestart(slot_id=3, expires_at=far))
    await publisher(both).publish(SlotRestart(slot_id=3, expires_at=near))
    await publisher(both).publish(SlotRestart(slot_id=3, timestamp=datetime(1969, 12, 31, tzinfo=UTC)))
    assert [sent.properties.expiration_ms for sent in both.transport.queue] == [None, 49 * 86_400_000, None]
    assert [sent.properties.timestamp for sent in both.transport.queue] == [int(NOW), int(NOW), None]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300])
async def test_an_end_that_is_no_time_is_refused(both: Rig, seconds: float) -> None:
    with pytest.raises(MessageError, match="a message cannot expire in"):
        await publisher(both).publish(SlotRestart(slot_id=3), expires_seconds=seconds)
    assert both.transport.calls == []


@pytest.mark.parametrize(
    ("exchange", "key", "expected"),
    [
        ("vss.events", "call.start", True),
        ("vss.events", "telemetry.metrics", True),
        ("vss.events", "guacamole.session.start", True),
        ("vss.events", "gacs.failed", True),
        ("vss.events", "call.other", True),
        ("vss.events", "call.one.two", False),
        ("vss.events", "gacs.completed", False),
        ("vss.events", "operator.update", False),
        ("vss.events", "sync.gap", False),
        ("vss.commands", "gacs.execute", True),
        ("vss.commands", "something.else", False),
    ],
)
def test_what_the_topology_binds_a_queue_for_must_reach_one(exchange: str, key: str, expected: bool) -> None:
    assert is_mandatory(exchange, key) is expected


async def test_troubles_of_the_outbox_become_alerts_that_find_room_in_a_full_one() -> None:
    async with rig(clock=lambda: NOW, memory_messages=3) as both:
        typed = publisher(both)
        both.transport.stall()
        events = [CallStart(call_id="1", phone_number="2", direction="inbound", source="main") for _ in range(40)]
        assert [typed.offer(event) for event in events].count(False) == 37
        both.transport.flow()
        await both.drained()
        alerts = [
            decode(sent.exchange, sent.routing_key, sent.body, arrived=0.0)
            for sent in both.transport.queue
            if sent.routing_key == "system.alert"
        ]
        assert all(isinstance(alert, SystemAlert) for alert in alerts)
        assert [
            (alert.severity, alert.source, alert.details) for alert in alerts if isinstance(alert, SystemAlert)
        ] == [
            ("critical", "north", {"kind": "outbox.dropped", "times": 1}),
            ("critical", "north", {"kind": "outbox.dropped", "times": 10}),
        ]


async def test_an_alert_that_no_queue_takes_does_not_raise_alerts_for_ever() -> None:
    async with rig(clock=lambda: NOW) as both:
        both.transport.judge = lambda _: Confirm(Outcome.RETURNED, "no queue is bound for system.alert")
        publisher(both).offer(SystemAlert(message="the first"))
        await both.drained()
        await asyncio.sleep(0)
        await both.drained()
        assert both.outbox.stats.returned == 2, "itself, and the one alert about it"


async def test_what_is_no_message_is_refused_by_its_type(both: Rig) -> None:
    nothing: Any = {"event": "call.start"}
    with pytest.raises(MessageError, match=r"a dict cannot be published: give a message of vss_router\.events"):
        await publisher(both).publish(nothing)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"lead_id": None}, "lead_id"),
        ({"lead_id": 5}, "lead_id"),
        ({"priority": 5.0}, "priority"),
        ({"id": 5}, "id"),
        ({"timestamp": 5}, "timestamp"),
        ({"expires_at": 5}, "expires_at"),
        ({"extra": 5}, "extra"),
    ],
)
async def test_a_field_of_another_type_is_named_before_anything_is_taken(
    both: Rig, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(MessageError, match=rf"a AutodialLead cannot be published \(.*{field}`?\): give that field"):
        await publisher(both).publish(lead(**wrong))
    assert both.outbox.stats.accepted == 0


@pytest.mark.parametrize("priority", [1.5, "5", True])
async def test_a_priority_that_is_no_whole_number_is_refused(both: Rig, priority: Any) -> None:
    with pytest.raises(MessageError, match="the priority of a message is a whole number from 0 to 255, not "):
        await publisher(both).publish(lead(), priority=priority)
