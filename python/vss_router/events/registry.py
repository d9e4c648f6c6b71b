"""Which exchange and routing key carries which type, and the queue of the topology that receives it."""

from typing import Final, TypeAlias

import msgspec

from vss_router.errors import MessageError
from vss_router.events.autodial import AutodialLead, LeadDisposition
from vss_router.events.call import CallEnd, CallStart, CallUpdate
from vss_router.events.envelope import Command, Event
from vss_router.events.free_form import (
    AnyCommand,
    AnyEvent,
    ArchontsEvent,
    GuacamoleEvent,
    PipelineEvent,
    TelemetryEvent,
)
from vss_router.events.gacs import GacsCompleted, GacsExecute, GacsFailed
from vss_router.events.slot import DrpReboot, SlotRestart, SlotRestarted, SlotUpdate
from vss_router.events.status_change import OperatorUpdate, QueueUpdate
from vss_router.events.sync import SyncGap, SyncReconciled
from vss_router.events.system import CommandFailed, SecurityEvent, SystemAlert

__all__ = [
    "COMMANDS_EXCHANGE",
    "EVENTS_EXCHANGE",
    "MESSAGE_TYPES",
    "AnyMessage",
    "MessageType",
    "Route",
    "name_of",
    "route_of",
    "type_of",
]

EVENTS_EXCHANGE: Final = "vss.events"
COMMANDS_EXCHANGE: Final = "vss.commands"

AnyMessage: TypeAlias = Event | Command


class Route(msgspec.Struct, frozen=True):
    """Where a message goes."""

    exchange: str
    routing_key: str


class MessageType(msgspec.Struct, frozen=True):
    """One line of the registry.

    `pattern` is a routing key, or a first word followed by `.*` (one word) or `.#` (any words, also none). `queue` is
    the durable queue that the topology binds for it, None where whoever wants these messages binds one of their own.
    """

    exchange: str
    pattern: str
    type: type[Event] | type[Command]
    queue: str | None

    @property
    def fixed_key(self) -> bool:
        """Whether all its messages have one routing key, the pattern itself."""
        return self.pattern[-1] not in "*#"

    def covers(self, routing_key: str) -> bool:
        """Whether a routing key is one of this type's."""
        if self.fixed_key:
            return routing_key == self.pattern
        first, dot, rest = routing_key.partition(".")
        return first == self.pattern[:-2] and (self.pattern[-1] == "#" or (bool(dot) and "." not in rest))


def _event(pattern: str, kind: type[Event], queue: str | None = None) -> MessageType:
    return MessageType(EVENTS_EXCHANGE, pattern, kind, queue)


def _command(pattern: str, kind: type[Command], queue: str) -> MessageType:
    return MessageType(COMMANDS_EXCHANGE, pattern, kind, queue)


MESSAGE_TYPES: Final = (
    _event("call.start", CallStart, "vss.call.events"),
    _event("call.update", CallUpdate, "vss.call.events"),
    _event("call.end", CallEnd, "vss.call.events"),
    _event("slot.update", SlotUpdate, "vss.slot.events"),
    _event("slot.restart", SlotRestarted, "vss.slot.events"),
    _event("pipeline.*", PipelineEvent, "vss.pipeline.events"),
    _event("system.alert", SystemAlert, "vss.system.alerts"),
    _event("guacamole.#", GuacamoleEvent, "vss.guacamole.sessions"),
    _event("archonts.#", ArchontsEvent, "vss.archonts.deployments"),
    _event("telemetry.*", TelemetryEvent, "vss.telemetry.metrics"),
    _event("command.failed", CommandFailed, "vss.commands.failed"),
    _event("gacs.failed", GacsFailed, "vss.commands.failed"),
    _event("gacs.completed", GacsCompleted),
    _event("operator.update", OperatorUpdate),
    _event("queue.update", QueueUpdate),
    _event("sync.gap", SyncGap),
    _event("sync.reconciled", SyncReconciled),
    _event("lead.disposition", LeadDisposition),
    _event("security.*", SecurityEvent),
    _command("slot.restart", SlotRestart, "vss.slot.commands"),
    _command("slot.drp.reboot", DrpReboot, "vss.slot.commands"),
    _command("autodial.lead", AutodialLead, "vss.autodial.leads"),
    _command("gacs.execute", GacsExecute, "vss.gacs.commands"),
)

_BY_KEY: Final = {(known.exchange, known.pattern): known.type for known in MESSAGE_TYPES if known.fixed_key}
_BY_FIRST_WORD: Final = {(known.exchange, known.pattern[:-2]): known for known in MESSAGE_TYPES if not known.fixed_key}
_BY_TYPE: Final = {known.type: known for known in MESSAGE_TYPES}


def type_of(exchange: str, routing_key: str) -> type[Event] | type[Command]:
    """The type of the messages with this routing key; `AnyEvent` or `AnyCommand` where the key has none."""
    if found := _BY_KEY.get((exchange, routing_key)):
        return found
    family = _BY_FIRST_WORD.get((exchange, routing_key.partition(".")[0]))
    if family is not None and family.covers(routing_key):
        return family.type
    return AnyCommand if exchange == COMMANDS_EXCHANGE else AnyEvent


def name_of(message: AnyMessage) -> str:
    """What the message calls itself: its `event` or `command`."""
    return message.event if isinstance(message, Event) else message.command


def route_of(message: AnyMessage) -> Route:
    """Where the message is published.

    Raises
    ------
    MessageError
        Its type stands for many routing keys, and what it calls itself is none of them.
    """
    known = _BY_TYPE.get(type(message))
    name = name_of(message)
    if known is None:
        exchange = EVENTS_EXCHANGE if isinstance(message, Event) else COMMANDS_EXCHANGE
        if not name:
            raise MessageError(f"A message of the type {type(message).__name__} has no name: name its routing key.")
        return Route(exchange, name)
    if known.fixed_key:
        return Route(known.exchange, known.pattern)
    if not known.covers(name):
        raise MessageError(
            f"A {type(message).__name__} cannot be published as {name}: its routing key must match {known.pattern}."
        )
    return Route(known.exchange, name)
