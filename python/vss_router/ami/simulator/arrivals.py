"""New calls: callers from outside to queues and people, calls operators make, calls made for them by Originate."""

from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.channel import DOWN, RING, Channel
from vss_router.ami.simulator.conversation import Conversations
from vss_router.ami.simulator.distribution import Distribution
from vss_router.ami.simulator.leg import OUTGOING, Dialer, Leg
from vss_router.ami.simulator.membership import Operator
from vss_router.ami.simulator.names import CALLER_NAMES, phone_number

__all__ = ["Arrivals"]

RINGING_TIMED_OUT = 3
ANSWERED = 4
BUSY = 5
"""Reasons of an OriginateResponse."""


class Arrivals:
    """A Poisson stream of calls, `calls_per_second` of all kinds together."""

    def __init__(
        self,
        centre: Centre,
        dialer: Dialer,
        distribution: Distribution,
        conversations: Conversations,
        calls_per_second: float,
    ) -> None:
        self._centre = centre
        self._dialer = dialer
        self._distribution = distribution
        self._conversations = conversations
        self._exchange = centre.exchange
        self._schedule = centre.schedule
        self._rng = centre.rng
        self._rate = calls_per_second
        if calls_per_second > 0:
            self._next()

    def _next(self) -> None:
        self._schedule.after(self._rng.expovariate(self._rate), self._arrive)

    def _arrive(self) -> None:
        self._next()
        chance = self._rng.random()
        if chance < 0.91:
            self._to_queue()
            return
        operator = self._centre.free_operator()
        if operator is None:
            return
        if chance < 0.94:
            self._to_operator(operator)
        elif chance < 0.965:
            self._outbound(operator)
        elif chance < 0.985:
            self._internal(operator)
        else:
            self.originate(operator, phone_number(self._rng))

    def _caller(self, exten: str) -> Channel:
        name = self._rng.choice(CALLER_NAMES)
        return self._exchange.trunk_channel(RING, (phone_number(self._rng), name), "from-trunk", exten)

    def _to_queue(self) -> None:
        queue = self._rng.choice(self._centre.queues)
        channel = self._caller(queue.exten)
        self._exchange.newexten(channel, "Answer", "")
        self._exchange.answer(channel)
        self._schedule.after(0.5, self._greeted, channel, self._centre.queues.index(queue))

    def _greeted(self, channel: Channel, index: int) -> None:
        queue, chance = self._centre.queues[index], self._rng.random()
        if chance < 0.3:
            channel.route(channel.context, channel.exten, channel.priority + 1)
            name = f"Клиент {channel.caller_number[-4:]}"
            self._exchange.newexten(channel, "Set", f"CALLERID(name)={name}")
            self._exchange.identify(channel, channel.caller_number, name)
        channel.route(channel.context, channel.exten, channel.priority + 1)
        self._distribution.join(queue, channel, 5 if chance > 0.95 else 0)

    def _to_operator(self, operator: Operator) -> None:
        channel = self._caller(operator.extension)
        self._exchange.newexten(channel, "Dial", f"{operator.device},15")
        self._conversations.dial(channel, self._dialer.to_operator(channel, operator))

    def _outbound(self, operator: Operator) -> None:
        number = phone_number(self._rng)
        channel = self._exchange.operator_channel(operator, RING, number)
        self._centre.devices.refresh(operator)
        self._exchange.newexten(channel, "Dial", f"PJSIP/{number}@trunk,30")
        self._conversations.dial(channel, self._dialer.to_trunk(channel, number))

    def _internal(self, operator: Operator) -> None:
        colleague = self._centre.free_operator()
        if colleague is None or colleague is operator:
            return
        channel = self._exchange.operator_channel(operator, RING, colleague.extension)
        self._centre.devices.refresh(operator)
        self._exchange.newexten(channel, "Dial", f"{colleague.device},15,tT")
        self._conversations.dial(channel, self._dialer.to_operator(channel, colleague))

    # -- Originate

    def originate(self, operator: Operator, number: str, action_id: str = "", uniqueid: str | None = None) -> None:
        """Ring an operator and then, when answered, the number outside; ends with OriginateResponse."""
        exchange = self._exchange
        channel = exchange.operator_channel(operator, DOWN, operator.extension, uniqueid=uniqueid)
        exchange.newexten(channel, "AppDial2", OUTGOING)
        exchange.identify(channel, number, "Лид")
        exchange.connect(channel, (number, "Лид"))
        self._dial("DialBegin", channel, f"DialString: {operator.extension}")
        exchange.ring(channel)
        exchange.identify(channel, *operator.party)
        self._centre.devices.refresh(operator)
        self._dial("DialState", channel, "DialStatus: RINGING")
        leg = Leg(channel, channel, operator, self._schedule.now)
        if self._rng.random() < 0.8:
            self._schedule.after(self._rng.uniform(1, 10), self._picked_up, leg, number, action_id)
        else:
            self._schedule.after(20.0, self._not_picked_up, leg, number, action_id, uniqueid)

    def refuse(self, operator: Operator, number: str, action_id: str, uniqueid: str) -> None:
        """Nobody can be rung: the attempt fails before there is a channel."""
        self._respond(operator.device, number, action_id, ("Failure", BUSY, uniqueid or "<null>"))

    def _dial(self, name: str, channel: Channel, rest: str) -> None:
        self._centre.journal.call(name, f"{channel.to}{rest}\r\n")

    def _respond(self, channel: str, number: str, action_id: str, outcome: tuple[str, int, str]) -> None:
        response, reason, uniqueid = outcome
        named = f"ActionID: {action_id}\r\n" if action_id else ""
        self._centre.journal.call(
            "OriginateResponse",
            f"{named}Response: {response}\r\nChannel: {channel}\r\nContext: autodial\r\n"
            f"Exten: {number}\r\nReason: {reason}\r\nUniqueid: {uniqueid}\r\nCallerIDNum: {number}\r\n"
            "CallerIDName: Лид\r\n",
        )

    def _picked_up(self, leg: Leg, number: str, action_id: str) -> None:
        exchange, channel = self._exchange, leg.channel
        exchange.answer(channel)
        self._dial("DialEnd", channel, "DialStatus: ANSWER")
        self._respond(channel.name, number, action_id, ("Success", ANSWERED, channel.uniqueid))
        if leg.operator:
            self._centre.devices.refresh(leg.operator)
        channel.route("autodial", number)
        exchange.newexten(channel, "Dial", f"PJSIP/{number}@trunk,30")
        self._conversations.dial(channel, self._dialer.to_trunk(channel, number))

    def _not_picked_up(self, leg: Leg, number: str, action_id: str, uniqueid: str | None) -> None:
        self._dial("DialEnd", leg.channel, "DialStatus: NOANSWER")
        self._exchange.hangup(leg.channel, 19)
        if leg.operator:
            self._dialer.release(leg.operator)
        self._respond(leg.channel.name, number, action_id, ("Failure", RINGING_TIMED_OUT, uniqueid or "<null>"))
