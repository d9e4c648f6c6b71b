"""Actions that change the simulated call centre, with the events that follow."""

from vss_router.ami.simulator.arrivals import Arrivals
from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.membership import Member, Operator, Queue
from vss_router.ami.simulator.presence import Presence

__all__ = ["Control"]


class Control:
    """What AMI actions do to members and operators; each returns Asterisk's sentence when it refuses, else None."""

    def __init__(self, centre: Centre, presence: Presence, arrivals: Arrivals) -> None:
        self._presence = presence
        self._arrivals = arrivals
        self._queues = {queue.name: queue for queue in centre.queues}
        self._operators: dict[str, Operator] = {}
        for operator in centre.operators:
            self._operators[operator.interface] = self._operators[operator.device] = operator
            self._operators[f"Local/{operator.extension}@internal"] = operator

    def pause(self, interface: str, queue: str = "", *, paused: bool = True, reason: str = "") -> str | None:
        """Pause a member in one queue, or in all of them when `queue` is empty; or end the pause."""
        if queue:
            found = self._member(queue, interface)
            members = [found] if found else []
        else:
            members = [known.members[interface] for known in self._queues.values() if interface in known.members]
        if not members:
            return "Interface not found"
        for member in members:
            self._presence.pause(member, paused=paused, reason=reason)
        return None

    def add(self, interface: str, queue: str, *, penalty: int = 0, paused: bool = False) -> str | None:
        """Make an operator a member of a queue."""
        known, operator = self._queues.get(queue), self._operators.get(interface)
        if known is None or operator is None:
            return "Unable to add interface to queue: No such queue"
        if self._present(known, operator):
            return "Unable to add interface: Already there"
        self._presence.add(operator, known, max(penalty, 0), paused=paused)
        return None

    def remove(self, interface: str, queue: str) -> str | None:
        """Take a member out of a queue. A call of that queue goes on."""
        if queue not in self._queues:
            return "Unable to remove interface from queue: No such queue"
        member = self._member(queue, interface)
        if member is None:
            return "Unable to remove interface: Not there"
        self._presence.remove(member)
        return None

    def penalty(self, interface: str, penalty: int, queue: str = "") -> str | None:
        """Set a member's penalty, in one queue or in all."""
        queues = [self._queues[queue]] if queue in self._queues else [] if queue else list(self._queues.values())
        members = [known.members[interface] for known in queues if interface in known.members]
        if not members or penalty < 0:
            return "Invalid interface, queuename or penalty"
        for member in members:
            self._presence.penalty(member, penalty)
        return None

    def originate(self, channel: str, number: str, *, action_id: str = "", uniqueid: str = "") -> str | None:
        """Ring an operator, then the number; the outcome is told by OriginateResponse."""
        operator = self._operators.get(channel.removesuffix("/n"))
        if operator is None or not number:
            return "Extension does not exist."
        if operator.occupied or operator.channels or not operator.reachable:
            self._arrivals.refuse(operator, number, action_id, uniqueid)
        else:
            self._arrivals.originate(operator, number, action_id, uniqueid or None)
        return None

    def _member(self, queue: str, interface: str) -> Member | None:
        known = self._queues.get(queue)
        return known.members.get(interface) if known else None

    @staticmethod
    def _present(queue: Queue, operator: Operator) -> bool:
        return operator.interface in queue.members
