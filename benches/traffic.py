"""Made AMI traffic of any size: the lists of a call centre, then rounds of calls that leave it as it was.

Queues are of one size whatever the number of operators, so that only the number of things grows. In each queue callers
wait; a call is one more caller who joins at the end while the first one is answered, spoken to and hung up, with every
event Asterisk 22 sends for it, and now and then an operator pauses in all queues. The ids of each round are new.
"""

import random
from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

START: Final = 1_790_000_000.0  # the made clock's first second
EVENT_GAP: Final = 0.0002  # seconds between two events: 5 000 events per second
AT_ONCE: Final = 20  # calls that go on beside each other
FENCE: Final = "bench-fence"
LISTS: Final = (
    "CoreShowChannels",
    "BridgeList",
    "QueueStatus",
    "DeviceStateList",
    "ExtensionStateList",
    "Agents",
)
ACTION_IDS: Final = {name: f"bench-{name}" for name in LISTS}


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large the made call centre is. `talking` are two-party calls beside the waiting callers."""

    operators: int
    queues: int
    memberships: int = 3
    callers_per_queue: int = 10
    talking: int = 0

    @classmethod
    def growing(cls, operators: int) -> "Size":
        """30 members in each queue, whatever the number of operators."""
        return cls(operators=operators, queues=operators * 3 // 30)


class Leg(msgspec.Struct):
    """One channel."""

    channel: str
    uniqueid: str
    linkedid: str
    number: str
    name: str
    context: str
    exten: str

    def snapshot(self, state: tuple[int, str], other: "Leg | None", prefix: str = "") -> str:
        """The channel's headers as every channel event carries them."""
        connected = (other.number, other.name) if other else ("<unknown>", "<unknown>")
        p = prefix
        return (
            f"{p}Channel: {self.channel}\r\n{p}ChannelState: {state[0]}\r\n{p}ChannelStateDesc: {state[1]}\r\n"
            f"{p}CallerIDNum: {self.number}\r\n{p}CallerIDName: {self.name}\r\n"
            f"{p}ConnectedLineNum: {connected[0]}\r\n{p}ConnectedLineName: {connected[1]}\r\n"
            f"{p}Language: en\r\n{p}AccountCode: \r\n{p}Context: {self.context}\r\n{p}Exten: {self.exten}\r\n"
            f"{p}Priority: 1\r\n{p}Uniqueid: {self.uniqueid}\r\n{p}Linkedid: {self.linkedid}\r\n"
        )


DOWN, RING, RINGING, UP = (0, "Down"), (4, "Ring"), (5, "Ringing"), (6, "Up")
NOT_INUSE, INUSE, MEMBER_RINGING = 1, 2, 6


