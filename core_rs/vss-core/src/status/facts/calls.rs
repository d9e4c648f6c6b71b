//! Channels of one Linkedid make a call; dials give it results; what a caller does after leaving a queue is judged here.

use super::super::call::{Call, CallStatus, Direction, Disposition, Outcome, Phase};
use super::super::channel::Channel;
use super::super::dialect::{DEST, DEST_UNIQUEID, EventKind, SnapshotKeys};
use super::super::keys::{CallKey, ChannelKey};
use super::super::moment::Moment;
use super::timers::Timer;
use super::{Facts, text};
use crate::ami::Message;

impl Facts {
    /// The call of this Linkedid, made when it is not known yet; an ended one comes back to life.
    pub(super) fn call_named(&mut self, linkedid: &str, now: Moment) -> CallKey {
        if let Some(&key) = self.call_ids.get(linkedid) {
            if let Some(call) = self.calls.get_mut(key)
                && call.is_ended()
            {
                call.enter(CallStatus::Initiating, now);
                call.ended_at = None;
                call.disposition = None;
                call.merged_into = None;
                self.touch_call(key);
            }
            return key;
        }
        let key = self.calls.insert(Call {
            id: linkedid.to_owned(),
            started_at: now,
            status_since: now,
            ..Call::default()
        });
        self.call_ids.insert(linkedid.to_owned(), key);
        self.touch_call(key);
        key
    }

    /// A new channel becomes part of its call and may tell between whom it is.
    pub(super) fn join_call(
        &mut self,
        key: ChannelKey,
        call: CallKey,
        event: &Message<'_>,
        keys: &SnapshotKeys,
    ) {
        let Some(channel) = self.channels.get(key) else {
            return;
        };
        let (outside, is_local) = (channel.outside, channel.local);
        let Some(entry) = self.calls.get_mut(call) else {
            return;
        };
        let is_first = entry.channels.is_empty() && entry.announced.is_none();
        entry.channels.push(key);
        let number =
            super::super::channel::unless_unknown(&event.text(keys.caller_number).unwrap_or_default())
                .to_owned();
        if is_first && outside {
            entry.direction = Direction::Inbound;
            entry.phone_number = number;
        } else if is_first {
            let exten = event.text(keys.exten).unwrap_or_default();
            entry.phone_number = if exten.is_empty() || &*exten == "s" || is_local {
                number
            } else {
                exten.into_owned()
            };
        } else if outside && entry.direction == Direction::Internal {
            entry.direction = Direction::Outbound;
            if !number.is_empty() {
                entry.phone_number = number;
            }
        }
        self.touch_call(call);
    }

    /// A channel's Linkedid changed: it belongs to another call now, and takes its unfinished visits along.
    pub(super) fn set_linkedid(&mut self, key: ChannelKey, linkedid: &str, now: Moment) {
        let Some(channel) = self.channels.get(key) else {
            return;
        };
        let old = channel.call;
        if self.calls.get(old).is_some_and(|call| call.id == linkedid) {
            return;
        }
        let id = channel.id.clone();
        let new = self.call_named(linkedid, now);
        let mut visits = Vec::new();
        if let Some(call) = self.calls.get_mut(old) {
            call.channels.retain(|&other| other != key);
            let (moving, staying) = std::mem::take(&mut call.visits)
                .into_iter()
                .partition(|v| v.channel == id && v.phase != Phase::Over);
            visits = moving;
            call.visits = staying;
            if call.channels.is_empty() {
                call.merged_into = Some(linkedid.to_owned());
            }
        }
        let (operator, direction, phone) = self
            .calls
            .get(old)
            .map(|call| (call.operator.clone(), call.direction, call.phone_number.clone()))
            .unwrap_or_default();
        if let Some(call) = self.calls.get_mut(new) {
            if call.channels.is_empty() && call.announced.is_none() {
                call.direction = direction;
                call.phone_number = phone;
            }
            call.channels.push(key);
            for visit in visits {
                call.begin_visit(visit);
            }
            if call.operator.is_none() {
                call.operator = operator;
            }
        }
        if let Some(channel) = self.channels.get_mut(key) {
            channel.call = new;
        }
        self.repoint(&id, new);
        self.touch_around(key);
        self.touch_call(old);
    }

