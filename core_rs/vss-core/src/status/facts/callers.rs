//! Queue caller events: join, abandon, leave.

use super::super::call::{Outcome, Phase, Visit};
use super::super::channel::{Channel, unless_unknown};
use super::super::dialect::{PLAIN, UNIQUEID};
use super::super::keys::{ChannelKey, QueueKey};
use super::super::moment::Moment;
use super::super::queue::Caller;
use super::{Facts, RowName, number, text};
use crate::ami::Message;

/// At most so many leaves that came before their joins are remembered.
const MAX_EARLY_LEAVES: usize = 10_000;

impl Facts {
    /// QueueCallerJoin, `Join` of Asterisk 11.
    pub(super) fn join(&mut self, event: &Message<'_>, now: Moment) {
        let Some(channel) = self.snapshot(event, &PLAIN, now) else {
            return;
        };
        let name = text(event, &["Queue"]);
        let id = self.channels[channel].id.clone();
        if let Some(place) = self
            .early_leaves
            .iter()
            .position(|(at, other, queue)| *other == id && *queue == *name && *at >= now)
        {
            self.early_leaves.remove(place);
            return;
        }
        let queue = self.queue_named(&name);
        let place = number::<usize>(event, "Position")
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        self.unlist_caller(queue, channel, &name, &id);
        if self.add_caller(queue, channel, place, now)
            && let Some(entry) = self.queues.get_mut(queue)
        {
            entry.window.offer(now);
        }
        self.check_count(event, queue, &name);
    }

    /// A caller that a list put in line, and whose Join was among the events kept: the Join knows the time.
    fn unlist_caller(&mut self, queue: QueueKey, channel: ChannelKey, name: &str, id: &str) {
        let listed = self
            .queues
            .get(queue)
            .is_some_and(|line| line.callers.iter().any(|c| c.listed && c.id == id));
        if !listed {
            return;
        }
        if let Some(caller) = self.take_caller(queue, id) {
            self.close_offers_for(&caller);
        }
        if let Some(call) = self
            .channels
            .get(channel)
            .and_then(|channel| self.calls.get_mut(channel.call))
        {
            call.visits
                .retain(|visit| visit.phase != Phase::Waiting || visit.queue != name || visit.channel != id);
        }
    }

    /// Put a channel in line at `place`; false when it stands there already.
    pub(super) fn add_caller(
        &mut self,
        queue: QueueKey,
        channel: ChannelKey,
        place: usize,
        joined_at: Moment,
    ) -> bool {
        let Some(entry) = self.channels.get(channel) else {
            return false;
        };
        let (id, call) = (entry.id.clone(), entry.call);
        let (number, name) = (entry.caller.number.clone(), entry.caller.name.clone());
        // A channel stands in one line: the Leave of another one was lost.
        if let Some(other) = entry.waits_in.filter(|&other| other != queue)
            && let Some(left) = self.take_caller(other, &id)
        {
            self.close_offers_for(&left);
        }
        let generation = self.generation;
        let Some(line) = self.queues.get_mut(queue) else {
            return false;
        };
        let queue_name = line.name.clone();
        if let Some(caller) = line.callers.iter_mut().find(|caller| caller.id == id) {
            caller.seen = generation;
            return false;
        }
        let place = place.min(line.callers.len());
        line.callers.insert(
            place,
            Caller {
                id: id.clone(),
                channel,
                call,
                number,
                name,
                joined_at,
                priority: 0,
                ringing: Vec::new(),
                seen: generation,
                listed: false,
            },
        );
        if let Some(call) = self.calls.get_mut(call) {
            call.begin_visit(Visit {
                queue: queue_name.clone(),
                channel: id.clone(),
                joined_at,
                left_at: None,
                outcome: None,
                operator: None,
                connected_at: None,
                talk: 0,
                phase: Phase::Waiting,
                abandon_seen: false,
                place: Default::default(),
                bridged: false,
            });
        }
        if let Some(entry) = self.channels.get_mut(channel) {
            entry.queue = Some(queue);
            entry.waits_in = Some(queue);
        }
        self.name(|| RowName::Caller(queue_name, id));
        self.touch_around(channel);
        self.touch_queue(queue);
        true
    }

    /// QueueCallerAbandon: noted, it decides nothing alone.
    pub(super) fn abandon(&mut self, event: &Message<'_>, now: Moment) {
        self.snapshots(event, now);
        let (id, queue) = (text(event, UNIQUEID), text(event, &["Queue"]));
        if let Some(call) = self
            .by_id(&id)
            .and_then(|key| self.channels.get(key))
            .map(|channel| channel.call)
            && let Some(visit) = self
                .calls
                .get_mut(call)
                .and_then(|call| call.open_visit(&queue, &id))
        {
            visit.abandon_seen = true;
        }
    }

