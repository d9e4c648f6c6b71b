"""A caller's stay in a queue, and the service that may follow."""

from typing import TYPE_CHECKING

from vss_router.ami.simulator.channel import Channel
from vss_router.ami.simulator.membership import Member, Queue

if TYPE_CHECKING:
    from vss_router.ami.simulator.leg import Leg

__all__ = ["Service", "Visit"]


class Visit:
    """One caller in one queue, from join to leave."""

    __slots__ = ("channel", "joined", "leg", "original", "over", "priority", "queue", "retry_at")

    def __init__(self, queue: Queue, channel: Channel, joined: int, priority: int) -> None:
        self.queue = queue
        self.channel = channel
        self.joined = joined
        self.priority = priority
        self.original = 0  # the position at the beginning, from 1
        self.leg: Leg | None = None
        self.retry_at = 0
        self.over = False


class Service:
    """A queue call being served: what AgentComplete will tell of it."""

    __slots__ = ("connected", "hold_seconds", "member", "queue")

    def __init__(self, queue: Queue, member: Member, hold_seconds: int, connected: int) -> None:
        self.queue = queue
        self.member = member
        self.hold_seconds = hold_seconds
        self.connected = connected
