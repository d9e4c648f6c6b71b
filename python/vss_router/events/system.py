"""What people look after: alerts, what was done to accounts, and commands that nobody could carry out."""

from typing import Any, Literal

import msgspec

from vss_router.events.envelope import Event, Id

__all__ = ["CommandFailed", "SecurityEvent", "Severity", "SystemAlert"]

Severity = Literal["info", "warning", "error", "critical"]


class SystemAlert(Event, frozen=True, kw_only=True):
    """Something a person should know; `source` is the service or the PBX that tells it."""

    event: str = "system.alert"
    severity: Severity = "info"
    message: str
    details: Any = msgspec.field(default_factory=dict)


class SecurityEvent(Event, frozen=True, kw_only=True):
    """`security.*`: `actor` did `action` to `object` from `address`; `outcome` is free text such as `allowed`."""

    actor: Id
    action: str
    object: Id | None
    outcome: str
    address: str | None = None


class CommandFailed(Event, frozen=True, kw_only=True):
    """A command as it was dead-lettered: `command` is its name, its other fields are that command's own.

    Why and where it failed stands in the header `x-death` of the delivery.
    """

    event: str = "command.failed"
    command: str | None = None
