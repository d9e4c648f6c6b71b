"""Two parties talking, and how it ends.

```
                 ┌── hold ──▶ on hold ── unhold ──┐
                 ▼                                │
  connected ▶ talking ◀───────────────────────────┘
                 ├── one side hangs up ──▶ ended
                 ├── blind or attended transfer ──▶ another conversation, or a queue
                 └── park ──▶ parked
```
"""

from typing import TYPE_CHECKING

from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.channel import Channel
from vss_router.ami.simulator.channels import NORMAL_CLEARING
from vss_router.ami.simulator.distribution import Distribution
from vss_router.ami.simulator.leg import Dialer, Leg
from vss_router.ami.simulator.membership import Operator
from vss_router.ami.simulator.schedule import MICROSECOND
from vss_router.ami.simulator.visit import Service

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Conversation", "Conversations"]


class Conversation:
    """A caller and an operator (or two operators, or an operator and the outside) in one bridge.

    `pair` are the halves of a Local channel that stays between them; `service` tells of the queue that brought them
    together; `consulting` is set while the operator asks a colleague before a transfer.
    """

    __slots__ = ("agent", "caller", "consulting", "live", "pair", "service")

    def __init__(
        self,
        caller: Channel,
        agent: Channel,
        *,
        service: Service | None = None,
        pair: tuple[Channel, Channel] | None = None,
    ) -> None:
        self.caller = caller
        self.agent = agent
        self.service = service
        self.pair = pair
        self.live = True
        self.consulting = False