    /// Waiting callers, offers and services that name this channel belong to `call` now.
    fn repoint(&mut self, channel: &str, call: CallKey) {
        let queue = self
            .by_id(channel)
            .and_then(|key| self.channels.get(key))
            .and_then(|channel| channel.waits_in);
        let mut operators: Vec<_> = self.legs.get(channel).copied().into_iter().collect();
        if let Some(queue) = queue.and_then(|key| self.queues.get_mut(key))
            && let Some(caller) = queue.callers.iter_mut().find(|caller| caller.id == channel)
        {
            caller.call = call;
            operators.extend(&caller.ringing);
        }
        if let Some(queue) = queue {
            self.touch_queue(queue);
        }
        for key in operators {
            if let Some(operator) = self.operators.get_mut(key) {
                for offer in operator.offers.iter_mut().filter(|o| o.caller == channel) {
                    offer.call = call;
                }
                for service in operator
                    .services
                    .iter_mut()
                    .filter(|s| s.caller == channel || s.dest.as_deref() == Some(channel))
                {
                    service.call = call;
                }
            }
            self.touch_operator(key);
        }
    }

    /// Two channels of Asterisk 11 met: the younger call becomes part of the older.
    pub(super) fn link_calls(&mut self, one: ChannelKey, two: ChannelKey, now: Moment) {
        let (Some(a), Some(b)) = (
            self.channels.get(one).map(|c| c.call),
            self.channels.get(two).map(|c| c.call),
        ) else {
            return;
        };
        if a == b {
            return;
        }
        let age = |key: CallKey| self.calls.get(key).map(|call| (call.started_at, call.id.clone()));
        let (older, younger) = if age(a) <= age(b) { (a, b) } else { (b, a) };
        let Some(linkedid) = self.calls.get(older).map(|call| call.id.clone()) else {
            return;
        };
        for key in self
            .calls
            .get(younger)
            .map(|call| call.channels.clone())
            .unwrap_or_default()
        {
            self.set_linkedid(key, &linkedid, now);
        }
    }

    /// DialBegin, DialEnd: the result of an attempt that was not answered, and the end of an offer.
    pub(super) fn dial(&mut self, event: &Message<'_>, kind: EventKind, now: Moment) {
        let caller = self.snapshots(event, now);
        let dest = self.snapshot(event, &DEST, now);
        if kind == EventKind::DialEnd {
            let status = event.get("DialStatus").unwrap_or_default();
            self.dial_ended(caller.or(dest), &text(event, DEST_UNIQUEID), status);
        }
    }

    fn dial_ended(&mut self, channel: Option<ChannelKey>, dest: &str, status: &[u8]) {
        let result = match status {
            b"ANSWER" => None,
            b"BUSY" => Some(Disposition::Busy),
            b"CHANUNAVAIL" | b"CONGESTION" => Some(Disposition::Failed),
            _ => Some(Disposition::NoAnswer),
        };
        if result.is_some() {
            self.close_offers_of_leg(dest);
        }
        if let Some(call) = channel
            .and_then(|key| self.channels.get(key))
            .map(|channel| channel.call)
            && let Some(entry) = self.calls.get_mut(call)
        {
            entry.dial_result = result;
            self.touch_call(call);
        }
    }