    /// QueueCallerLeave, `Leave` of Asterisk 11: to an operator, or not; that shows afterwards.
    pub(super) fn leave(&mut self, event: &Message<'_>, now: Moment) {
        self.snapshots(event, now);
        let (id, name) = (text(event, UNIQUEID), text(event, &["Queue"]));
        let queue = self.queue_named(&name);
        self.name(|| RowName::Caller(name.clone().into_owned(), id.clone().into_owned()));
        let Some(caller) = self.leave_line(queue, &id, now) else {
            if !self.is_buried(&id) {
                self.early_leaves
                    .push_back((now, id.into_owned(), name.into_owned()));
                if self.early_leaves.len() > MAX_EARLY_LEAVES {
                    self.early_leaves.pop_front();
                }
            }
            return;
        };
        self.touch_around(caller.channel);
        self.check_count(event, queue, &name);
    }

    /// The caller left the line, whether to an operator or not; offers that no leg stands for end here.
    pub(super) fn leave_line(&mut self, queue: QueueKey, id: &str, now: Moment) -> Option<Caller> {
        let caller = self.take_caller(queue, id)?;
        let place = self
            .channels
            .get(caller.channel)
            .map(Channel::place)
            .unwrap_or_default();
        let name = self.queue_name(queue).to_owned();
        if let Some(visit) = self
            .calls
            .get_mut(caller.call)
            .and_then(|call| call.open_visit(&name, id))
        {
            visit.left_at = Some(now);
            visit.place = place;
            if visit.phase == Phase::Waiting {
                visit.phase = Phase::Connecting;
            }
        }
        for &key in &caller.ringing {
            self.remove_offers(key, |offer| offer.caller == caller.id && offer.dest.is_none());
        }
        Some(caller)
    }

    /// Take a caller out of the line.
    pub(super) fn take_caller(&mut self, queue: QueueKey, id: &str) -> Option<Caller> {
        let line = self.queues.get_mut(queue)?;
        let caller = line.callers.remove(line.place_of(id)?);
        if let Some(channel) = self.channels.get_mut(caller.channel) {
            channel.waits_in = None;
        }
        self.touch_queue(queue);
        Some(caller)
    }

    /// The channel hung up while it waited: the Leave was lost, or comes later.
    pub(super) fn drop_caller(&mut self, id: &str, now: Moment) {
        let Some(queue) = self
            .by_id(id)
            .and_then(|key| self.channels.get(key))
            .and_then(|channel| channel.waits_in)
        else {
            return;
        };
        let Some(caller) = self.take_caller(queue, id) else {
            return;
        };
        self.close_offers_for(&caller);
        let name = self.queue_name(queue).to_owned();
        if let Some(visit) = self
            .calls
            .get_mut(caller.call)
            .and_then(|call| call.open_visit(&name, id))
        {
            visit.left_at.get_or_insert(now);
            // Who is served has only lost the Leave: the service ends the visit.
            if visit.phase != Phase::Served {
                visit.phase = Phase::Over;
                visit.outcome = Some(Outcome::Abandoned);
                let wait = visit.wait(now);
                self.account(&name, Outcome::Abandoned, now, wait);
            }
        }
    }

    /// No one is rung for this caller any more.
    pub(super) fn close_offers_for(&mut self, caller: &Caller) {
        for &key in &caller.ringing {
            self.remove_offers(key, |offer| offer.caller == caller.id);
        }
    }

    /// A number of callers that is not ours cannot be: something was missed.
    fn check_count(&mut self, event: &Message<'_>, queue: QueueKey, name: &str) {
        let Some(count) = number::<usize>(event, "Count") else {
            return;
        };
        let ours = self.queues.get(queue).map_or(0, |queue| queue.callers.len());
        if ours != count {
            self.impossible.push(format!(
                "queue {name} has {count} callers, the board knows {ours}"
            ));
        }
    }

    /// The caller as QueueEntry tells it: number and name, which the line may know better than the channel.
    pub(super) fn caller_told(&mut self, queue: QueueKey, id: &str, event: &Message<'_>) {
        let Some(line) = self.queues.get_mut(queue) else {
            return;
        };
        let Some(caller) = line.callers.iter_mut().find(|caller| caller.id == id) else {
            return;
        };
        if let Some(number) = event.text(PLAIN.caller_number) {
            unless_unknown(&number).clone_into(&mut caller.number);
        }
        if let Some(name) = event.text(PLAIN.caller_name) {
            unless_unknown(&name).clone_into(&mut caller.name);
        }
        if let Some(priority) = number::<i32>(event, "Priority") {
            caller.priority = priority;
        }
        self.touch_queue(queue);
    }
}
