//! Bridge events, Local pairs, and the Bridge/Unlink of Asterisk 11.

use super::super::channel::Leg;
use super::super::dialect::EventKind;
use super::super::keys::ChannelKey;
use super::super::moment::Moment;
use super::{Facts, text};
use crate::ami::Message;

impl Facts {
    /// BridgeEnter; with `SwapUniqueid` the entering channel takes the place, and the part, of another.
    pub(super) fn bridge_enter(&mut self, event: &Message<'_>, now: Moment) {
        let Some(key) = self.snapshots(event, now) else {
            return;
        };
        let id = text(event, &["BridgeUniqueid"]);
        self.bridge_state(event);
        if let Some(swapped) = self.by_id(&text(event, &["SwapUniqueid"])) {
            self.hand_over(swapped, key, now);
            self.leave_bridge(swapped);
        }
        self.enter_bridge(key, &id);
        if event.get("BridgeType") == Some(b"basic") {
            self.spread_linkedid(key, now);
        }
        if let Some(channel) = self.channels.get_mut(key)
            && channel.leg == Leg::Finished
        {
            channel.leg = Leg::None;
        }
        self.classify_bridged(key, now);
    }

    /// BridgeLeave. A channel that left one bridge for another is not pulled out of the second by a late event.
    pub(super) fn bridge_leave(&mut self, event: &Message<'_>, now: Moment) {
        let Some(key) = self.snapshots(event, now) else {
            return;
        };
        let id = text(event, &["BridgeUniqueid"]);
        if self
            .channels
            .get(key)
            .is_some_and(|channel| channel.bridge == *id)
        {
            self.leave_bridge(key);
        }
    }

    /// What an event or a list item says of a bridge itself.
    pub(super) fn bridge_state(&mut self, event: &Message<'_>) {
        let id = text(event, &["BridgeUniqueid"]);
        let Some(holding) = event
            .get("BridgeTechnology")
            .map(|technology| technology == b"holding_bridge")
        else {
            return;
        };
        if let Some(bridge) = self.bridges.get_mut(&*id) {
            if std::mem::replace(&mut bridge.holding, holding) == holding {
                return;
            }
            let members = bridge.members.clone();
            for key in members {
                self.touch_around(key);
            }
        } else if !id.is_empty() && holding {
            self.bridges.entry(id.into_owned()).or_default().holding = true;
        }
    }

    /// BridgeDestroy: whoever is still in it is in it no longer.
    pub(super) fn bridge_destroy(&mut self, event: &Message<'_>) {
        if let Some(bridge) = self.bridges.remove(&*text(event, &["BridgeUniqueid"])) {
            for key in bridge.members {
                if let Some(channel) = self.channels.get_mut(key) {
                    channel.bridge.clear();
                    channel.on_hold = false;
                }
                self.touch_around(key);
            }
        }
    }

    /// Put a channel into a bridge, out of the one it stood in.
    pub(super) fn enter_bridge(&mut self, key: ChannelKey, id: &str) {
        if id.is_empty() {
            return self.leave_bridge(key);
        }
        let Some(channel) = self.channels.get(key) else {
            return;
        };
        if channel.bridge == id {
            return;
        }
        self.leave_bridge(key);
        if let Some(channel) = self.channels.get_mut(key) {
            id.clone_into(&mut channel.bridge);
        }
        let bridge = self.bridges.entry(id.to_owned()).or_default();
        bridge.members.push(key);
        for key in bridge.members.clone() {
            self.touch_around(key);
        }
    }

    /// A channel that enters a basic bridge brings the oldest Linkedid of all that meet there: Asterisk has given it
    /// to every member (ast_bridge_channel_update_linkedids) and tells it of the entering one only.
    fn spread_linkedid(&mut self, key: ChannelKey, now: Moment) {
        let Some(channel) = self.channels.get(key) else {
            return;
        };
        let Some(linkedid) = self.calls.get(channel.call).map(|call| call.id.clone()) else {
            return;
        };
        let members = self
            .bridges
            .get(&channel.bridge)
            .map(|bridge| bridge.members.clone())
            .unwrap_or_default();
        for member in members {
            self.set_linkedid(member, &linkedid, now);
        }
    }

