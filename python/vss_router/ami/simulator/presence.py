"""What operators do between calls: pause, log into queues and out, lose their telephone for a while."""

from collections.abc import Callable

from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.distribution import Distribution
from vss_router.ami.simulator.membership import Member, Operator, Queue
from vss_router.ami.simulator.names import PAUSE_REASONS

__all__ = ["Presence"]

PAUSE_EVERY = 300.0
MEMBERSHIP_EVERY = 2400.0
PENALTY_EVERY = 3600.0
UNREACHABLE_EVERY = 3600.0
"""Seconds between two such acts of one operator, on average."""


class Presence:
    """Changes of members that no call brings about."""

    def __init__(self, centre: Centre, distribution: Distribution) -> None:
        self._centre = centre
        self._schedule = centre.schedule
        self._journal = centre.journal
        self._devices = centre.devices
        self._rng = centre.rng
        distribution.no_answer = self._auto_pause
        for every, act in (
            (PAUSE_EVERY, self._pause),
            (MEMBERSHIP_EVERY, self._change_membership),
            (PENALTY_EVERY, self._change_penalty),
            (UNREACHABLE_EVERY, self._lose_telephone),
        ):
            self._repeat(len(centre.operators) / every, act)

    def _repeat(self, rate: float, act: Callable[[Operator], None]) -> None:
        def again() -> None:
            self._schedule.after(self._rng.expovariate(rate), again)
            act(self._rng.choice(self._centre.operators))

        self._schedule.after(self._rng.expovariate(rate), again)

    # -- pauses

    def _pause(self, operator: Operator) -> None:
        if not operator.members or operator.members[0].paused:
            return
        reason = self._rng.choice(PAUSE_REASONS)
        members = operator.members if self._rng.random() < 0.8 else operator.members[:1]
        chosen = tuple(members)
        for member in chosen:
            self.pause(member, paused=True, reason=reason)
        self._schedule.after(10 + self._rng.expovariate(1 / 40), self._return, chosen)

    def _return(self, members: tuple[Member, ...]) -> None:
        for member in members:
            if member.paused and member in member.operator.members:
                self.pause(member, paused=False, reason="")

    def _auto_pause(self, member: Member) -> None:
        if member.queue.autopause and not member.paused:
            self.pause(member, paused=True, reason="Auto-Pause")
            self._schedule.after(self._rng.uniform(15, 60), self._return, (member,))

    def pause(self, member: Member, *, paused: bool, reason: str) -> None:
        """Pause a member or end the pause; announced even when nothing changes, as Asterisk does."""
        member.paused = paused
        member.paused_reason = reason if paused else ""
        if paused:
            member.last_pause = self._schedule.epoch
        self._devices.paused(member)
        self._journal.agent("QueueMemberPause", member.spelled())
        self._devices.reconsider(member.operator)

    # -- membership

    def _change_membership(self, operator: Operator) -> None:
        if operator.occupied or operator.channels:
            return
        absent = [queue for queue in self._centre.queues if operator.interface not in queue.members]
        if len(operator.members) > 1 and (not absent or self._rng.random() < 0.5):
            self.remove(operator.members[-1])
        elif absent:
            self.add(operator, self._rng.choice(absent), self._rng.randrange(4))

    def add(self, operator: Operator, queue: Queue, penalty: int = 0, *, paused: bool = False) -> Member:
        """Log an operator into a queue."""
        member = self._centre.add_member(operator, queue, penalty=penalty, membership="dynamic")
        member.paused = paused
        self._devices.paused(member)
        self._journal.agent("QueueMemberAdded", member.spelled())
        self._devices.reconsider(operator)
        return member

    def remove(self, member: Member) -> None:
        """Log an operator out of a queue."""
        self._devices.gone(member)
        member.operator.members.remove(member)
        del member.queue.members[member.interface]
        self._journal.agent("QueueMemberRemoved", member.spelled())
        self._devices.reconsider(member.operator)

    def _change_penalty(self, operator: Operator) -> None:
        if operator.members:
            self.penalty(self._rng.choice(operator.members), self._rng.randrange(6))

    def penalty(self, member: Member, penalty: int) -> None:
        """Give a member another penalty."""
        member.penalty = penalty
        self._journal.agent("QueueMemberPenalty", member.spelled())

    # -- telephones

    def _lose_telephone(self, operator: Operator) -> None:
        if operator.reachable and not operator.occupied and not operator.channels:
            self._reach(operator, reachable=False)
            self._schedule.after(self._rng.uniform(5, 40), self._reach_again, operator)

    def _reach_again(self, operator: Operator) -> None:
        self._reach(operator, reachable=True)

    def _reach(self, operator: Operator, *, reachable: bool) -> None:
        operator.reachable = reachable
        state = "Reachable" if reachable else "Unreachable"
        extension = operator.extension
        self._journal.announce(
            "ContactStatus",
            "system",
            f"URI: sip:{extension}@192.0.2.1:5060\r\nContactStatus: {state}\r\nAOR: {extension}\r\n"
            f"EndpointName: {extension}\r\nRoundtripUsec: {1800 if reachable else 0}\r\n",
        )
        self._journal.announce(
            "PeerStatus",
            "system",
            f"ChannelType: PJSIP\r\nPeer: {operator.device}\r\nPeerStatus: {state}\r\n",
        )
        self._devices.refresh(operator)
