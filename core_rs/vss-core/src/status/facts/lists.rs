//! Items of snapshot lists. What they name carries the generation of the resync; `sweep` removes the rest.

use std::hash::{Hash, Hasher};

use super::super::channel::unless_unknown;
use super::super::dialect::{BRIDGE_ID, EventKind, PLAIN};
use super::super::keys::ChannelKey;
use super::super::moment::Moment;
use super::{Facts, RowName, number, text};
use crate::ami::Message;

/// No channel lives and nobody waits longer, seconds (a year): a list that says so must not overflow a time.
const MAX_AGE: i64 = 366 * 86_400;

/// A list a resync asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names are Asterisk's actions
pub enum ListKind {
    CoreShowChannels,
    BridgeList,
    QueueStatus,
    DeviceStateList,
    ExtensionStateList,
    Agents,
}

impl ListKind {
    /// The list of an action.
    pub fn of_action(action: &str) -> Option<Self> {
        Some(match action {
            "CoreShowChannels" => Self::CoreShowChannels,
            "BridgeList" => Self::BridgeList,
            "QueueStatus" => Self::QueueStatus,
            "DeviceStateList" => Self::DeviceStateList,
            "ExtensionStateList" => Self::ExtensionStateList,
            "Agents" => Self::Agents,
            _ => return None,
        })
    }
}

impl Facts {
    /// Apply one item of a list. `now` is when it arrived.
    pub fn apply_item(&mut self, item: &Message<'_>, kind: EventKind, now: Moment) {
        self.as_of = self.as_of.max(now);
        match kind {
            EventKind::CoreShowChannel => self.listed_channel(item, now),
            EventKind::BridgeState => self.bridge_state(item),
            EventKind::QueueParams => self.queue_params(item),
            EventKind::QueueMember => self.member_body(item, None, now),
            EventKind::QueueEntry => self.listed_caller(item, now),
            EventKind::DeviceStateChange => self.device_state_change(item, now),
            EventKind::ExtensionStatus => self.extension_status(item, now),
            EventKind::Agents => self.agent_login(item, kind, now),
            _ => {}
        }
    }

    fn listed_channel(&mut self, item: &Message<'_>, now: Moment) {
        let is_new = self.by_id(&text(item, &["Uniqueid"])).is_none();
        let Some(key) = self.snapshot(item, &PLAIN, now) else {
            return;
        };
        let bridge = text(item, BRIDGE_ID);
        self.enter_bridge(key, &bridge);
        let (application, data) = (text(item, &["Application"]), text(item, &["ApplicationData"]));
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        if is_new {
            channel.listed = true;
            channel.created_at = now + -duration(&text(item, &["Duration"]));
            let (call, created_at) = (channel.call, channel.created_at);
            if channel.answered_at.is_some() {
                channel.answered_at = Some(created_at);
            }
            if let Some(call) = self.calls.get_mut(call) {
                call.started_at = call.started_at.min(created_at);
            }
        }
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        if channel.application != *application || channel.application_data != *data {
            channel.application = application.into_owned();
            channel.application_data = data.into_owned();
            self.touch_channel(key);
        }
    }

    fn queue_params(&mut self, item: &Message<'_>) {
        let name = text(item, &["Queue"]);
        if name.is_empty() {
            return;
        }
        let key = self.queue_named(&name);
        let generation = self.generation;
        let strategy = text(item, &["Strategy"]);
        let Some(queue) = self.queues.get_mut(key) else {
            return;
        };
        queue.seen = generation;
        let before = (
            queue.strategy.clone(),
            queue.weight,
            queue.max,
            queue.service_level,
        );
        queue.strategy = strategy.into_owned();
        queue.weight = number(item, "Weight").unwrap_or(queue.weight);
        queue.max = number(item, "Max").unwrap_or(queue.max);
        queue.service_level = number(item, "ServiceLevel").unwrap_or(queue.service_level);
        if before
            != (
                queue.strategy.clone(),
                queue.weight,
                queue.max,
                queue.service_level,
            )
        {
            self.touch_queue(key);
        }
    }

