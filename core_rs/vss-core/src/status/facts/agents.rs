//! Agent events: a queue rings its members for a caller, one of them takes the call, and it ends.

use super::super::call::{Outcome, Phase};
use super::super::channel::Leg;
use super::super::dialect::{DEST_CHANNEL, DEST_UNIQUEID, INTERFACE, MEMBER_NAME, UNIQUEID};
use super::super::keys::{OperatorKey, QueueKey};
use super::super::membership::{plain_interface, same_interface};
use super::super::moment::Moment;
use super::super::operator::{Offer, Service};
use super::{Facts, text};
use crate::ami::Message;

impl Facts {
    /// AgentCalled: a member's phone is rung for a caller.
    pub(super) fn agent_called(&mut self, event: &Message<'_>, now: Moment) {
        self.snapshots(event, now);
        let Some((queue, key)) = self.member_of_event(event, now) else {
            return;
        };
        let (caller, dest) = (text(event, UNIQUEID).into_owned(), self.dest_of(event));
        let waiting = self.queues.get(queue).and_then(|queue| queue.place_of(&caller));
        // An offer ends with its leg, or with its caller: one that has neither would stay for ever.
        let leg_lives = dest.as_deref().is_some_and(|dest| self.by_id(dest).is_some());
        if !leg_lives && (dest.is_some() || waiting.is_none()) {
            return;
        }
        // It comes late: the leg serves already.
        if dest.is_some()
            && self
                .operators
                .get(key)
                .is_some_and(|operator| operator.services.iter().any(|s| s.dest == dest))
        {
            return;
        }
        let Some(call) = self
            .by_id(&caller)
            .and_then(|key| self.channels.get(key))
            .map(|channel| channel.call)
        else {
            return;
        };
        self.remove_offers(key, |offer| offer.queue == queue && offer.caller == caller);
        if let Some(dest) = dest.as_deref() {
            self.tie_leg(dest, key, now);
            if let Some(channel) = self.by_id(dest).and_then(|key| self.channels.get_mut(key)) {
                channel.leg = Leg::Offered;
            }
        }
        if let Some(waiting) = waiting.and_then(|place| self.queues.get_mut(queue)?.callers.get_mut(place)) {
            waiting.ringing.push(key);
            self.touch_queue(queue);
        }
        if let Some(operator) = self.operators.get_mut(key) {
            operator.offers.push(Offer {
                queue,
                caller,
                dest,
                call,
            });
        }
        self.touch_operator(key);
        self.touch_call(call);
    }

    /// AgentConnect: the member has the caller.
    pub(super) fn agent_connect(&mut self, event: &Message<'_>, now: Moment) {
        let channel = self.snapshots(event, now);
        let Some((queue, key)) = self.member_of_event(event, now) else {
            return;
        };
        let (caller, dest) = (text(event, UNIQUEID).into_owned(), self.dest_of(event));
        let interface = text(event, INTERFACE).into_owned();
        let name = self.queue_name(queue).to_owned();
        self.remove_offers(key, |offer| offer.queue == queue && offer.caller == caller);
        // Only a Leave takes the caller out of the line: if it was lost, the next Count tells, and a resync mends more
        // than this one row.
        let call = channel
            .or_else(|| self.by_id(&caller))
            .and_then(|key| self.channels.get(key))
            .map(|channel| channel.call);
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let operator_id = operator.id.clone();
        if let Some(member) = operator.membership(queue, &interface) {
            member.taken_before = Some(member.calls_taken);
        }
        if let Some(entry) = call.and_then(|key| self.calls.get_mut(key)) {
            entry.operator = Some(operator_id.clone());
            if let Some(visit) = entry.open_visit(&name, &caller) {
                visit.operator = Some(operator_id);
                visit.connected_at = Some(now);
                visit.outcome = Some(Outcome::Answered);
                visit.phase = Phase::Served;
                let wait = visit.wait(now);
                self.account(&name, Outcome::Answered, now, wait);
            }
        }
        let leg = dest.clone().unwrap_or_else(|| caller.clone());
        if let (Some(call), Some(leg_channel)) = (call, self.by_id(&leg)) {
            self.forget_service(key, queue, &caller);
            self.tie_leg(&leg, key, now);
            if let Some(operator) = self.operators.get_mut(key) {
                operator.services.push(Service {
                    queue,
                    interface,
                    caller,
                    dest: dest.clone(),
                    call,
                    since: now,
                });
                operator.wrap_up_ends = None;
            }
            if dest.is_some()
                && let Some(channel) = self.channels.get_mut(leg_channel)
            {
                channel.leg = Leg::Served;
                channel.queue = Some(queue);
            }
            self.touch_around(leg_channel);
        }
        if let Some(call) = call {
            self.touch_call(call);
        }
        self.touch_operator(key);
    }

