"""The families whose content belongs to other systems: free-form `data`, and whatever stands beside it, in `extra`."""

from typing import Any

import msgspec

from vss_router.events.envelope import Command, Event

__all__ = ["AnyCommand", "AnyEvent", "ArchontsEvent", "GuacamoleEvent", "PipelineEvent", "TelemetryEvent"]


class PipelineEvent(Event, frozen=True, kw_only=True):
    """`pipeline.*`, such as `pipeline.start`: a build or delivery pipeline."""

    data: Any = msgspec.field(default_factory=dict)


class GuacamoleEvent(Event, frozen=True, kw_only=True):
    """`guacamole.#`, such as `guacamole.session.start`: a remote desktop session."""

    data: Any = msgspec.field(default_factory=dict)


class ArchontsEvent(Event, frozen=True, kw_only=True):
    """`archonts.#`: a deployment."""

    data: Any = msgspec.field(default_factory=dict)


class TelemetryEvent(Event, frozen=True, kw_only=True):
    """`telemetry.*`: figures of a device or service."""

    data: Any = msgspec.field(default_factory=dict)


class AnyEvent(Event, frozen=True, kw_only=True):
    """An event of a routing key that has no type; all its own fields stand in `extra`."""


class AnyCommand(Command, frozen=True, kw_only=True):
    """A command of a routing key that has no type; all its own fields stand in `extra`."""
