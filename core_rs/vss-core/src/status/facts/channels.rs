//! Channel events: snapshots, dialplan steps, names, hold, hangup.

use super::super::call::Outcome;
use super::super::channel::{self, Channel, Leg, UP, interface_of, is_local, set, unless_unknown};
use super::super::dialect::{EventKind, PLAIN, SnapshotKeys};
use super::super::keys::ChannelKey;
use super::super::membership::plain_interface;
use super::super::moment::Moment;
use super::{Facts, RowName, Table, first, kind_of, number, text};
use crate::ami::Message;

impl Facts {
    /// Apply every channel snapshot in the event; the key of the first. Only the one without a prefix is as new as
    /// the event: a prefixed one (`DestChannel`, `ParkeeChannel`, …) may be older than what the channel's own events
    /// said, so it only makes a channel that nobody announced.
    pub(super) fn snapshots(&mut self, event: &Message<'_>, now: Moment) -> Option<ChannelKey> {
        let entry = kind_of(event)?;
        let mut first_key = None;
        for (place, keys) in entry.snapshots.iter().enumerate() {
            let key = self.snapshot(event, keys, now);
            if place == 0 {
                first_key = key;
            }
        }
        first_key
    }

    /// Apply one channel snapshot: fields that are there replace what was known. A channel nobody announced is
    /// made; one that hung up a moment ago stays gone.
    pub(super) fn snapshot(
        &mut self,
        event: &Message<'_>,
        keys: &SnapshotKeys,
        now: Moment,
    ) -> Option<ChannelKey> {
        let id = std::str::from_utf8(event.get(keys.uniqueid)?).ok()?;
        // `Channel: none`, `Uniqueid: none` is what a global Setvar shows.
        if id.is_empty() || id == "none" {
            return None;
        }
        let linkedid = event
            .get(keys.linkedid)
            .and_then(|id| std::str::from_utf8(id).ok())
            .filter(|id| !id.is_empty());
        let key = match self.channel_ids.get(id) {
            Some(&key) if !keys.fresh => return Some(key),
            Some(&key) => key,
            None if self.is_buried(id) => {
                self.late += 1;
                return None;
            }
            None => self.create(id, linkedid.unwrap_or(id), event, keys, now),
        };
        self.name(|| RowName::Channel(id.to_owned()));
        // Queue events of Asterisk 11 name the caller's Uniqueid beside the operator's channel: only a whole snapshot
        // tells the name of a channel that has one.
        let is_whole = event.get(keys.state).is_some()
            || self
                .channels
                .get(key)
                .is_some_and(|channel| channel.name.is_empty());
        if is_whole && let Some(name) = event.text(keys.channel) {
            self.set_name(key, &name);
        }
        if let Some(linkedid) = linkedid {
            self.set_linkedid(key, linkedid, now);
        }
        let generation = self.generation;
        let channel = self.channels.get_mut(key)?;
        channel.seen = generation;
        let mut changed = false;
        for (field, header) in [
            (&mut channel.caller.number, keys.caller_number),
            (&mut channel.caller.name, keys.caller_name),
            (&mut channel.connected.number, keys.connected_number),
            (&mut channel.connected.name, keys.connected_name),
        ] {
            if let Some(value) = event.text(header) {
                changed |= set(field, unless_unknown(&value));
            }
        }
        for (field, header) in [
            (&mut channel.language, keys.language),
            (&mut channel.account_code, keys.account_code),
            (&mut channel.context, keys.context),
            (&mut channel.exten, keys.exten),
        ] {
            if let Some(value) = event.text(header) {
                changed |= set(field, &value);
            }
        }
        if let Some(priority) =
            number::<u32>(event, keys.priority).filter(|&priority| priority != channel.priority)
        {
            channel.priority = priority;
            changed = true;
        }
        let state = number::<u8>(event, keys.state);
        if changed || self.overlaid {
            self.touch_channel(key);
        }
        if let Some(state) = state {
            self.set_state(key, state, now);
        }
        Some(key)
    }

