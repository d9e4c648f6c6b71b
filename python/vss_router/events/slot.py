"""`slot.*`: the outbound lines, what they tell of themselves and what they are told to do."""

from typing import Literal

from vss_router.events.envelope import Command, Event, Id, OpenStruct

__all__ = ["DrpReboot", "SlotMetadata", "SlotRestart", "SlotRestarted", "SlotStatus", "SlotUpdate"]

SlotStatus = Literal["free", "busy", "offline"]


class SlotMetadata(OpenStruct, frozen=True, kw_only=True):
    """How the slot's device is: processor and battery in percent, memory in MiB."""

    cpu_usage: float | None = None
    ram_usage: float | None = None
    battery: float | None = None


class SlotUpdate(Event, frozen=True, kw_only=True):
    """The slot's status or its device's figures; `current_call` is a call id."""

    event: str = "slot.update"
    slot_id: int
    status: SlotStatus
    current_call: Id | None = None
    metadata: SlotMetadata = SlotMetadata()


class SlotRestarted(Event, frozen=True, kw_only=True):
    """The slot was restarted (`slot.restart` on `vss.events`; the command of that name is `SlotRestart`)."""

    event: str = "slot.restart"
    slot_id: int
    requested_by: Id | None = None


class SlotRestart(Command, frozen=True, kw_only=True):
    """Restart the slot."""

    command: str = "slot.restart"
    slot_id: int
    requested_by: Id | None = None


class DrpReboot(Command, frozen=True, kw_only=True):
    """Reboot the slot's DRP."""

    command: str = "slot.drp.reboot"
    slot_id: int
    requested_by: Id | None = None
