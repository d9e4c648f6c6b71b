"""One message of each type as the documents show it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from vss_router.events.autodial import AutodialLead, LeadDisposition, LeadMetadata
from vss_router.events.call import CallEnd, CallStart, CallUpdate
from vss_router.events.free_form import ArchontsEvent, GuacamoleEvent, PipelineEvent, TelemetryEvent
from vss_router.events.gacs import GacsCompleted, GacsExecute, GacsFailed
from vss_router.events.registry import AnyMessage
from vss_router.events.slot import DrpReboot, SlotMetadata, SlotRestart, SlotRestarted, SlotUpdate
from vss_router.events.status_change import OperatorUpdate, QueueUpdate
from vss_router.events.sync import Change, SyncGap, SyncReconciled
from vss_router.events.system import CommandFailed, SecurityEvent, SystemAlert
from vss_router.status.rows import Caller, Membership, OperatorRow, QueueCounts, QueueRow, ServiceLevel

__all__ = ["EXAMPLES"]

_AT: Final = datetime(2026, 11, 21, 19, 49, 21, 84_000, tzinfo=UTC)
_LATER: Final = _AT + timedelta(seconds=9.5)
_SEQ: Final = 1795290561084001
_CALL: Final = "1795290561.0"
_ID: Final = "01a20198-0da7-7de2-a72d-8968c0b5b8f1"
_COMMAND: Final = "01a20198-1530-73d9-b7a5-0ad5cb8df955"
_NUMBER: Final = "+10005550123"

_OPERATOR: Final = OperatorRow(
    source="main",
    id="PJSIP/1001",
    extension="1001",
    name="Anna",
    state="talking",
    since=_LATER,
    reason="support",
    intent="available",
    activity="talking",
    reachable=True,
    device_state="INUSE",
    memberships=[
        Membership(
            queue="support",
            interface="PJSIP/1001",
            membership="static",
            penalty=0,
            paused=False,
            paused_reason=None,
            paused_since=None,
            status=2,
            status_name="INUSE",
            calls_taken=12,
            last_call=_AT,
            in_call=True,
            login_time=_AT,
            wrapup_seconds=15.0,
            ringinuse=False,
        )
    ],
    paused_queues=[],
    channels=["1795290562.1"],
    call=_CALL,
    wrap_up_ends=None,
    seq=_SEQ,
    as_of=_LATER,
)
_QUEUE: Final = QueueRow(
    source="main",
    name="support",
    strategy="rrmemory",
    weight=0,
    max=0,
    service_level_seconds=20,
    counts=QueueCounts(logged_in=2, available=1, ringing=0, talking=1, on_hold=0, wrap_up=0, paused=0, unreachable=0),
    callers=[
        Caller(
            position=1,
            channel="1795290563.4",
            call_id="1795290563.4",
            number="+10005550177",
            name=None,
            joined_at=_LATER,
            priority=0,
            ringing=[],
        )
    ],
    longest_wait=0.0,
    offered=31,
    answered=28,
    abandoned=2,
    timed_out=0,
    service_level_percent=ServiceLevel(of_answered=96.4, of_offered=93.3),
    average_wait=7.9,
    average_talk=141.2,
    p90_wait=16.4,
    seq=_SEQ,
    as_of=_LATER,
)

EXAMPLES: Final[tuple[AnyMessage, ...]] = (
    CallStart(timestamp=_AT, id=_ID, source="main", seq=_SEQ, call_id=_CALL, phone_number=_NUMBER, direction="inbound"),
    CallUpdate(
        timestamp=_AT, id=_ID, source="main", seq=_SEQ, call_id=_CALL, status="queued", queue="support", position=1
    ),
    CallEnd(
        timestamp=_LATER,
        id=_ID,
        source="main",
        seq=_SEQ,
        call_id=_CALL,
        disposition="answered",
        wait_seconds=2.645,
        talk_seconds=6.1,
        hold_seconds=0.0,
        hangup_cause=16,
        operator_id="PJSIP/1001",
        queue="support",
    ),
    SlotUpdate(
        timestamp=_AT,
        id=_ID,
        slot_id=44,
        status="busy",
        current_call=_CALL,
        metadata=SlotMetadata(cpu_usage=45.2, ram_usage=1024, battery=85),
    ),
    SlotRestarted(timestamp=_AT, id=_ID, slot_id=44, requested_by="anna"),
    PipelineEvent(event="pipeline.start", timestamp=_AT, id=_ID, data={"branch": "main"}),
    SystemAlert(
        timestamp=_AT,
        id=_ID,
        severity="warning",
        message="slot 44 does not answer",
        details={"slot_id": 44, "attempts": 5},
        source="OTTB",
    ),
    GuacamoleEvent(event="guacamole.session.start", timestamp=_AT, id=_ID, data={"user": "anna"}),
    ArchontsEvent(event="archonts.deployment.done", timestamp=_AT, id=_ID, data={"version": "1.4.2"}),
    TelemetryEvent(event="telemetry.slot", timestamp=_AT, id=_ID, data={"slot_id": 44, "temperature": 41.5}),
    CommandFailed(
        timestamp=_AT,
        id=_COMMAND,
        command="gacs.execute",
        extra={"slot_id": 44, "script_name": "open_dialer_app", "params": {"auto_call": True}},
    ),
    GacsFailed(
        timestamp=_LATER,
        id=_ID,
        slot_id=44,
        error="device offline",
        script_name="open_dialer_app",
        command_id=_COMMAND,
    ),
    GacsCompleted(
        timestamp=_LATER,
        id=_ID,
        slot_id=44,
        script_name="open_dialer_app",
        result={"success": True},
        command_id=_COMMAND,
    ),
    OperatorUpdate(timestamp=_LATER, id=_ID, source="main", seq=_SEQ, previous_state="ringing", row=_OPERATOR),
    QueueUpdate(timestamp=_LATER, id=_ID, source="main", seq=_SEQ, row=_QUEUE),
    SyncGap(
        timestamp=_LATER,
        id=_ID,
        source="main",
        seq=_SEQ,
        from_seq=_SEQ - 1,
        to_seq=_SEQ,
        reason="Asterisk closed the connection",
        started=_AT,
        ended=_LATER,
    ),
    SyncReconciled(
        timestamp=_LATER,
        id=_ID,
        source="main",
        seq=_SEQ,
        reason="connect",
        added=["channel:1795291801.7"],
        removed=[f"call:{_CALL}"],
        changed=[Change(row="operator:PJSIP/1001", field="state", was="talking", now="available")],
    ),
    LeadDisposition(
        timestamp=_LATER,
        id=_ID,
        lead_id="lead_5678",
        campaign_id="campaign_123",
        attempt=1,
        disposition="no_answer",
        call_id=_CALL,
        next_attempt_at=_LATER + timedelta(hours=1),
    ),
    SecurityEvent(
        event="security.login",
        timestamp=_AT,
        id=_ID,
        actor="anna",
        action="login",
        object=None,
        outcome="allowed",
        address="192.0.2.7",
    ),
    SlotRestart(timestamp=_AT, id=_COMMAND, slot_id=44, requested_by="anna"),
    DrpReboot(timestamp=_AT, id=_COMMAND, slot_id=44, requested_by="anna"),
    AutodialLead(
        timestamp=_AT,
        id=_COMMAND,
        lead_id="lead_5678",
        phone_number=_NUMBER,
        campaign_id="campaign_123",
        priority=10,
        metadata=LeadMetadata(client_name="Ivan Ivanov", lead_source="website"),
        expires_at=_AT + timedelta(hours=1),
    ),
    GacsExecute(
        timestamp=_AT,
        id=_COMMAND,
        slot_id=44,
        script_name="open_dialer_app",
        params={"phone_number": _NUMBER, "auto_call": True},
        expires_at=_AT + timedelta(minutes=5),
    ),
)
"""In the order of the registry."""