    /// Take a channel out of its bridge; its hold ends with it.
    pub(super) fn leave_bridge(&mut self, key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        if channel.bridge.is_empty() {
            return;
        }
        let id = std::mem::take(&mut channel.bridge);
        channel.on_hold = false;
        if self.bridges.get(&id).is_some_and(|bridge| bridge.holding) {
            channel.parked = None;
        }
        self.touch_around(key);
        let Some(bridge) = self.bridges.get_mut(&id) else {
            return;
        };
        bridge.members.retain(|&other| other != key);
        let others = bridge.members.clone();
        if others.is_empty() {
            self.bridges.remove(&id);
        }
        for other in others {
            self.touch_around(other);
        }
    }

    /// LocalBridge joins two halves of one pair; LocalOptimizationEnd takes them out of the way. What the near half
    /// was to a queue goes over to the channel that took its place (SwapUniqueid shows it in the bridge itself).
    pub(super) fn local_pair(&mut self, event: &Message<'_>, kind: EventKind, now: Moment) {
        self.snapshots(event, now);
        if kind == EventKind::LocalOptimization
            && event
                .get("Success")
                .is_none_or(|success| success.eq_ignore_ascii_case(b"Yes"))
            && let Some(source) = self.by_id(&text(event, &["SourceUniqueid"]))
            && let Some(half) = self.by_id(&text(event, &["LocalOneUniqueid"]))
        {
            self.hand_over(half, source, now);
        }
    }

    /// A Local half goes out of the way of the channels behind it: the part it plays in queue calls goes over to the
    /// operator's own channel. Other swaps are transfers, and end the part instead.
    pub(super) fn hand_over(&mut self, from: ChannelKey, to: ChannelKey, now: Moment) {
        let Some(old) = self.channels.get(from).filter(|channel| channel.local) else {
            return;
        };
        let (old_id, leg, queue, call) = (old.id.clone(), old.leg, old.queue, old.call);
        let Some(&key) = self.legs.get(&old_id) else {
            return;
        };
        // Whichever end moved, the part goes to the operator's own phone, not to the caller's channel.
        let phones = self
            .operators
            .get(key)
            .into_iter()
            .flat_map(|operator| &operator.channels);
        let is_phone = |key: &&ChannelKey| {
            self.channels
                .get(**key)
                .is_some_and(|channel| !channel.local && channel.call == call)
        };
        let Some(to) = phones.copied().find(|&phone| phone == to).or_else(|| {
            self.operators
                .get(key)
                .and_then(|operator| operator.channels.iter().find(is_phone).copied())
        }) else {
            return;
        };
        let Some(new_id) = self.channels.get(to).map(|channel| channel.id.clone()) else {
            return;
        };
        self.tie_leg(&new_id, key, now);
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let services = operator
            .services
            .iter_mut()
            .filter_map(|service| service.dest.as_mut());
        let offers = operator.offers.iter_mut().filter_map(|offer| offer.dest.as_mut());
        for dest in services.chain(offers).filter(|dest| **dest == old_id) {
            dest.clone_from(&new_id);
        }
        self.untie_leg(&old_id, key);

        if let Some(channel) = self.channels.get_mut(to) {
            channel.leg = leg;
            channel.queue = queue;
        }
        if let Some(channel) = self.channels.get_mut(from) {
            channel.leg = Leg::Finished;
        }
        self.touch_operator(key);
        self.touch_around(to);
        self.touch_around(from);
    }

    /// `Bridge` of Asterisk 11: two channels by name and Uniqueid; the bridge itself has no name, the first's id serves.
    pub(super) fn bridge_legacy(&mut self, event: &Message<'_>, now: Moment) {
        let (one, two) = (
            self.by_id(&text(event, &["Uniqueid1"])),
            self.by_id(&text(event, &["Uniqueid2"])),
        );
        if event
            .get("Bridgestate")
            .is_some_and(|state| !state.eq_ignore_ascii_case(b"Link"))
        {
            return self.unlink_legacy(event);
        }
        let (Some(one), Some(two)) = (one, two) else {
            return;
        };
        let id = format!("link-{}", self.channels[one].id);
        self.enter_bridge(one, &id);
        self.enter_bridge(two, &id);
        self.link_calls(one, two, now);
        self.classify_bridged(one, now);
        self.classify_bridged(two, now);
    }

    /// `Unlink` of Asterisk 11.
    pub(super) fn unlink_legacy(&mut self, event: &Message<'_>) {
        for name in ["Uniqueid1", "Uniqueid2"] {
            if let Some(key) = self.by_id(&event.text(name).unwrap_or_default()) {
                self.leave_bridge(key);
            }
        }
    }
}
