//! After each message: derive what the touched rows add up to.

use super::super::bridge::Bridge;
use super::super::call::{CallStatus, Phase};
use super::super::channel::{Channel, DIALING, Leg, RING, RINGING, UP, other_half};
use super::super::keys::{CallKey, ChannelKey, OperatorKey};
use super::super::moment::Moment;
use super::super::operator::ChannelFacts;
use super::Facts;

impl Facts {
    /// Derive the state of every touched operator and call. What that touches in turn is touched too.
    pub fn settle(&mut self, now: Moment) {
        let mut place = 0;
        while let Some(&key) = self.touched.operators.get(place) {
            self.settle_operator(key, now);
            place += 1;
        }
        let mut place = 0;
        while let Some(&key) = self.touched.calls.get(place) {
            self.settle_call(key, now);
            place += 1;
        }
    }

    fn settle_operator(&mut self, key: OperatorKey, now: Moment) {
        let Some(operator) = self.operators.get(key) else {
            return;
        };
        let derived = operator.derive(self.channel_facts(key), |queue| self.queue_name(queue).to_owned());
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        if operator.state != derived.state {
            operator.state = derived.state;
            operator.since = now;
        }
        operator.intent = derived.intent;
        operator.activity = derived.activity;
        operator.reachable = derived.reachable;
        operator.reason = derived.reason;
        for place in 0..operator.memberships.len() {
            let bucket = operator.bucket_at(place);
            let member = &mut operator.memberships[place];
            let before = std::mem::replace(&mut member.bucket, bucket);
            if before != bucket {
                let queue = member.queue;
                if let Some(entry) = self.queues.get_mut(queue) {
                    entry.counts.shift(before, bucket);
                    if !entry.mark.touched {
                        entry.mark.touched = true;
                        self.touched.queues.push(queue);
                    }
                }
            }
        }
    }

    /// What an operator's own channels say. Legs of queue calls are counted by their service, Local halves by the
    /// channel behind them.
    fn channel_facts(&self, key: OperatorKey) -> ChannelFacts {
        let mut facts = ChannelFacts::default();
        let Some(operator) = self.operators.get(key) else {
            return facts;
        };
        for channel in operator.channels.iter().filter_map(|&key| self.channels.get(key)) {
            facts.any = true;
            facts.on_hold |= channel.on_hold;
            if channel.leg == Leg::None && !channel.local {
                facts.other_call |=
                    matches!(channel.state, UP | RING | DIALING) && !self.is_behind_local(key, channel.call);
            }
        }
        facts
    }

    /// A phone rung through a Local member (`Local/1001@ctx/n`) is the far end of the operator's own queue call.
    fn is_behind_local(&self, key: OperatorKey, call: CallKey) -> bool {
        self.operators.get(key).is_some_and(|operator| {
            let local = |leg: Option<&String>| {
                leg.and_then(|id| self.by_id(id))
                    .and_then(|key| self.channels.get(key))
                    .is_some_and(|channel| channel.local)
            };
            operator
                .services
                .iter()
                .any(|s| s.call == call && local(s.dest.as_ref()))
                || operator
                    .offers
                    .iter()
                    .any(|o| o.call == call && local(o.dest.as_ref()))
        })
    }

    /// Whether a channel hears someone else. A Local pair is one person's line in two halves: its near half speaks for
    /// someone only when the far half stands in a bridge as well.
    fn talks(&self, channel: &Channel) -> bool {
        let Some(bridge) = self
            .bridges
            .get(&channel.bridge)
            .filter(|bridge| bridge.is_talk())
        else {
            return false;
        };
        let speaks = |key: &ChannelKey| {
            self.channels.get(*key).is_some_and(|member| {
                !member.local
                    || other_half(&member.name)
                        .and_then(|name| self.channels.get(*self.channel_names.get(&name)?))
                        .is_none_or(|half| self.bridges.get(&half.bridge).is_some_and(Bridge::is_talk))
            })
        };
        // Two are enough: a conference would be looked through once for each who is in it, at every event.
        bridge.members.iter().filter(|key| speaks(key)).nth(1).is_some()
    }

    fn settle_call(&mut self, key: CallKey, now: Moment) {
        let Some(call) = self.calls.get(key) else { return };
        if call.channels.is_empty() {
            return self.end_call(key, now);
        }
        let (mut talks, mut held, mut parked, mut rings, mut waits) = (false, false, false, false, false);
        let mut number = String::new();
        for (place, channel) in call
            .channels
            .iter()
            .filter_map(|&key| self.channels.get(key))
            .enumerate()
        {
            talks |= self.talks(channel);
            held |= channel.on_hold;
            parked |= channel.parked.is_some();
            rings |= channel.state == RINGING;
            if channel.outside && (place == 0 || number.is_empty()) {
                number.clone_from(&channel.caller.number);
            }
        }
        for visit in &call.visits {
            // Who is with an operator and not in the bridge yet still waits for it.
            waits |= visit.phase != Phase::Over && !visit.bridged;
        }
        let status = match () {
            () if talks && held => CallStatus::OnHold,
            () if talks => CallStatus::Talking,
            () if parked => CallStatus::Parked,
            () if waits => CallStatus::Queued,
            () if rings => CallStatus::Ringing,
            // Between two bridges a talk has not begun anew; its hold, queue or parking place is over.
            () if matches!(call.status, CallStatus::Talking | CallStatus::OnHold) => CallStatus::Talking,
            () => CallStatus::Initiating,
        };
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        call.enter(status, now);
        if !number.is_empty() {
            call.phone_number = number;
        }
    }
}
