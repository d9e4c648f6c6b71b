"""Operators, queues and who is in them: the simulator's own model, as Asterisk keeps it."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from vss_router.ami.simulator.channel import RING, RINGING, UP, Channel

if TYPE_CHECKING:
    from vss_router.ami.simulator.visit import Visit

__all__ = ["DEVICE_STATUS", "Member", "Operator", "Queue"]

DEVICE_STATUS: Final = {
    "UNKNOWN": 0,
    "NOT_INUSE": 1,
    "INUSE": 2,
    "BUSY": 3,
    "INVALID": 4,
    "UNAVAILABLE": 5,
    "RINGING": 6,
    "RINGINUSE": 7,
    "ONHOLD": 8,
}
"""The `Status` of a queue member for each device state."""


class Queue:
    """A queue: its settings, members, waiting callers in order, and Asterisk's counters."""

    __slots__ = (
        "abandoned", "autopause", "avail", "completed", "completed_in_level", "context", "exten", "holdtime", "idle",
        "matching", "members", "music", "name", "ring_seconds", "service_level", "strategy", "talktime",
        "timeout_seconds", "visits", "weight", "wrapup_seconds",
    )  # fmt: skip

    def __init__(self, name: str, exten: str, strategy: str, *, timeout_seconds: int, wrapup_seconds: float) -> None:
        self.name = name
        self.exten = exten
        self.context = f"{name}-exit"
        self.strategy = strategy
        self.timeout_seconds = timeout_seconds
        self.wrapup_seconds = wrapup_seconds
        self.ring_seconds = 15
        self.service_level = 20
        self.weight = 0
        self.autopause = False
        self.music = False
        self.members: dict[str, Member] = {}  # by interface
        self.visits: list[Visit] = []  # waiting callers, the first is served first
        self.idle: OrderedDict[str, Member] = OrderedDict()  # members that may be offered a call, longest idle first
        self.matching = False  # a match of callers and members is already due
        self.avail = False  # as last announced by the device state Queue:<name>_avail
        self.holdtime = self.talktime = 0
        self.completed = self.completed_in_level = self.abandoned = 0


class Member:
    """An operator's membership of one queue."""

    __slots__ = (
        "calls_taken", "in_call", "interface", "last_call", "last_pause", "login_time", "membership", "operator",
        "paused", "paused_reason", "penalty", "queue", "ringinuse",
    )  # fmt: skip

    def __init__(self, operator: "Operator", queue: Queue, *, membership: str, penalty: int, login_time: int) -> None:
        self.operator = operator
        self.queue = queue
        self.interface = operator.interface
        self.membership = membership
        self.penalty = penalty
        self.login_time = login_time
        self.calls_taken = self.last_call = self.last_pause = 0
        self.in_call = False
        self.paused = False
        self.paused_reason = ""
        self.ringinuse = False

    def spelled(self) -> str:
        """The headers of a live QueueMember… event."""
        operator = self.operator
        return (
            f"Queue: {self.queue.name}\r\nMemberName: {operator.name}\r\nInterface: {self.interface}\r\n"
            f"StateInterface: {operator.device}\r\nMembership: {self.membership}\r\nPenalty: {self.penalty}\r\n"
            f"CallsTaken: {self.calls_taken}\r\nLastCall: {self.last_call}\r\nLastPause: {self.last_pause}\r\n"
            f"LoginTime: {self.login_time}\r\nInCall: {self.in_call:d}\r\nStatus: {operator.status}\r\n"
            f"Paused: {self.paused:d}\r\nPausedReason: {self.paused_reason}\r\nRinginuse: {self.ringinuse:d}\r\n"
            "Wrapuptime: 0\r\n"
        )


class Operator:
    """A person at a telephone. `occupied` from the first offer of a call until the last channel is gone."""

    __slots__ = (
        "channels", "device", "device_state", "extension", "interface", "members", "name", "occupied", "reachable",
        "status", "wrap_up_until",
    )  # fmt: skip

    def __init__(self, extension: str, name: str, interface: str) -> None:
        self.extension = extension
        self.name = name
        self.device = f"PJSIP/{extension}"
        self.interface = interface
        self.members: list[Member] = []
        self.channels: list[Channel] = []
        self.device_state = "NOT_INUSE"
        self.status = DEVICE_STATUS["NOT_INUSE"]
        self.reachable = True
        self.occupied = False
        self.wrap_up_until = 0  # microseconds

    @property
    def party(self) -> tuple[str, str]:
        """Number and name as the others see them."""
        return self.extension, self.name

    @property
    def local(self) -> bool:
        """Whether the queues call this operator through a Local channel."""
        return self.interface.startswith("Local/")

    def free(self, now: int) -> bool:
        """Whether a call could be put through to this operator now."""
        return self.reachable and not self.occupied and not self.channels and self.wrap_up_until <= now

    def computed_state(self) -> str:
        """The device state that follows from the channels."""
        ringing = talking = held = False
        for channel in self.channels:
            if channel.state == RINGING:
                ringing = True
            elif channel.on_hold:
                held = True
            elif channel.state in {UP, RING}:
                talking = True
        if talking:
            return "RINGINUSE" if ringing else "INUSE"
        if ringing:
            return "RINGING"
        if held:
            return "ONHOLD"
        return "NOT_INUSE" if self.reachable else "UNAVAILABLE"
