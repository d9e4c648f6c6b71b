"""Ringing telephones: the leg of a call towards an operator or the outside line, as queue or Dial() makes it.

```
Down ──ring──▶ Ringing ──answer──▶ Up
                  │
                  └──cancel──▶ gone        (the caller left, nobody answered, the telephone said busy)
```
"""

from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.channel import DOWN, UP, Channel
from vss_router.ami.simulator.channels import NO_CAUSE, NORMAL_CLEARING
from vss_router.ami.simulator.membership import Member, Operator

__all__ = ["Dialer", "Leg"]

OUTGOING = "(Outgoing Line)"


class Leg:
    """A channel being rung for a caller; `pair` are the halves of the Local channel in between, if there is one."""

    __slots__ = ("caller", "channel", "live", "member", "operator", "pair", "started")

    def __init__(
        self,
        caller: Channel,
        channel: Channel,
        operator: Operator | None,
        started: int,
        *,
        member: Member | None = None,
        pair: tuple[Channel, Channel] | None = None,
    ) -> None:
        self.caller = caller
        self.channel = channel
        self.operator = operator
        self.started = started
        self.member = member
        self.pair = pair
        self.live = True

    @property
    def seen(self) -> Channel:
        """The channel as the caller's side sees it."""
        return self.pair[0] if self.pair else self.channel