    fn listed_caller(&mut self, item: &Message<'_>, now: Moment) {
        let id = text(item, &["Uniqueid"]);
        let Some(channel) = self.by_id(&id).or_else(|| self.snapshot(item, &PLAIN, now)) else {
            return;
        };
        let queue = self.queue_named(&text(item, &["Queue"]));
        let place = number::<usize>(item, "Position").unwrap_or(1).saturating_sub(1);
        let wait = number::<i64>(item, "Wait").unwrap_or(0).clamp(0, MAX_AGE) * 1000;
        if self.add_caller(queue, channel, place, now + -wait) {
            if let Some(caller) = self
                .queues
                .get_mut(queue)
                .and_then(|line| line.callers.iter_mut().find(|c| c.id == *id))
            {
                caller.listed = true;
            }
        } else if let Some(line) = self.queues.get_mut(queue)
            && let Some(old) = line.place_of(&id)
            && old != place.min(line.callers.len() - 1)
        {
            let caller = line.callers.remove(old);
            let place = place.min(line.callers.len());
            line.callers.insert(place, caller);
            self.touch_queue(queue);
        }
        self.caller_told(queue, &id, item);
    }

    /// The lists are over: what they made is as good as anything else from now on.
    pub fn forget_listed(&mut self) {
        for channel in self.channels.values_mut() {
            channel.listed = false;
        }
        for caller in self.queues.values_mut().flat_map(|queue| &mut queue.callers) {
            caller.listed = false;
        }
        for member in self
            .operators
            .values_mut()
            .flat_map(|operator| &mut operator.memberships)
        {
            member.pause_listed = false;
        }
    }

    /// A channel that a list made, and whose Newchannel was among the events kept: it is made again from that, with
    /// its exact times.
    pub(super) fn unmake(&mut self, key: ChannelKey) {
        self.leave_bridge(key);
        let Some(channel) = self.channels.remove(key) else {
            return;
        };
        if let Some(queue) = channel.waits_in
            && let Some(caller) = self.take_caller(queue, &channel.id)
        {
            self.close_offers_for(&caller);
        }
        self.channel_ids.remove(&channel.id);
        if self.channel_names.get(&channel.name) == Some(&key) {
            self.channel_names.remove(&channel.name);
        }
        if let Some(operator) = channel.operator.and_then(|key| self.operators.get_mut(key)) {
            operator.channels.retain(|&other| other != key);
        }
        let Some(call) = self.calls.get_mut(channel.call) else {
            return;
        };
        call.channels.retain(|&other| other != key);
        call.visits.retain(|visit| visit.channel != channel.id);
        if call.channels.is_empty()
            && call.announced.is_none()
            && let Some(call) = self.calls.remove(channel.call)
        {
            self.call_ids.remove(&call.id);
        }
    }

    /// The account of one listed row, without what changes by the clock: for comparing two passes.
    pub fn fingerprint(item: &Message<'_>, kind: EventKind) -> Option<(RowName, u64)> {
        let name = match kind {
            EventKind::CoreShowChannel => RowName::Channel(text(item, &["Uniqueid"]).into_owned()),
            EventKind::QueueMember => RowName::Member(
                text(item, &["Queue"]).into_owned(),
                text(item, &["Location", "Interface"]).into_owned(),
            ),
            EventKind::QueueEntry => RowName::Caller(
                text(item, &["Queue"]).into_owned(),
                text(item, &["Uniqueid"]).into_owned(),
            ),
            _ => return None,
        };
        let mut hasher = rustc_hash::FxHasher::default();
        for header in item.headers() {
            let moves = [
                &b"ActionID"[..],
                b"Duration",
                b"Wait",
                b"CallsTaken",
                b"LastCall",
                b"InCall",
                b"Application",
                b"ApplicationData",
            ];
            if !moves.contains(&header.key) {
                header.key.hash(&mut hasher);
                unless_unknown(std::str::from_utf8(header.value).unwrap_or_default()).hash(&mut hasher);
            }
        }
        Some((name, hasher.finish()))
    }
}

/// `HH:MM:SS` in milliseconds.
fn duration(text: &str) -> i64 {
    text.split(':')
        .try_fold(0_i64, |sum, part| {
            Some(sum.checked_mul(60)? + part.parse::<i64>().ok()?.clamp(0, 1_000_000))
        })
        .unwrap_or(0)
        .min(MAX_AGE)
        * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("01:02:03"), 3_723_000);
        assert_eq!(duration("nonsense"), 0);
        assert_eq!(duration(""), 0);
        assert_eq!(duration("1000000:0:0:0:0:0:0"), MAX_AGE * 1000);
    }
}