class CallCentre:
    """The model the traffic is told from; it never asks a StatusBoard."""

    def __init__(self, size: Size, seed: int = 1) -> None:
        self.size = size
        self.random = random.Random(seed)
        self.now = START
        self.serial = 0
        self.queues = [f"queue-{number}" for number in range(size.queues)]
        self.waiting: list[deque[Leg]] = [deque() for _ in self.queues]
        self.talking: list[tuple[str, Leg, Leg]] = []
        for number in range(size.queues):
            self.waiting[number].extend(self.caller(number) for _ in range(size.callers_per_queue))
        for operator in range(size.talking):
            caller = self.caller(operator % size.queues)
            self.talking.append((f"bridge-{operator}", caller, self.operator_leg(operator, caller)))

    def memberships(self, operator: int) -> list[int]:
        stride = max(self.size.queues // self.size.memberships, 1)
        return [(operator + turn * stride) % self.size.queues for turn in range(self.size.memberships)]

    def uniqueid(self) -> str:
        self.serial += 1
        return f"{int(START)}.{self.serial}"

    def caller(self, queue: int) -> Leg:
        uniqueid = self.uniqueid()
        number = f"5550{self.serial:07d}"
        return Leg(
            f"PJSIP/trunk-{self.serial:08x}",
            uniqueid,
            uniqueid,
            number,
            f"Caller {self.serial}",
            "from-trunk",
            f"6{queue:05d}",
        )

    def operator_leg(self, operator: int, caller: Leg) -> Leg:
        uniqueid = self.uniqueid()
        name = f"Operator {operator}"
        channel = f"PJSIP/{10_000 + operator}-{self.serial:08x}"
        return Leg(channel, uniqueid, caller.linkedid, str(10_000 + operator), name, "internal", caller.exten)

    # ---- the lists ----

    def lists(self) -> Iterator[bytes]:
        """The answers to all list actions, in pieces; the actions were asked with `ACTION_IDS`."""
        for name in LISTS:
            items, complete = 0, f"{name}Complete" if name != "Agents" else "AgentsComplete"
            action_id = ACTION_IDS[name]
            yield f"Response: Success\r\nActionID: {action_id}\r\nEventList: start\r\nMessage: follows\r\n\r\n".encode()
            piece = []
            for item in self.items_of(name):
                items += 1
                piece.append(f"{item}ActionID: {action_id}\r\n\r\n")
                if len(piece) == 200:
                    yield "".join(piece).encode()
                    piece.clear()
            piece.append(
                f"Event: {complete}\r\nActionID: {action_id}\r\nEventList: Complete\r\nListItems: {items}\r\n\r\n"
            )
            yield "".join(piece).encode()

    def fence(self) -> bytes:
        """The fact that ends the resync: it stands in the event stream after the lists were asked."""
        body = f"Channel: none\r\nUniqueid: none\r\nVariable: VSS_FENCE\r\nValue: {FENCE}\r\n"
        return self.event("VarSet", body).encode()

    def items_of(self, name: str) -> Iterator[str]:
        if name == "CoreShowChannels":
            yield from self.channel_items()
        elif name == "QueueStatus":
            yield from self.queue_items()
        elif name == "BridgeList":
            for bridge, _, _ in self.talking:
                yield f"Event: BridgeListItem\r\n{bridge_headers(bridge, 2)}"
        elif name == "DeviceStateList":
            for operator in range(self.size.operators):
                state = "INUSE" if operator < self.size.talking else "NOT_INUSE"
                yield f"Event: DeviceStateChange\r\nDevice: PJSIP/{10_000 + operator}\r\nState: {state}\r\n"

    def channel_items(self) -> Iterator[str]:
        tail = "Application: {}\r\nApplicationData: \r\nDuration: 00:00:10\r\nBridgeId: {}\r\n"
        for queue in self.waiting:
            for leg in queue:
                yield f"Event: CoreShowChannel\r\n{leg.snapshot(UP, None)}{tail.format('Queue', '')}"
        for bridge, caller, called in self.talking:
            yield f"Event: CoreShowChannel\r\n{caller.snapshot(UP, called)}{tail.format('Queue', bridge)}"
            yield f"Event: CoreShowChannel\r\n{called.snapshot(UP, caller)}{tail.format('AppQueue', bridge)}"

    def queue_items(self) -> Iterator[str]:
        members: list[list[int]] = [[] for _ in self.queues]
        for operator in range(self.size.operators):
            for member_of in self.memberships(operator):
                members[member_of].append(operator)
        for number, queue in enumerate(self.queues):
            yield (
                f"Event: QueueParams\r\nQueue: {queue}\r\nMax: 0\r\nStrategy: rrmemory\r\n"
                f"Calls: {len(self.waiting[number])}\r\nHoldtime: 5\r\nTalkTime: 40\r\nCompleted: 10\r\n"
                "Abandoned: 1\r\nServiceLevel: 20\r\nServicelevelPerf: 90.0\r\nServicelevelPerf2: 90.0\r\nWeight: 0\r\n"
            )
            for operator in members[number]:
                status = INUSE if operator < self.size.talking else NOT_INUSE
                yield f"Event: QueueMember\r\n{self.member_headers(queue, operator, status, 'Name', 'Location')}"
            for position, leg in enumerate(self.waiting[number], 1):
                yield (
                    f"Event: QueueEntry\r\nQueue: {queue}\r\nPosition: {position}\r\nChannel: {leg.channel}\r\n"
                    f"Uniqueid: {leg.uniqueid}\r\nCallerIDNum: {leg.number}\r\nCallerIDName: {leg.name}\r\n"
                    "ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nWait: 10\r\nPriority: 0\r\n"
                )

    def member_headers(self, queue: str, operator: int, status: int, name: str, location: str, paused: str = "") -> str:
        device = f"PJSIP/{10_000 + operator}"
        return (
            f"Queue: {queue}\r\n{name}: Operator {operator}\r\n{location}: {device}\r\nStateInterface: {device}\r\n"
            "Membership: static\r\nPenalty: 0\r\nCallsTaken: 0\r\nLastCall: 0\r\nLastPause: 0\r\n"
            f"LoginTime: {int(START) - 60}\r\nInCall: {int(status == INUSE)}\r\nStatus: {status}\r\n"
            f"Paused: {int(bool(paused))}\r\nPausedReason: {paused}\r\nRinginuse: 0\r\nWrapuptime: 0\r\n"
        )

    # ---- the live events ----

    def event(self, name: str, body: str) -> str:
        self.now += EVENT_GAP
        return f"Event: {name}\r\nPrivilege: call,all\r\nTimestamp: {self.now:.6f}\r\n{body}\r\n"

    def member_statuses(self, operator: int, status: int) -> Iterator[str]:
        device = {NOT_INUSE: "NOT_INUSE", INUSE: "INUSE", MEMBER_RINGING: "RINGING"}[status]
        yield self.event("DeviceStateChange", f"Device: PJSIP/{10_000 + operator}\r\nState: {device}\r\n")
        for queue in self.memberships(operator):
            yield self.event(
                "QueueMemberStatus",
                self.member_headers(self.queues[queue], operator, status, "MemberName", "Interface"),
            )

    def pauses(self, operator: int) -> Iterator[str]:
        for reason in ("Lunch", ""):
            for queue in self.memberships(operator):
                headers = self.member_headers(
                    self.queues[queue], operator, NOT_INUSE, "MemberName", "Interface", reason
                )
                yield self.event("QueueMemberPause", headers)

    def call(self, operator: int) -> Iterator[str]:
        """One call through a queue of the operator, event by event."""
        number = self.memberships(operator)[0]
        queue, line = self.queues[number], self.waiting[number]
        queued = f"Queue: {queue}\r\n"
        member = f"{queued}Interface: PJSIP/{10_000 + operator}\r\nMemberName: Operator {operator}\r\n"

        joining = self.caller(number)
        yield self.event("Newchannel", joining.snapshot(RING, None))
        yield self.event("Newstate", joining.snapshot(UP, None))
        line.append(joining)
        yield self.event(
            "QueueCallerJoin", f"{joining.snapshot(UP, None)}{queued}Position: {len(line)}\r\nCount: {len(line)}\r\n"
        )

        caller = line[0]
        called = self.operator_leg(operator, caller)
        yield self.event("Newchannel", called.snapshot(DOWN, None))
        both = caller.snapshot(UP, None) + called.snapshot(DOWN, caller, "Dest")
        yield self.event("AgentCalled", both + member)
        yield self.event("DialBegin", both + f"DialString: PJSIP/{called.number}\r\n")
        yield self.event("Newstate", called.snapshot(RINGING, caller))
        yield from self.member_statuses(operator, MEMBER_RINGING)
        yield self.event("Newstate", called.snapshot(UP, caller))
        both = caller.snapshot(UP, called) + called.snapshot(UP, caller, "Dest")
        yield self.event("DialEnd", both + "DialStatus: ANSWER\r\n")
        count = len(line) - 1
        position = line.index(caller) + 1
        line.remove(caller)
        yield self.event(
            "QueueCallerLeave", f"{caller.snapshot(UP, called)}{queued}Position: {position}\r\nCount: {count}\r\n"
        )
        yield self.event("AgentConnect", both + member + "HoldTime: 10\r\nRingTime: 1\r\n")
        bridge = f"bridge-{called.uniqueid}"
        yield self.event("BridgeCreate", bridge_headers(bridge, 0))
        yield self.event("BridgeEnter", bridge_headers(bridge, 1) + called.snapshot(UP, caller))
        yield self.event("BridgeEnter", bridge_headers(bridge, 2) + caller.snapshot(UP, called))
        yield from self.member_statuses(operator, INUSE)
        yield self.event("BridgeLeave", bridge_headers(bridge, 1) + caller.snapshot(UP, called))
        yield self.event("AgentComplete", both + member + "HoldTime: 10\r\nTalkTime: 1\r\nReason: caller\r\n")
        yield self.event("BridgeLeave", bridge_headers(bridge, 0) + called.snapshot(UP, caller))
        yield self.event("BridgeDestroy", bridge_headers(bridge, 0))
        cause = "Cause: 16\r\nCause-txt: Normal Clearing\r\n"
        yield self.event("Hangup", called.snapshot(UP, caller) + cause)
        yield self.event("Hangup", caller.snapshot(UP, called) + cause)
        yield from self.member_statuses(operator, NOT_INUSE)

    def round(self, events: int) -> tuple[bytes, int]:
        """At least so many live events, and how many they are; the call centre is as large after them as before.

        Operators are drawn from all who are not talking; no queue is drawn twice among the calls that go on at once, so
        that its first caller is not answered by two.
        """
        pieces: list[str] = []
        free = range(self.size.talking, self.size.operators)
        while len(pieces) < events:
            busy: dict[int, Iterator[str]] = {}
            for operator in self.random.sample(free, min(AT_ONCE, len(free))):
                busy.setdefault(self.memberships(operator)[0], self.call(operator))
            going = list(busy.values())
            while going:
                told = [next(call, None) for call in going]
                pieces.extend(event for event in told if event is not None)
                going = [call for call, event in zip(going, told, strict=True) if event is not None]
            pieces.extend(self.pauses(self.random.choice(free)))
        return "".join(pieces).encode(), len(pieces)


def bridge_headers(bridge: str, channels: int) -> str:
    return (
        f"BridgeUniqueid: {bridge}\r\nBridgeType: basic\r\nBridgeTechnology: simple_bridge\r\n"
        f"BridgeCreator: <unknown>\r\nBridgeName: <unknown>\r\nBridgeNumChannels: {channels}\r\n"
        "BridgeVideoSourceMode: none\r\n"
    )