    /// AgentComplete: the queue call is over; wrap-up begins.
    pub(super) fn agent_complete(&mut self, event: &Message<'_>, now: Moment) {
        self.snapshots(event, now);
        let Some((queue, key)) = self.known_member_of_event(event) else {
            return;
        };
        let (caller, dest) = (text(event, UNIQUEID), self.dest_of(event));
        let Some(operator) = self.operators.get(key) else {
            return;
        };
        // The caller's ids may be missing, or changed by a transfer: then the queue decides.
        let place = operator
            .services
            .iter()
            .position(|s| s.queue == queue && (s.caller == *caller || (dest.is_some() && s.dest == dest)))
            .or_else(|| {
                operator
                    .services
                    .iter()
                    .position(|s| s.queue == queue && caller.is_empty())
            });
        if let Some(place) = place {
            self.end_service(key, place, now);
        }
    }

    /// AgentRingNoAnswer, AgentDump: the offer is over, the caller waits on.
    pub(super) fn agent_missed(&mut self, event: &Message<'_>, now: Moment) {
        self.snapshots(event, now);
        let Some((queue, key)) = self.known_member_of_event(event) else {
            return;
        };
        let caller = text(event, UNIQUEID);
        self.remove_offers(key, |offer| offer.queue == queue && offer.caller == *caller);
    }

    /// The rung leg's Uniqueid; Asterisk 11 tells its name only.
    fn dest_of(&self, event: &Message<'_>) -> Option<String> {
        let told = text(event, DEST_UNIQUEID);
        if !told.is_empty() {
            return Some(told.into_owned());
        }
        let name = text(event, DEST_CHANNEL);
        self.channel_names
            .get(&*name)
            .and_then(|&key| self.channels.get(key))
            .map(|channel| channel.id.clone())
    }

    fn known_member_of_event(&self, event: &Message<'_>) -> Option<(QueueKey, OperatorKey)> {
        let queue = *self.queue_names.get(&*text(event, &["Queue"]))?;
        let interface = text(event, INTERFACE);
        let key = *self.interfaces.get(plain_interface(&interface))?;
        Some((queue, key))
    }

    /// The queue and the operator an agent event names; a member nobody announced is made, and reported.
    fn member_of_event(&mut self, event: &Message<'_>, now: Moment) -> Option<(QueueKey, OperatorKey)> {
        let (name, interface) = (text(event, &["Queue"]), text(event, INTERFACE));
        if name.is_empty() || interface.is_empty() {
            return None;
        }
        let queue = self.queue_named(&name);
        let known = self.known_member_of_event(event);
        if let Some((_, key)) = known
            && self.operators.get_mut(key).is_some_and(|operator| {
                let left =
                    |(other, by): &(QueueKey, String)| *other == queue && same_interface(by, &interface);
                operator.membership(queue, &interface).is_some() || operator.left.iter().any(left)
            })
        {
            return known;
        }
        self.impossible.push(format!(
            "{interface} serves queue {name} and is not a member the board knows"
        ));
        let key = self.ensure_member(queue, &interface, &interface, &text(event, MEMBER_NAME), now);
        Some((queue, key))
    }
}