    fn create(
        &mut self,
        id: &str,
        linkedid: &str,
        event: &Message<'_>,
        keys: &SnapshotKeys,
        now: Moment,
    ) -> ChannelKey {
        let name = event.text(keys.channel).unwrap_or_default();
        let call = self.call_named(linkedid, now);
        let key = self.channels.insert(Channel {
            id: id.to_owned(),
            call,
            outside: self.options.is_trunk(&name),
            created_at: now,
            ..Channel::default()
        });
        self.channel_ids.insert(id.to_owned(), key);
        self.set_name(key, &name);
        self.join_call(key, call, event, keys);
        self.touch_around(key);
        key
    }

    /// Give a channel its name, and to the operator whose phone it is.
    pub(super) fn set_name(&mut self, key: ChannelKey, name: &str) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        if channel.name == name {
            return;
        }
        if self.channel_names.get(&channel.name) == Some(&key) {
            self.channel_names.remove(&channel.name);
        }
        name.clone_into(&mut channel.name);
        channel.local = is_local(name);
        channel.outside = self.options.is_trunk(name);
        self.channel_names.insert(name.to_owned(), key);
        self.find_operator(key);
        self.touch_around(key);
    }

    /// Tie a channel to the operator whose interface its name shows.
    pub(super) fn find_operator(&mut self, key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        let found = interface_of(&channel.name)
            .and_then(|interface| self.interfaces.get(plain_interface(interface)))
            .copied()
            .filter(|_| !channel.outside);
        if channel.operator == found {
            return;
        }
        let before = std::mem::replace(&mut channel.operator, found);
        if let Some(before) = before {
            if let Some(operator) = self.operators.get_mut(before) {
                operator.channels.retain(|&other| other != key);
            }
            self.touch_operator(before);
        }
        if let Some(found) = found {
            if let Some(operator) = self.operators.get_mut(found) {
                operator.channels.push(key);
            }
            self.touch_operator(found);
        }
        self.touch_channel(key);
    }

    fn set_state(&mut self, key: ChannelKey, state: u8, now: Moment) {
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        if channel.state == state {
            return;
        }
        channel.state = state;
        if state == UP && channel.answered_at.is_none() {
            channel.answered_at = Some(now);
        }
        self.touch_around(key);
    }

    /// Newexten: what the dialplan does now. It also shows that a caller who left a queue goes on.
    pub(super) fn newexten(&mut self, event: &Message<'_>, now: Moment) {
        let Some(key) = self.snapshots(event, now) else {
            return;
        };
        let application = event.text("Application").unwrap_or_default();
        let data = event.text("AppData").unwrap_or_default();
        let Some(channel) = self.channels.get_mut(key) else {
            return;
        };
        let mut changed = set(&mut channel.application, &application);
        changed |= set(&mut channel.application_data, &data);
        // Asterisk 11 has no snapshot here, and calls the extension by its whole name.
        if event.get(PLAIN.exten).is_none()
            && let Some(exten) = event.text("Extension")
        {
            changed |= set(&mut channel.exten, &exten);
        }
        // A hangup handler or the `h` extension is not "going on".
        let going = !channel.hanging_up && channel.exten != "h";
        if changed {
            self.touch_channel(key);
        }
        if going {
            self.classify_exit(key, None, now);
        }
    }

    /// VarSet: only QUEUESTATUS has a meaning of its own.
    pub(super) fn varset(&mut self, event: &Message<'_>, now: Moment) {
        let key = self.snapshots(event, now);
        if event.get("Variable") != Some(b"QUEUESTATUS") {
            return;
        }
        let told = match event.get("Value").unwrap_or_default() {
            b"TIMEOUT" => Outcome::Timeout,
            b"LEAVEEMPTY" | b"LEAVEUNAVAIL" | b"WITHDRAW" | b"JOINEMPTY" | b"JOINUNAVAIL" => {
                Outcome::LeftEmpty
            }
            b"CONTINUE" => Outcome::ExitKey,
            _ => return,
        };
        if let Some(key) = key {
            self.classify_exit(key, Some(told), now);
        }
    }

    /// Rename (Asterisk 11: masquerade swaps names through `<MASQ>` and `<ZOMBIE>`).
    pub(super) fn rename(&mut self, event: &Message<'_>, _now: Moment) {
        let name = event
            .text("Newname")
            .or_else(|| event.text("NewName"))
            .unwrap_or_default();
        let old = event.text("Channel").unwrap_or_default();
        let id = event.text(PLAIN.uniqueid).unwrap_or_default();
        let key = self
            .channel_ids
            .get(&*id)
            .or_else(|| self.channel_names.get(&*old))
            .copied();
        if let (Some(key), false) = (key, name.is_empty()) {
            self.set_name(key, &name);
        }
    }

    /// HangupRequest, SoftHangupRequest: the channel is still there, but it does not go on.
    pub(super) fn hangup_request(&mut self, event: &Message<'_>, now: Moment) {
        if let Some(key) = self.snapshots(event, now)
            && let Some(channel) = self.channels.get_mut(key)
        {
            channel.hanging_up = true;
        }
    }

    /// Hold and Unhold set the flag of their sender. Asterisk 11 has one Hold event with `Status: On|Off`.
    pub(super) fn hold(&mut self, event: &Message<'_>, kind: EventKind, now: Moment) {
        let on = match event.get("Status") {
            Some(status) => status.eq_ignore_ascii_case(b"On"),
            None => kind == EventKind::Hold,
        };
        let key = self
            .snapshots(event, now)
            .or_else(|| self.by_id(&text(event, &["Uniqueid"])));
        if let Some(key) = key
            && let Some(channel) = self.channels.get_mut(key)
            && channel.on_hold != on
        {
            channel.on_hold = on;
            self.touch_around(key);
        }
    }

    /// The channel with this Uniqueid.
    pub(super) fn by_id(&self, id: &str) -> Option<ChannelKey> {
        self.channel_ids.get(id).copied()
    }

    /// Hangup: the channel goes, and with it whatever hung on it.
    pub(super) fn hangup(&mut self, event: &Message<'_>, now: Moment) {
        let Some(id) = first(event, &["Uniqueid"]).and_then(|id| std::str::from_utf8(id).ok()) else {
            return;
        };
        let cause = number(event, "Cause");
        self.name(|| RowName::Channel(id.to_owned()));
        if let Some(key) = self.by_id(id) {
            // The last snapshot tells the Linkedid the channel ended with.
            self.snapshot(event, &PLAIN, now);
            self.remove_channel(key, cause, now);
        } else {
            self.late += u64::from(self.is_buried(id));
            self.bury(id.to_owned(), now);
        }
    }

    /// Take a channel out of everything.
    pub(super) fn remove_channel(&mut self, key: ChannelKey, cause: Option<u32>, now: Moment) {
        self.keep_hung_up(key, cause, now);
        self.leave_bridge(key);
        let Some(channel) = self.channels.get(key) else {
            return;
        };
        let (id, call, operator) = (channel.id.clone(), channel.call, channel.operator);
        self.close_offers_of_leg(&id);
        self.end_services_of_leg(&id, now);
        self.drop_caller(&id, now);
        self.classify_gone(key, now);
        if let Some(entry) = self.calls.get_mut(call) {
            entry.channels.retain(|&other| other != key);
            let primary = entry.id == id;
            if primary || entry.hangup_cause.is_none() || entry.channels.is_empty() {
                entry.hangup_cause = cause.or(entry.hangup_cause);
            }
            if channel_was_heard(&self.channels[key]) {
                entry.picked_up = true;
            }
        }
        if let Some(operator) = operator {
            if let Some(entry) = self.operators.get_mut(operator) {
                entry.channels.retain(|&other| other != key);
                entry.device_stale = true;
            }
            self.touch_operator(operator);
        }
        if let Some(channel) = self.channels.remove(key) {
            self.channel_ids.remove(&channel.id);
            if self.channel_names.get(&channel.name) == Some(&key) {
                self.channel_names.remove(&channel.name);
            }
            self.gone.push((Table::Channels, channel.id));
        }
        self.legs.remove(&id);
        self.bury(id, now);
        self.touch_call(call);
    }
}

/// Whether a channel was up without a bridge: an announcement or a menu spoke to it.
fn channel_was_heard(channel: &Channel) -> bool {
    channel.answered_at.is_some() && channel.leg == Leg::None && channel.state == channel::UP
}
