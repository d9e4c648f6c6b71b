"""Queues at work: callers wait, members are rung, calls are connected.

```
            join                 offer                 answer
  channel ────────▶ waiting ──────────────▶ ringing ──────────▶ served (a Conversation)
                     │  ▲                     │ │
                     │  └── no answer, busy ──┘ │
                     └──── abandon, timeout, key ┴──▶ gone from the queue
```
"""

from typing import TYPE_CHECKING

from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.channel import Channel
from vss_router.ami.simulator.channels import NO_CAUSE
from vss_router.ami.simulator.leg import Dialer, Leg
from vss_router.ami.simulator.membership import Member, Queue
from vss_router.ami.simulator.schedule import MICROSECOND
from vss_router.ami.simulator.visit import Service, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Distribution"]

RETRY_SECONDS = 1.0
PATIENCE_SECONDS = 75.0


class Distribution:
    """Brings waiting callers and free members together."""

    def __init__(self, centre: Centre, dialer: Dialer) -> None:
        self._centre = centre
        self._dialer = dialer
        self._exchange = centre.exchange
        self._journal = centre.journal
        self._schedule = centre.schedule
        self._rng = centre.rng
        self.served: Callable[[Leg, Service, tuple[Channel, Channel] | None], None] = _nobody
        self.no_answer: Callable[[Member], None] = _nobody
        self.dialer = dialer
        centre.devices.on_free = self.expect_match

    # -- waiting

    def join(self, queue: Queue, channel: Channel, priority: int = 0) -> Visit:
        """A channel that is up begins to wait; callers of higher priority stand before it."""
        self._exchange.newexten(channel, "Queue", f"{queue.name},rt,,,{queue.timeout_seconds}")
        visit = Visit(queue, channel, self._schedule.now, priority)
        visits = queue.visits
        place = len(visits)
        while place and visits[place - 1].priority < priority:
            place -= 1
        visits.insert(place, visit)
        visit.original = place + 1
        if len(visits) == 1:
            self._centre.devices.waiting(queue)
        self._journal.agent(
            "QueueCallerJoin",
            f"{channel.plain}Queue: {queue.name}\r\nPosition: {place + 1}\r\nCount: {len(visits)}\r\n",
        )
        if queue.music:
            self._exchange.music(channel)
        after, rng = self._schedule.after, self._rng
        after(queue.timeout_seconds, self._time_out, visit)
        after(2.0 + rng.expovariate(1 / PATIENCE_SECONDS), self._abandon, visit)
        if rng.random() < 0.02:
            after(rng.uniform(3, 20), self._press_key, visit)
        self.expect_match(queue)
        return visit

    def expect_match(self, queue: Queue) -> None:
        """Something changed that may let a caller be offered; the queue looks a moment later."""
        if queue.visits and not queue.matching:
            queue.matching = True
            self._schedule.after(0.004, self._match, queue)

    def _match(self, queue: Queue) -> None:
        queue.matching = False
        now = self._schedule.now
        for visit in tuple(queue.visits):
            if not queue.idle:
                return
            if visit.leg is None and visit.retry_at <= now:
                self._offer(visit, self._choose(queue))

    def _choose(self, queue: Queue) -> Member:
        """The one idle longest of the lowest penalty, among the first few."""
        best: Member | None = None
        for tried, member in enumerate(queue.idle.values()):
            if best is None or member.penalty < best.penalty:
                best = member
            if tried == 4:
                break
        assert best is not None  # noqa: S101
        return best

    # -- ringing

    def _offer(self, visit: Visit, member: Member) -> None:
        leg = visit.leg = self._dialer.for_queue(visit.channel, member)
        chance, after = self._rng.random(), self._schedule.after
        if chance < 0.9:
            after(self._rng.uniform(0.8, 8.0), self._answer, visit, leg)
        elif chance < 0.97:
            after(visit.queue.ring_seconds, self._ring_no_answer, visit, leg, "NOANSWER", NO_CAUSE)
        else:
            after(self._rng.uniform(0.5, 3.0), self._ring_no_answer, visit, leg, "BUSY", 17)

    def _ring_no_answer(self, visit: Visit, leg: Leg, status: str, cause: int) -> None:
        if not leg.live or leg.member is None:
            return
        self._missed(visit, leg, leg.member)
        self._dialer.cancel(leg, status, cause)
        visit.leg = None
        visit.retry_at = self._schedule.now + round(RETRY_SECONDS * MICROSECOND)
        self._schedule.after(RETRY_SECONDS, self.expect_match, visit.queue)
        self.no_answer(leg.member)

    def _missed(self, visit: Visit, leg: Leg, member: Member) -> None:
        ring_time = (self._schedule.now - leg.started) // 1000
        self._journal.agent(
            "AgentRingNoAnswer",
            f"{visit.channel.plain}{leg.seen.to}Queue: {visit.queue.name}\r\nInterface: {member.interface}\r\n"
            f"MemberName: {member.operator.name}\r\nRingTime: {ring_time}\r\n",
        )

    def _answer(self, visit: Visit, leg: Leg) -> None:
        member = leg.member
        if not leg.live or member is None:
            return
        queue, channel, now = visit.queue, visit.channel, self._schedule.now
        self._dialer.answered(leg)
        self._exchange.silence(channel)
        position = self._leave(visit)
        self._exchange.varset(channel, "QUEUEPOSITION", position)
        hold = (now - visit.joined) // MICROSECOND
        self._journal.agent(
            "AgentConnect",
            f"{channel.plain}{leg.seen.to}Queue: {queue.name}\r\nInterface: {member.interface}\r\n"
            f"MemberName: {member.operator.name}\r\nHoldTime: {hold}\r\n"
            f"RingTime: {(now - leg.started) // MICROSECOND}\r\n",
        )
        member.in_call = True
        queue.holdtime = (3 * queue.holdtime + hold) // 4
        pair = self._dialer.connect(leg)
        self.served(leg, Service(queue, member, hold, now), pair)

    # -- leaving

    def _leave(self, visit: Visit) -> int:
        """Take the caller out of the queue; returns the position that was left."""
        queue = visit.queue
        place = queue.visits.index(visit)
        del queue.visits[place]
        visit.over = True
        visit.leg = None
        self._journal.agent(
            "QueueCallerLeave",
            f"{visit.channel.plain}Queue: {queue.name}\r\nPosition: {place + 1}\r\nCount: {len(queue.visits)}\r\n",
        )
        if not queue.visits:
            self._centre.devices.waiting(queue)
        return place + 1

    def _unserved(self, visit: Visit) -> None:
        queue = visit.queue
        queue.abandoned += 1
        hold = (self._schedule.now - visit.joined) // MICROSECOND
        self._journal.agent(
            "QueueCallerAbandon",
            f"{visit.channel.plain}Queue: {queue.name}\r\nPosition: {queue.visits.index(visit) + 1}\r\n"
            f"OriginalPosition: {visit.original}\r\nHoldTime: {hold}\r\n",
        )

    def _abandon(self, visit: Visit) -> None:
        if visit.over:
            return
        channel = visit.channel
        self._exchange.hangup_request(channel)
        if visit.leg:
            self._dialer.cancel(visit.leg, "CANCEL")
        self._unserved(visit)
        self._exchange.silence(channel)
        self._leave(visit)
        self._exchange.soft_hangup(channel)
        self._exchange.hangup(channel, NO_CAUSE)
        if channel.device:
            self._dialer.release(channel.device)

    def _time_out(self, visit: Visit) -> None:
        if visit.over:
            return
        channel, leg = visit.channel, visit.leg
        if leg and leg.member:
            self._missed(visit, leg, leg.member)
            self._dialer.cancel(leg, "NOANSWER")
        self._unserved(visit)
        self._exchange.silence(channel)
        self._leave(visit)
        self._exchange.varset(channel, "QUEUESTATUS", "TIMEOUT")
        channel.route(channel.context, channel.exten, channel.priority + 1)
        if len(self._centre.queues) > 1 and self._rng.random() < 0.4:
            queues = self._centre.queues
            self.join(queues[(queues.index(visit.queue) + 1) % len(queues)], channel, visit.priority)
            return
        self._exchange.newexten(channel, "Playback", "queue-thankyou")
        self._schedule.after(self._rng.uniform(1, 4), self._end, channel)

    def _press_key(self, visit: Visit) -> None:
        if visit.over:
            return
        channel = visit.channel
        if visit.leg:
            self._dialer.cancel(visit.leg, "CANCEL")
        self._exchange.silence(channel)
        self._leave(visit)
        channel.route(visit.queue.context, "1")
        self._exchange.newexten(channel, "VoiceMail", f"{visit.queue.exten}@default,u")
        self._schedule.after(self._rng.uniform(4, 15), self._end, channel)

    def _end(self, channel: Channel) -> None:
        self._exchange.hangup_request(channel)
        self._exchange.soft_hangup(channel)
        self._exchange.hangup(channel)
        if channel.device:
            self._dialer.release(channel.device)


def _nobody(*_arguments: object) -> None:
    """Stands where the other parts of the simulation plug themselves in."""
