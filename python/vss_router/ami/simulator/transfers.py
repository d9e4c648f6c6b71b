"""Blind and attended transfers, as telephones ask for them by REFER."""

from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.channel import RING, Bridge, Channel
from vss_router.ami.simulator.conversation import Conversation, Conversations
from vss_router.ami.simulator.distribution import Distribution
from vss_router.ami.simulator.leg import Dialer, Leg

__all__ = ["Transfers"]


class Transfers:
    """Ways to end a conversation by giving the caller to somebody else."""

    def __init__(
        self, centre: Centre, dialer: Dialer, distribution: Distribution, conversations: Conversations
    ) -> None:
        self._centre = centre
        self._dialer = dialer
        self._distribution = distribution
        self._conversations = conversations
        self._exchange = centre.exchange
        self._journal = centre.journal
        self._schedule = centre.schedule
        self._rng = centre.rng
        conversations.endings += [(0.04, self._blind), (0.015, self._blind_to_queue), (0.05, self._attended)]

    # -- blind

    def _blind(self, talk: Conversation) -> None:
        operator = self._centre.free_operator()
        if operator is None:
            self._conversations.caller_hangs_up(talk)
            return
        operator.occupied = True
        self._centre.devices.reconsider(operator)
        caller = talk.caller
        self._send_away(talk, operator.extension, "Dial", f"{operator.device},15,tT")
        self._conversations.dial(caller, self._dialer.to_operator(caller, operator))

    def _blind_to_queue(self, talk: Conversation) -> None:
        queue = self._rng.choice(self._centre.queues)
        caller = talk.caller
        self._send_away(talk, queue.exten, "Answer", "")
        self._distribution.join(queue, caller)

    def _send_away(self, talk: Conversation, exten: str, application: str, data: str) -> None:
        """The caller goes on at another extension, the operator is out."""
        exchange, caller, agent = self._exchange, talk.caller, talk.agent
        self._conversations.resume(talk)
        talk.live = False
        bridge = agent.bridge
        self._journal.call(
            "BlindTransfer",
            f"Result: Success\r\n{agent.spelled('Transferer')}{caller.spelled('Transferee')}"
            f"{bridge.spelled() if bridge else ''}IsExternal: Yes\r\nContext: internal\r\nExtension: {exten}\r\n",
        )
        caller.route("internal", exten)
        exchange.newexten(caller, application, data)
        exchange.leave(caller)
        self._conversations.complete(talk, "transfer")
        exchange.leave(agent)
        if bridge:
            exchange.destroy(bridge)
        exchange.hangup(agent)
        if agent.device:
            self._dialer.release(agent.device)

    # -- attended

    def _attended(self, talk: Conversation) -> None:
        operator, colleague = talk.agent.device, self._centre.free_operator()
        if operator is None or colleague is None:
            self._conversations.caller_hangs_up(talk)
            return
        colleague.occupied = True
        self._centre.devices.reconsider(colleague)
        talk.consulting = True
        if not talk.agent.on_hold:
            self._exchange.hold(talk.agent, talk.caller)
        second = self._exchange.operator_channel(operator, RING, colleague.extension)
        self._centre.devices.refresh(operator)
        self._exchange.newexten(second, "Dial", f"{colleague.device},15,tT")
        leg = self._dialer.to_operator(second, colleague)
        if self._rng.random() < 0.85:
            self._schedule.after(self._rng.uniform(1, 6), self._consult, talk, second, leg)
        else:
            self._schedule.after(15.0, self._nobody_there, talk, second, leg)

    def _nobody_there(self, talk: Conversation, second: Channel, leg: Leg) -> None:
        self._dialer.cancel(leg, "NOANSWER", 19)
        self._exchange.soft_hangup(second, 19)
        self._exchange.hangup(second, 19)
        talk.consulting = False
        self._conversations.resume(talk)
        self._schedule.after(self._rng.uniform(2, 10), self._give_up, talk)

    def _give_up(self, talk: Conversation) -> None:
        self._conversations.caller_hangs_up(talk)

    def _consult(self, talk: Conversation, second: Channel, leg: Leg) -> None:
        self._dialer.answered(leg)
        self._dialer.connect(leg)
        if second.device:
            self._centre.devices.refresh(second.device)
        self._schedule.after(self._rng.uniform(2, 8), self._complete, talk, second, leg.channel)

    def _complete(self, talk: Conversation, second: Channel, colleague: Channel) -> None:
        """The two calls become one: the colleague's channel takes the operator's place."""
        first, caller = talk.agent, talk.caller
        here, there = first.bridge, second.bridge
        operator = first.device
        if here is None or there is None or operator is None:
            return
        exchange = self._exchange
        talk.live = False
        exchange.merge(here, there, colleague, first, swap=self._rng.random() < 0.5)
        self._announce(talk, second, colleague, here, there)
        exchange.connect(caller, colleague.caller)
        exchange.connect(colleague, caller.caller)
        exchange.silence(caller)
        self._conversations.complete(talk, "transfer")
        exchange.leave(second)
        exchange.destroy(there)
        exchange.hangup(first)
        exchange.hangup(second)
        self._dialer.release(operator)
        self._conversations.begin(Conversation(caller, colleague))

    def _announce(self, talk: Conversation, second: Channel, colleague: Channel, here: Bridge, there: Bridge) -> None:
        self._journal.call(
            "AttendedTransfer",
            f"Result: Success\r\n{talk.agent.spelled('OrigTransferer')}{here.spelled('Orig')}"
            f"{second.spelled('SecondTransferer')}{there.spelled('Second')}{talk.caller.spelled('Transferee')}"
            f"{colleague.spelled('TransferTarget')}IsExternal: Yes\r\nDestType: Bridge\r\n"
            f"DestBridgeUniqueid: {here.uniqueid}\r\n",
        )
