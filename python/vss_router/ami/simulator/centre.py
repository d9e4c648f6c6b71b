"""The call centre being simulated: its people and queues, and the parts that make them act."""

from random import Random

from vss_router.ami.simulator.devices import Devices
from vss_router.ami.simulator.exchange import Exchange
from vss_router.ami.simulator.journal import Journal
from vss_router.ami.simulator.membership import Member, Operator, Queue
from vss_router.ami.simulator.names import QUEUE_NAMES, operator_name
from vss_router.ami.simulator.schedule import Schedule

__all__ = ["Centre"]

STRATEGIES = ("rrmemory", "leastrecent", "fewestcalls", "linear")


class Centre:
    """What all parts of the simulation share."""

    def __init__(
        self, *, operators: int, queues: int, memberships: int, talk_seconds: float, start: float, rng: Random
    ) -> None:
        self.rng = rng
        self.schedule = Schedule(start)
        self.journal = Journal(self.schedule)
        self.devices = Devices(self.schedule, self.journal)
        self.exchange = Exchange(self.schedule, self.journal, rng, self.devices)
        self.talk_seconds = talk_seconds
        self.booted = self.schedule.epoch
        self.queues = [_queue(index, queues) for index in range(queues)]
        self.operators = [_operator(index) for index in range(operators)]
        for index, operator in enumerate(self.operators):
            self._join_queues(index, operator, min(memberships, queues))
        for operator in self.operators:
            self.devices.reconsider(operator)
        for queue in self.queues:
            for interface in queue.members:
                self.devices.others[f"Queue:{queue.name}_pause_{interface}"] = "NOT_INUSE"
            self.devices.others.setdefault(f"Queue:{queue.name}", "NOT_INUSE")
            self.devices.others.setdefault(f"Queue:{queue.name}_avail", "INUSE")

    def _join_queues(self, index: int, operator: Operator, memberships: int) -> None:
        first = index % len(self.queues)
        others = self.rng.sample(range(1, len(self.queues)), memberships - 1)
        for rank, offset in enumerate([0, *others]):
            queue = self.queues[(first + offset) % len(self.queues)]
            self.add_member(
                operator, queue, penalty=rank if index % 3 else 0, membership="dynamic" if operator.local else "static"
            )

    def add_member(self, operator: Operator, queue: Queue, *, penalty: int, membership: str) -> Member:
        """Make an operator a member of a queue, without announcing it."""
        member = Member(operator, queue, membership=membership, penalty=penalty, login_time=self.schedule.epoch)
        queue.members[member.interface] = member
        operator.members.append(member)
        return member

    def free_operator(self) -> Operator | None:
        """Someone who is not busy, chosen at random; None when nobody was found in a few tries."""
        now = self.schedule.now
        for _ in range(6):
            operator = self.rng.choice(self.operators)
            if operator.free(now):
                return operator
        return None


def _queue(index: int, count: int) -> Queue:
    name = QUEUE_NAMES[index] if index < len(QUEUE_NAMES) else f"queue-{index}"
    exten = str((600 if count <= 100 else 60000) + index)
    queue = Queue(
        name,
        exten,
        STRATEGIES[index % len(STRATEGIES)],
        timeout_seconds=(45, 60, 30, 90)[index % 4],
        wrapup_seconds=(5.0, 8.0, 3.0, 0.0)[index % 4],
    )
    queue.autopause = index % 4 == 1
    queue.music = index % 2 == 0
    queue.weight = 10 if name == "vip" else 0
    return queue


def _operator(index: int) -> Operator:
    extension = str(1001 + index)
    interface = f"PJSIP/{extension}"
    if index % 10 == 6:
        interface = f"Local/{extension}@internal/n"
    elif index % 20 == 13:
        interface = f"Local/{extension}@internal"  # optimised away once both ends have answered
    return Operator(extension, operator_name(index), interface)