    /// `Dial` of Asterisk 11: `SubEvent: Begin` names both ends, `End` the result.
    pub(super) fn dial_legacy(&mut self, event: &Message<'_>, now: Moment) {
        let caller = self.by_id(&text(event, &["UniqueID"]));
        if event.get("SubEvent") == Some(b"Begin") {
            if let (Some(caller), Some(dest)) = (caller, self.by_id(&text(event, &["DestUniqueID"]))) {
                self.link_calls(caller, dest, now);
            }
        } else {
            self.dial_ended(caller, "", event.get("DialStatus").unwrap_or_default());
        }
    }

    /// The channel left a queue and goes on in the dialplan: the visit is over, and not by an operator (unless it was
    /// bridged meanwhile) or a hangup. An AGI that the queue itself runs leaves it at the same place.
    pub(super) fn classify_exit(&mut self, key: ChannelKey, told: Option<Outcome>, now: Moment) {
        let Some(place) = self.channels.get(key).map(Channel::place) else {
            return;
        };
        self.classify(key, now, |visit| match told {
            Some(told) => Some(told),
            None if place == visit.place => None,
            None if visit.bridged => Some(Outcome::Answered),
            None if visit.abandon_seen => Some(Outcome::Timeout),
            None => Some(Outcome::ExitKey),
        });
    }

    /// The channel left a queue and stands in a bridge: with an operator, unless the queue had given it up.
    pub(super) fn classify_bridged(&mut self, key: ChannelKey, now: Moment) {
        if let Some(channel) = self.channels.get(key)
            && let Some(call) = self.calls.get_mut(channel.call)
        {
            let served = call
                .visits
                .iter_mut()
                .filter(|visit| visit.phase == Phase::Served && visit.channel == channel.id);
            served.for_each(|visit| visit.bridged = true);
        }
        self.classify(key, now, |visit| {
            visit.bridged = true;
            visit.abandon_seen.then_some(Outcome::Timeout)
        });
    }

    /// The channel left a queue and hung up.
    pub(super) fn classify_gone(&mut self, key: ChannelKey, now: Moment) {
        self.classify(key, now, |visit| {
            Some(if visit.bridged {
                Outcome::Answered
            } else {
                Outcome::Abandoned
            })
        });
    }

    fn classify(
        &mut self,
        key: ChannelKey,
        now: Moment,
        judge: impl Fn(&mut super::super::call::Visit) -> Option<Outcome>,
    ) {
        let Some(channel) = self.channels.get(key) else {
            return;
        };
        let call = channel.call;
        let Some(entry) = self.calls.get_mut(call) else {
            return;
        };
        if entry.visits.is_empty() {
            return;
        }
        let Some(visit) = entry.connecting_visit(&channel.id) else {
            return;
        };
        let Some(outcome) = judge(visit) else { return };
        visit.phase = Phase::Over;
        visit.outcome = Some(outcome);
        let (queue, left_at, wait) = (visit.queue.clone(), visit.left_at.unwrap_or(now), visit.wait(now));
        if let Some(channel) = self.channels.get_mut(key) {
            channel.queue = None;
        }
        self.account(&queue, outcome, left_at, wait);
        self.touch_around(key);
    }

    /// Put a visit's end on its queue's account.
    pub(super) fn account(&mut self, queue: &str, outcome: Outcome, left_at: Moment, wait: i64) {
        if let Some(&key) = self.queue_names.get(queue)
            && let Some(queue) = self.queues.get_mut(key)
        {
            let threshold = i64::from(queue.service_level) * 1000;
            queue.window.end(left_at, outcome, wait, threshold);
            self.touch_queue(key);
        }
    }

    /// The last channel is gone, or went over to another call.
    pub(super) fn end_call(&mut self, key: CallKey, now: Moment) {
        let kept = self.options.ended;
        let Some(call) = self.calls.get_mut(key) else {
            return;
        };
        if call.is_ended() {
            return;
        }
        call.enter(CallStatus::Ended, now);
        if call.merged_into.is_none() {
            call.disposition = Some(call.judge());
        }
        self.set_timer(now + kept, Timer::CallGone(key));
    }
}
