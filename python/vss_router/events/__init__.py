"""What travels: typed messages, and which exchange and routing key carries which type.

`decode` makes a typed message of a body, `encode` a body of a typed message; `type_of` and `route_of` are the registry.
"""

from vss_router.events.autodial import AutodialLead, LeadDisposition, LeadMetadata
from vss_router.events.call import CallEnd, CallStart, CallUpdate
from vss_router.events.decoding import decode
from vss_router.events.encoding import encode
from vss_router.events.envelope import UNSTAMPED, Command, Event
from vss_router.events.free_form import (
    AnyCommand,
    AnyEvent,
    ArchontsEvent,
    GuacamoleEvent,
    PipelineEvent,
    TelemetryEvent,
)
from vss_router.events.gacs import GacsCompleted, GacsExecute, GacsFailed
from vss_router.events.ids import new_id
from vss_router.events.registry import MESSAGE_TYPES, MessageType, Route, name_of, route_of, type_of
from vss_router.events.slot import DrpReboot, SlotMetadata, SlotRestart, SlotRestarted, SlotUpdate
from vss_router.events.stamping import stamped
from vss_router.events.status_change import OperatorUpdate, QueueUpdate
from vss_router.events.sync import Change, SyncGap, SyncReconciled
from vss_router.events.system import CommandFailed, SecurityEvent, SystemAlert

__all__ = [
    "MESSAGE_TYPES",
    "UNSTAMPED",
    "AnyCommand",
    "AnyEvent",
    "ArchontsEvent",
    "AutodialLead",
    "CallEnd",
    "CallStart",
    "CallUpdate",
    "Change",
    "Command",
    "CommandFailed",
    "DrpReboot",
    "Event",
    "GacsCompleted",
    "GacsExecute",
    "GacsFailed",
    "GuacamoleEvent",
    "LeadDisposition",
    "LeadMetadata",
    "MessageType",
    "OperatorUpdate",
    "PipelineEvent",
    "QueueUpdate",
    "Route",
    "SecurityEvent",
    "SlotMetadata",
    "SlotRestart",
    "SlotRestarted",
    "SlotUpdate",
    "SyncGap",
    "SyncReconciled",
    "SystemAlert",
    "TelemetryEvent",
    "decode",
    "encode",
    "name_of",
    "new_id",
    "route_of",
    "stamped",
    "type_of",
]