class Dialer:
    """Makes legs and ends them."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._exchange = centre.exchange
        self._journal = centre.journal
        self._devices = centre.devices

    def _dial(self, name: str, caller: Channel, to: str, rest: str) -> None:
        self._journal.call(name, f"{caller.plain}{to}{rest}\r\n")

    # -- queue

    def for_queue(self, caller: Channel, member: Member) -> Leg:
        """Ring a queue member for a waiting caller."""
        operator = member.operator
        if operator.local:
            return self._for_queue_through_local(caller, member)
        channel = self._exchange.operator_channel(operator, DOWN, "s", caller.linkedid)
        undialed = channel.to
        channel.connect(*caller.caller)
        channel.route("internal", caller.exten)
        self._agent_called(caller, channel, member)
        self._dial("DialBegin", caller, undialed, f"DialString: {member.interface}")
        self._exchange.connect(caller, operator.party)
        self._exchange.ring(channel)
        self._exchange.newexten(channel, "AppQueue", OUTGOING)
        self._exchange.connect(channel, caller.caller)
        self._devices.refresh(operator)
        self._dial("DialState", caller, channel.to, "DialStatus: RINGING")
        return Leg(caller, channel, operator, self._centre.schedule.now, member=member)

    def _agent_called(self, caller: Channel, called: Channel, member: Member) -> None:
        self._journal.agent(
            "AgentCalled",
            f"{caller.plain}{called.to}Queue: {member.queue.name}\r\nInterface: {member.interface}\r\n"
            f"MemberName: {member.operator.name}\r\n",
        )

    def _for_queue_through_local(self, caller: Channel, member: Member) -> Leg:
        exchange, operator = self._exchange, member.operator
        one, two = exchange.local_pair(operator, caller.linkedid)
        one.identify(caller.exten, "")
        exchange.newexten(one, "AppQueue", OUTGOING)
        exchange.identify(one, caller.exten, "")
        two.connect(caller.exten, "")
        exchange.identify(two, *caller.caller)
        exchange.connect(two, (caller.exten, ""))
        optimized = "No" if member.interface.endswith("/n") else "Yes"
        self._journal.call(
            "LocalBridge",
            f"{one.spelled('LocalOne')}{two.spelled('LocalTwo')}Context: internal\r\nExten: {operator.extension}\r\n"
            f"LocalOptimization: {optimized}\r\n",
        )
        undialed = one.to
        one.connect(*caller.caller)
        one.route("internal", caller.exten)
        self._agent_called(caller, one, member)
        self._dial("DialBegin", caller, undialed, f"DialString: {member.interface}")
        exchange.newexten(two, "Dial", f"{operator.device},15,tT")
        leg = self.to_operator(two, operator)
        one.identify(*operator.party)
        exchange.ring(one)
        exchange.newexten(one, "AppQueue", OUTGOING)
        exchange.identify(one, *operator.party)
        exchange.connect(one, caller.caller)
        self._devices.announce(f"Local/{operator.extension}@internal", "INUSE")
        exchange.connect(caller, operator.party)
        self._dial("DialState", caller, one.to, "DialStatus: RINGING")
        return Leg(caller, leg.channel, operator, leg.started, member=member, pair=(one, two))

    # -- Dial()

    def to_operator(self, caller: Channel, operator: Operator) -> Leg:
        """Ring an operator's telephone for a channel that runs Dial()."""
        channel = self._exchange.operator_channel(operator, DOWN, "s", caller.linkedid)
        self._begin(caller, channel, operator.party, operator.extension)
        self._devices.refresh(operator)
        self._dial("DialState", caller, channel.to, "DialStatus: RINGING")
        return Leg(caller, channel, operator, self._centre.schedule.now)

    def to_trunk(self, caller: Channel, number: str) -> Leg:
        """Ring a number outside for a channel that runs Dial()."""
        channel = self._exchange.trunk_channel(DOWN, (number, ""), "from-trunk", "s", caller.linkedid)
        self._begin(caller, channel, (number, ""), f"{number}@trunk")
        self._dial("DialState", caller, channel.to, "DialStatus: RINGING")
        return Leg(caller, channel, None, self._centre.schedule.now)

    def _begin(self, caller: Channel, channel: Channel, party: tuple[str, str], dialed: str) -> None:
        channel.connect(*caller.caller)
        channel.route(channel.context, caller.exten)
        self._exchange.newexten(channel, "AppDial", OUTGOING)
        self._exchange.connect(channel, caller.caller)
        self._dial("DialBegin", caller, channel.to, f"DialString: {dialed}")
        self._exchange.connect(caller, party)
        self._exchange.ring(channel)

    # -- the end of ringing

    def answered(self, leg: Leg) -> None:
        """The telephone was picked up; bridging is the next step."""
        leg.live = False
        exchange, caller, channel = self._exchange, leg.caller, leg.channel
        exchange.answer(channel)
        if leg.pair:
            one, two = leg.pair
            channel.route("internal", "")
            self._dial("DialEnd", two, channel.to, "DialStatus: ANSWER")
            exchange.answer(two)
            exchange.answer(one)
            self._dial("DialEnd", caller, one.to, "DialStatus: ANSWER")
            return
        if leg.member:
            self._dial("DialEnd", caller, channel.to, "DialStatus: ANSWER")
            return
        channel.route(channel.context, "")
        self._dial("DialEnd", caller, channel.to, "DialStatus: ANSWER")
        if caller.state != UP:
            exchange.answer(caller)
        exchange.newexten(channel, "AppDial", OUTGOING)

    def connect(self, leg: Leg) -> tuple[Channel, Channel] | None:
        """Bridge an answered leg with its caller; returns the Local pair that stays in between, if one does."""
        exchange = self._exchange
        if leg.operator:
            self._devices.refresh(leg.operator)
        if not leg.pair:
            exchange.talk(leg.channel, leg.caller)
            return None
        one, two = leg.pair
        exchange.newexten(leg.channel, "AppDial", OUTGOING)
        exchange.talk(leg.channel, two)
        exchange.talk(one, leg.caller)
        if leg.member and leg.member.interface.endswith("/n"):
            return leg.pair
        exchange.optimize(leg.pair, (leg.caller, leg.channel))
        self._local_gone(leg)
        return None

    def cancel(self, leg: Leg, status: str, cause: int = NO_CAUSE) -> None:
        """Stop ringing: `status` is NOANSWER, BUSY or CANCEL."""
        leg.live = False
        exchange, channel = self._exchange, leg.channel
        statuses = ("CANCEL", "CANCEL") if status == "CANCEL" else (status, "CANCEL")
        for each in statuses if leg.member else statuses[:1]:
            self._dial("DialEnd", leg.caller, leg.seen.to, f"DialStatus: {each}")
        if leg.pair:
            one, two = leg.pair
            exchange.hangup_request(two, NORMAL_CLEARING)
            exchange.hangup(one, NO_CAUSE)
            self._dial("DialEnd", two, channel.to, "DialStatus: CANCEL")
            exchange.hangup(channel, cause)
            exchange.soft_hangup(two)
            exchange.hangup(two)
            self._local_gone(leg)
        else:
            exchange.hangup(channel, cause)
        if leg.operator:
            self.release(leg.operator)

    def _local_gone(self, leg: Leg) -> None:
        if leg.operator:
            self._devices.announce(f"Local/{leg.operator.extension}@internal", "NOT_INUSE")

    def release(self, operator: Operator) -> None:
        """A channel of this operator is gone."""
        operator.occupied = bool(operator.channels)
        self._devices.refresh(operator)
