//! Queue members. `devices` knows the phones behind them.

use std::borrow::Cow;

use super::super::channel::set;
use super::super::dialect::{EventKind, INTERFACE, MEMBER_NAME, PAUSED_REASON, RINGINUSE};
use super::super::keys::{OperatorKey, QueueKey};
use super::super::membership::{Membership, plain_interface, same_interface};
use super::super::moment::Moment;
use super::super::operator::{Operator, extension_of};
use super::timers::Timer;
use super::{Facts, RowName, Table, flag, number, text};
use crate::ami::Message;

/// How long an operator without a queue is kept as `logged_out`, milliseconds: the TTL of a row.
pub(super) const LOGGED_OUT_KEPT: i64 = 3_600_000;

impl Facts {
    /// The operator of a state interface, made when it is not known yet.
    pub(super) fn operator_named(&mut self, id: &str, now: Moment) -> OperatorKey {
        if let Some(&key) = self.operator_ids.get(id) {
            return key;
        }
        let key = self.operators.insert(Operator {
            id: id.to_owned(),
            extension: extension_of(id).to_owned(),
            since: now,
            reachable: true,
            ..Operator::default()
        });
        self.operator_ids.insert(id.to_owned(), key);
        self.add_interface(id, key);
        self.touch_operator(key);
        key
    }

    /// From now on channels of this interface are the operator's.
    fn add_interface(&mut self, interface: &str, key: OperatorKey) {
        let plain = plain_interface(interface);
        if self.interfaces.get(plain) == Some(&key) {
            return;
        }
        self.interfaces.insert(plain.to_owned(), key);
        let prefix = format!("{plain}-");
        let channels: Vec<_> = self
            .channel_names
            .range(prefix.clone()..)
            .take_while(|(name, _)| name.starts_with(&prefix))
            .map(|(_, &channel)| channel)
            .collect();
        for channel in channels {
            self.find_operator(channel);
        }
    }

    /// The membership of `queue` through `interface`, made when it is not known yet.
    pub(super) fn ensure_member(
        &mut self,
        queue: QueueKey,
        interface: &str,
        state_interface: &str,
        name: &str,
        now: Moment,
    ) -> OperatorKey {
        let id = plain_interface(state_interface);
        if let Some(&known) = self.interfaces.get(plain_interface(interface))
            && self
                .operators
                .get(known)
                .is_some_and(|operator| operator.id != id)
        {
            self.move_member(known, queue, interface, now);
        }
        let key = self.operator_named(id, now);
        self.add_interface(interface, key);
        let generation = self.generation;
        let Some(operator) = self.operators.get_mut(key) else {
            return key;
        };
        // The member whose interface is the device itself names the operator.
        if !name.is_empty()
            && (operator.name.is_empty() || plain_interface(interface) == id)
            && set(&mut operator.name, name)
        {
            self.touch_operator(key);
        }
        let Some(operator) = self.operators.get_mut(key) else {
            return key;
        };
        if let Some(member) = operator.membership(queue, interface) {
            member.seen = generation;
            return key;
        }
        operator
            .left
            .retain(|(other, by)| *other != queue || !same_interface(by, interface));
        let mut member = Membership::new(queue, interface);
        member.seen = generation;
        operator.memberships.push(member);
        if let Some(entry) = self.queues.get_mut(queue) {
            entry.memberships += 1;
        }
        self.touch_operator(key);
        self.touch_queue(queue);
        key
    }

    /// A member turned out to belong to another state interface than the one it was first known under.
    fn move_member(&mut self, from: OperatorKey, queue: QueueKey, interface: &str, now: Moment) {
        self.remove_membership(from, queue, interface, now);
        if self
            .operators
            .get(from)
            .is_some_and(|o| o.memberships.is_empty() && o.announced.is_none())
        {
            self.forget_operator(from);
        }
    }

    /// An operator nobody needs any more.
    pub(super) fn forget_operator(&mut self, key: OperatorKey) {
        if let Some(operator) = self.operators.remove(key) {
            self.operator_ids.remove(&operator.id);
            self.interfaces.retain(|_, &mut other| other != key);
            self.legs.retain(|_, &mut other| other != key);
            for channel in operator.channels {
                if let Some(entry) = self.channels.get_mut(channel) {
                    entry.operator = None;
                }
                self.touch_channel(channel);
            }
            self.gone.push((Table::Operators, operator.id));
        }
    }

