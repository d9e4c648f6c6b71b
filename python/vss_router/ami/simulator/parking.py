"""The parking lot: a caller is put there, and taken out, called back or gone."""

from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.channel import RING, Bridge, Channel
from vss_router.ami.simulator.channels import NORMAL_CLEARING
from vss_router.ami.simulator.conversation import Conversation, Conversations
from vss_router.ami.simulator.leg import Dialer
from vss_router.ami.simulator.membership import Operator
from vss_router.ami.simulator.schedule import MICROSECOND

__all__ = ["Parked", "Parking"]

FIRST_SPACE = 701
TIMEOUT_SECONDS = 45


class Parked:
    """One parked caller."""

    __slots__ = ("channel", "gone", "parker", "since", "space")

    def __init__(self, channel: Channel, parker: Operator, space: int, since: int) -> None:
        self.channel = channel
        self.parker = parker
        self.space = space
        self.since = since
        self.gone = False


class Parking:
    """A way to end a conversation by parking the caller, and what becomes of parked callers."""

    def __init__(self, centre: Centre, dialer: Dialer, conversations: Conversations) -> None:
        self._centre = centre
        self._dialer = dialer
        self._conversations = conversations
        self._exchange = centre.exchange
        self._schedule = centre.schedule
        self._rng = centre.rng
        self._bridge: Bridge | None = None
        self._spaces: dict[int, Parked] = {}
        conversations.endings.append((0.025, self._park))

    def _park(self, talk: Conversation) -> None:
        caller, agent = talk.caller, talk.agent
        operator = agent.device
        if operator is None:
            return
        exchange = self._exchange
        self._conversations.resume(talk)
        talk.live = False
        lot = self._bridge
        if lot is None:
            lot = self._bridge = exchange.create_bridge(
                kind="parking", technology="holding_bridge", creator="Parking", name="default"
            )
        space = FIRST_SPACE
        while space in self._spaces:
            space += 1
        parked = self._spaces[space] = Parked(caller, operator, space, self._schedule.now)
        bridge = agent.bridge
        self._announce("ParkedCall", parked)
        exchange.leave(caller)
        exchange.enter(lot, caller)
        exchange.music(caller)
        exchange.leave(agent)
        if bridge:
            exchange.destroy(bridge)
        self._conversations.complete(talk, "transfer")
        exchange.soft_hangup(agent)
        exchange.hangup(agent)
        self._dialer.release(operator)
        chance, after = self._rng.random(), self._schedule.after
        after(TIMEOUT_SECONDS, self._time_out, parked)
        if chance < 0.6:
            after(self._rng.uniform(4, 30), self._retrieve, parked)
        elif chance < 0.75:
            after(self._rng.uniform(4, 30), self._give_up, parked)

    def _announce(self, name: str, parked: Parked, retriever: Channel | None = None) -> None:
        duration = (self._schedule.now - parked.since) // MICROSECOND
        self._centre.journal.call(
            name,
            f"{parked.channel.spelled('Parkee')}{retriever.spelled('Retriever') if retriever else ''}"
            f"ParkerDialString: {parked.parker.device}\r\nParkinglot: default\r\nParkingSpace: {parked.space}\r\n"
            f"ParkingTimeout: {TIMEOUT_SECONDS - duration}\r\nParkingDuration: {duration}\r\n",
        )

    def _unpark(self, parked: Parked) -> bool:
        """Free the space; False when the caller is not there any more."""
        if parked.gone:
            return False
        parked.gone = True
        del self._spaces[parked.space]
        self._exchange.silence(parked.channel)
        return True

    def _retrieve(self, parked: Parked) -> None:
        """An operator dials the parking space."""
        operator = self._centre.free_operator()
        if operator is None or not self._unpark(parked):
            return
        exchange, caller = self._exchange, parked.channel
        agent = exchange.operator_channel(operator, RING, str(parked.space))
        self._centre.devices.refresh(operator)
        exchange.newexten(agent, "ParkedCall", f"default,{parked.space}")
        exchange.answer(agent)
        self._announce("UnParkedCall", parked, agent)
        exchange.leave(caller)
        exchange.talk(caller, agent)
        exchange.connect(caller, agent.caller)
        exchange.connect(agent, caller.caller)
        self._centre.devices.refresh(operator)
        self._conversations.begin(Conversation(caller, agent))

    def _give_up(self, parked: Parked) -> None:
        """The caller hangs up in the parking lot."""
        if not self._unpark(parked):
            return
        channel = parked.channel
        self._exchange.hangup_request(channel, NORMAL_CLEARING)
        self._announce("ParkedCallGiveUp", parked)
        self._exchange.leave(channel)
        self._exchange.soft_hangup(channel)
        self._exchange.hangup(channel)

    def _time_out(self, parked: Parked) -> None:
        """Nobody came: the one who parked is called back."""
        if not self._unpark(parked):
            return
        exchange, channel, parker = self._exchange, parked.channel, parked.parker
        exchange.leave(channel)
        channel.route("park-dial", parker.device.replace("/", "_"))
        exchange.newexten(channel, "Dial", f"{parker.device},30")
        self._announce("ParkedCallTimeOut", parked)
        if parker.free(self._schedule.now):
            self._conversations.dial(channel, self._dialer.to_operator(channel, parker))
        else:
            exchange.soft_hangup(channel, 17)
            exchange.hangup(channel, 17)
