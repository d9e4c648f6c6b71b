"""Device states, and the status of queue members that follows from them."""

from typing import TYPE_CHECKING

from vss_router.ami.simulator.journal import Journal
from vss_router.ami.simulator.membership import DEVICE_STATUS, Member, Operator, Queue
from vss_router.ami.simulator.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Devices"]


class Devices:
    """Keeps device states, and in each queue the members that may be offered a call."""

    def __init__(self, schedule: Schedule, journal: Journal) -> None:
        self._schedule = schedule
        self._journal = journal
        self.others: dict[str, str] = {"PJSIP/trunk": "NOT_INUSE"}
        self.on_free: Callable[[Queue], None] = lambda _queue: None  # a member of that queue has become free

    def announce(self, device: str, state: str) -> None:
        """Set the state of a device that is no operator's telephone."""
        if self.others.get(device) != state:
            self.others[device] = state
            self._journal.call("DeviceStateChange", f"Device: {device}\r\nState: {state}\r\n")

    def refresh(self, operator: Operator) -> None:
        """Announce what the operator's channels have made of the device, to each queue too."""
        state = operator.computed_state()
        if state != operator.device_state:
            operator.device_state = state
            operator.status = DEVICE_STATUS[state]
            self._journal.call("DeviceStateChange", f"Device: {operator.device}\r\nState: {state}\r\n")
            for member in operator.members:
                self._journal.agent("QueueMemberStatus", member.spelled())
        self.reconsider(operator)

    def reconsider(self, operator: Operator) -> None:
        """Note in which queues the operator may be offered a call now."""
        free = operator.free(self._schedule.now)
        for member in operator.members:
            self._consider(member, free=free and not member.paused)

    def _consider(self, member: Member, *, free: bool) -> None:
        queue = member.queue
        idle = queue.idle
        if free:
            if member.interface not in idle:
                idle[member.interface] = member
                self.on_free(queue)
        else:
            idle.pop(member.interface, None)
        if bool(idle) != queue.avail:
            queue.avail = bool(idle)
            self.announce(f"Queue:{queue.name}_avail", "NOT_INUSE" if idle else "INUSE")

    def waiting(self, queue: Queue) -> None:
        """Announce whether callers wait in a queue."""
        self.announce(f"Queue:{queue.name}", "RINGING" if queue.visits else "NOT_INUSE")

    def paused(self, member: Member) -> None:
        """Announce whether a member pauses."""
        self.announce(f"Queue:{member.queue.name}_pause_{member.interface}", "INUSE" if member.paused else "NOT_INUSE")

    def gone(self, member: Member) -> None:
        """A member was removed from a queue; Asterisk goes on listing the device of its pause."""
        self._consider(member, free=False)
