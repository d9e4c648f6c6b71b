"""`gacs.*`: scripts that run on a slot's device."""

from typing import Any

import msgspec

from vss_router.events.envelope import Command, Event, Id

__all__ = ["GacsCompleted", "GacsExecute", "GacsFailed"]


class GacsExecute(Command, frozen=True, kw_only=True):
    """Run the script on the slot's device."""

    command: str = "gacs.execute"
    slot_id: int
    script_name: str
    params: dict[str, Any] = msgspec.field(default_factory=dict)


class GacsCompleted(Event, frozen=True, kw_only=True):
    """The script ended well with `result`; `command_id` is the command's `id` if it had one."""

    event: str = "gacs.completed"
    slot_id: int
    script_name: str
    result: Any = None
    command_id: Id | None = None


class GacsFailed(Event, frozen=True, kw_only=True):
    """The script failed, `error` says why if anybody knows; `command_id` is the command's `id` if it had one."""

    event: str = "gacs.failed"
    slot_id: int
    error: str = ""
    script_name: str | None = None
    command_id: Id | None = None