    /// Take a membership away; its bucket leaves the queue's counts.
    pub(super) fn remove_membership(
        &mut self,
        key: OperatorKey,
        queue: QueueKey,
        interface: &str,
        now: Moment,
    ) {
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let Some(place) = operator
            .memberships
            .iter()
            .position(|m| m.queue == queue && same_interface(&m.interface, interface))
        else {
            return;
        };
        let member = operator.memberships.remove(place);
        operator.left.push((queue, member.interface.clone()));
        let logged_out = operator.memberships.is_empty();
        if let Some(entry) = self.queues.get_mut(queue) {
            entry.counts.shift(member.bucket, None);
            entry.memberships = entry.memberships.saturating_sub(1);
        }
        if logged_out {
            self.set_timer(now + LOGGED_OUT_KEPT, Timer::OperatorGone(key));
        }
        self.touch_operator(key);
        self.touch_queue(queue);
    }

    /// QueueMemberAdded, Status, Pause, Penalty, Ringinuse: each carries the member's whole body.
    pub(super) fn member_event(&mut self, event: &Message<'_>, kind: EventKind, now: Moment) {
        let since = (kind == EventKind::QueueMemberPause).then_some(now);
        self.member_body(event, since, now);
    }

    /// Apply a member's body; `paused_at` is when a pause began, if that is now.
    pub(super) fn member_body(&mut self, event: &Message<'_>, paused_at: Option<Moment>, now: Moment) {
        let (queue, interface) = (text(event, &["Queue"]), text(event, INTERFACE));
        if queue.is_empty() || interface.is_empty() {
            return;
        }
        self.name(|| RowName::Member(queue.clone().into_owned(), interface.clone().into_owned()));
        let state_interface = text(event, &["StateInterface"]);
        let state_interface = if state_interface.is_empty() {
            &interface
        } else {
            &state_interface
        };
        let queue = self.queue_named(&queue);
        let key = self.ensure_member(queue, &interface, state_interface, &text(event, MEMBER_NAME), now);
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let Some(member) = operator.membership(queue, &interface) else {
            return;
        };
        let before = member.clone();
        if let Some(value) = event.text("Membership") {
            set(&mut member.membership, &value);
        }
        if let Some(penalty) = number(event, "Penalty") {
            member.penalty = penalty;
        }
        if let Some(status) = number::<u8>(event, "Status").filter(|&status| status <= 8) {
            member.status = status;
        }
        if let Some(taken) = number(event, "CallsTaken") {
            member.calls_taken = taken;
        }
        if let Some(wrapup) = number(event, "Wrapuptime") {
            member.wrapup = wrapup;
        }
        if let Some(ringinuse) = RINGINUSE.iter().find_map(|name| flag(event, name)) {
            member.ringinuse = Some(ringinuse);
        }
        if event.get("LoginTime").is_some() {
            member.login_time = event.get("LoginTime").and_then(Moment::from_wire);
        }
        if event.get("LastCall").is_some() {
            member.last_call = event.get("LastCall").and_then(Moment::from_wire);
        }
        if let Some(paused) = flag(event, "Paused") {
            // An unpause may still carry the old reason (asterisk#395).
            let reason = if paused {
                text(event, PAUSED_REASON)
            } else {
                Cow::default()
            };
            set(&mut member.paused_reason, &reason);
            if !paused {
                member.paused_since = None;
            } else if !member.paused
                || member.paused_since.is_none()
                || (member.pause_listed && paused_at.is_some())
            {
                member.pause_listed = paused_at.is_none();
                member.paused_since = paused_at
                    .or_else(|| event.get("LastPause").and_then(Moment::from_wire))
                    .or(Some(now));
            }
            member.paused = paused;
        }
        let (changed, status) = (*member != before, member.status);
        // A second member on the same device may show what the device was: the device's own events tell more.
        if !operator.device_told && plain_interface(&interface) == operator.id && operator.device != status {
            operator.device = status;
            operator.device_stale = false;
            self.touch_operator(key);
        }
        if changed || self.overlaid {
            self.touch_operator(key);
            if before.paused != flag(event, "Paused").unwrap_or(before.paused) {
                self.touch_queue(queue);
            }
        }
    }

    /// QueueMemberRemoved: the operator stays, without this queue.
    pub(super) fn member_removed(&mut self, event: &Message<'_>, now: Moment) {
        let (name, interface) = (text(event, &["Queue"]), text(event, INTERFACE));
        self.name(|| RowName::Member(name.clone().into_owned(), interface.clone().into_owned()));
        let queue = self.queue_names.get(&*name).copied();
        // One interface may stand for another device in another queue: the event names the device.
        let device = text(event, &["StateInterface"]);
        let key = self
            .operator_ids
            .get(plain_interface(&device))
            .or_else(|| self.interfaces.get(plain_interface(&interface)))
            .copied();
        if let (Some(queue), Some(key)) = (queue, key) {
            self.remove_membership(key, queue, &interface, now);
        }
    }
}