class Conversations:
    """Keeps conversations going and ends them; transfers and parking plug themselves in as further ways to end."""

    def __init__(self, centre: Centre, dialer: Dialer, distribution: Distribution) -> None:
        self._centre = centre
        self._dialer = dialer
        self._exchange = centre.exchange
        self._schedule = centre.schedule
        self._rng = centre.rng
        self.endings: list[tuple[float, Callable[[Conversation], None]]] = []
        distribution.served = self._served

    # -- the beginning

    def _served(self, leg: Leg, service: Service, pair: tuple[Channel, Channel] | None) -> None:
        self.begin(Conversation(leg.caller, leg.channel, service=service, pair=pair))

    def begin(self, talk: Conversation) -> None:
        """Plan what the two will do."""
        rng, after = self._rng, self._schedule.after
        seconds = min(max(rng.gammavariate(2.0, self._centre.talk_seconds / 2), 1.0), 20 * self._centre.talk_seconds)
        if talk.agent.device and rng.random() < 0.18:
            held = seconds * rng.uniform(0.1, 0.6)
            after(held, self._hold, talk)
            after(held + seconds * rng.uniform(0.05, 0.3), self._unhold, talk)
        after(seconds, self._finish, talk)

    def _hold(self, talk: Conversation) -> None:
        if talk.live and talk.agent.device and not talk.agent.on_hold:
            self._exchange.hold(talk.agent, talk.caller)
            self._centre.devices.refresh(talk.agent.device)

    def _unhold(self, talk: Conversation) -> None:
        if talk.live and not talk.consulting:
            self.resume(talk)

    def resume(self, talk: Conversation) -> None:
        """Take the caller off hold, if on hold."""
        if talk.agent.on_hold and talk.agent.device:
            self._exchange.unhold(talk.agent, talk.caller)
            self._centre.devices.refresh(talk.agent.device)

    # -- the end

    def _finish(self, talk: Conversation) -> None:
        if not talk.live or talk.consulting:
            return
        chance = self._rng.random()
        if talk.agent.device and not talk.caller.device and not talk.pair:
            for weight, ending in self.endings:
                chance -= weight
                if chance < 0:
                    ending(talk)
                    return
        if self._rng.random() < 0.65:
            self.caller_hangs_up(talk)
        else:
            self.agent_hangs_up(talk)

    def caller_hangs_up(self, talk: Conversation) -> None:
        """The usual end: the caller hangs up, perhaps while on hold."""
        talk.live = False
        exchange, caller, agent = self._exchange, talk.caller, talk.agent
        exchange.hangup_request(caller, None if talk.service else NORMAL_CLEARING)
        exchange.silence(caller)
        self.complete(talk, "caller")
        bridge = caller.bridge
        exchange.leave(caller)
        if talk.pair:
            self._end_through_local(talk.pair, caller, agent)
            return
        exchange.leave(agent)
        if bridge:
            exchange.destroy(bridge)
        exchange.soft_hangup(caller)
        exchange.hangup(agent)
        self._free(agent)
        exchange.hangup(caller)
        self._free(caller)

    def _end_through_local(self, pair: tuple[Channel, Channel], caller: Channel, agent: Channel) -> None:
        exchange, (one, two) = self._exchange, pair
        near, far = one.bridge, two.bridge
        exchange.leave(one)
        if near:
            exchange.destroy(near)
        exchange.soft_hangup(caller)
        exchange.hangup_request(two, NORMAL_CLEARING)
        exchange.hangup(one)
        exchange.hangup(caller)
        self._free(caller)
        exchange.leave(two)
        exchange.leave(agent)
        if far:
            exchange.destroy(far)
        exchange.soft_hangup(two)
        exchange.hangup(two)
        exchange.hangup(agent)
        if agent.device:
            self._centre.devices.announce(f"Local/{agent.device.extension}@internal", "NOT_INUSE")
        self._free(agent)

    def agent_hangs_up(self, talk: Conversation) -> None:
        """The operator hangs up; the caller's channel goes on in the dialplan and ends there."""
        self.resume(talk)
        if talk.pair:
            self.caller_hangs_up(talk)
            return
        talk.live = False
        exchange, caller, agent = self._exchange, talk.caller, talk.agent
        exchange.hangup_request(agent, NORMAL_CLEARING)
        bridge = agent.bridge
        exchange.leave(agent)
        exchange.leave(caller)
        self.complete(talk, "agent")
        if bridge:
            exchange.destroy(bridge)
        exchange.hangup(agent)
        self._free(agent)
        caller.route(caller.context, caller.exten, caller.priority + 1)
        exchange.newexten(caller, "Hangup", "")
        exchange.soft_hangup(caller)
        exchange.hangup(caller)
        self._free(caller)

    def complete(self, talk: Conversation, reason: str) -> None:
        """End the queue's part of a conversation: AgentComplete, and the wrap-up begins."""
        service = talk.service
        if service is None:
            return
        talk.service = None
        queue, member, now = service.queue, service.member, self._schedule.now
        seconds = (now - service.connected) // MICROSECOND
        agent = talk.pair[0] if talk.pair else talk.agent
        self._centre.journal.agent(
            "AgentComplete",
            f"{talk.caller.plain}{agent.to}Queue: {queue.name}\r\nInterface: {member.interface}\r\n"
            f"MemberName: {member.operator.name}\r\nHoldTime: {service.hold_seconds}\r\nTalkTime: {seconds}\r\n"
            f"Reason: {reason}\r\n",
        )
        member.in_call = False
        member.calls_taken += 1
        member.last_call = self._schedule.epoch
        queue.completed += 1
        queue.completed_in_level += service.hold_seconds <= queue.service_level
        queue.talktime = (3 * queue.talktime + seconds) // 4
        if queue.wrapup_seconds:
            self._wrap_up(member.operator, queue.wrapup_seconds)

    def _wrap_up(self, operator: Operator, seconds: float) -> None:
        operator.wrap_up_until = self._schedule.now + round(seconds * MICROSECOND)
        self._schedule.after(seconds, self._centre.devices.reconsider, operator)

    def _free(self, channel: Channel) -> None:
        if channel.device:
            self._dialer.release(channel.device)

    # -- Dial()

    def dial(self, caller: Channel, leg: Leg) -> None:
        """Wait for a leg of Dial() to be answered, then let the two talk; otherwise the caller is hung up."""
        chance, after = self._rng.random(), self._schedule.after
        if chance < 0.85:
            after(self._rng.uniform(1, 9), self._answered, caller, leg)
        elif chance < 0.95:
            after(15.0, self._unanswered, caller, leg, "NOANSWER", 19)
        else:
            after(self._rng.uniform(0.5, 2), self._unanswered, caller, leg, "BUSY", 17)

    def _answered(self, caller: Channel, leg: Leg) -> None:
        self._dialer.answered(leg)
        self._dialer.connect(leg)
        if caller.device:
            self._centre.devices.refresh(caller.device)
        self.begin(Conversation(caller, leg.channel))

    def _unanswered(self, caller: Channel, leg: Leg, status: str, cause: int) -> None:
        self._dialer.cancel(leg, status, cause)
        self._exchange.soft_hangup(caller, cause)
        self._exchange.hangup(caller, cause)
        self._free(caller)
