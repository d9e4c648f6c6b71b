//! The devices behind members: device states, hints, contacts, pool agents.

use std::borrow::Cow;

use super::super::channel::set;
use super::super::dialect::{AGENT, EventKind};
use super::super::keys::OperatorKey;
use super::super::membership::plain_interface;
use super::super::moment::Moment;
use super::super::operator::device_state;
use super::members::LOGGED_OUT_KEPT;
use super::timers::Timer;
use super::{Facts, number, text};
use crate::ami::Message;

/// So many live contacts of one phone are remembered.
const MAX_CONTACTS: usize = 16;

impl Facts {
    /// DeviceStateChange. A member's `Status` is not touched: Asterisk itself tells it per member.
    pub(super) fn device_state_change(&mut self, event: &Message<'_>, _now: Moment) {
        let device = text(event, &["Device"]);
        if let Some(&key) = self.operator_ids.get(plain_interface(&device))
            && let Some(state) = device_state(&text(event, &["State"]))
        {
            self.set_device(key, state);
        }
    }

    fn set_device(&mut self, key: OperatorKey, state: u8) {
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        operator.device_told = true;
        let mut changed = operator.device != state || operator.device_stale;
        operator.device = state;
        operator.device_stale = false;
        // A device that answers has a contact, whatever was said of one of several.
        if !matches!(state, 0 | 4 | 5) && !operator.contact_lost.is_empty() {
            operator.contact_lost.clear();
            changed = true;
        }
        if changed || self.overlaid {
            self.touch_operator(key);
        }
    }

    /// ExtensionStatus: the device state of members known by a hint.
    pub(super) fn extension_status(&mut self, event: &Message<'_>, _now: Moment) {
        let hint = format!("hint:{}@{}", text(event, &["Exten"]), text(event, &["Context"]));
        let Some(&key) = self.operator_ids.get(&hint) else {
            return;
        };
        // Bits of ast_extension_states: 1 in use, 2 busy, 4 unavailable, 8 ringing, 16 on hold.
        let state = match number::<i32>(event, "Status") {
            Some(0) => 1,
            Some(1) => 2,
            Some(2) => 3,
            Some(4) => 5,
            Some(8) => 6,
            Some(9) => 7,
            Some(16 | 17) => 8,
            Some(_) => 4,
            None => return,
        };
        self.set_device(key, state);
    }

    /// PeerStatus, ContactStatus: whether the phone can be reached at all.
    pub(super) fn contact_status(&mut self, event: &Message<'_>, kind: EventKind, _now: Moment) {
        let (id, status) = if kind == EventKind::PeerStatus {
            (text(event, &["Peer"]).into_owned(), text(event, &["PeerStatus"]))
        } else {
            (
                format!("PJSIP/{}", text(event, &["EndpointName", "AOR"])),
                text(event, &["ContactStatus"]),
            )
        };
        let Some(&key) = self.operator_ids.get(&id) else {
            return;
        };
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let lost = match &*status {
            "Unreachable" | "Removed" | "Unregistered" => &*status,
            // A registration with a wrong secret says nothing about the phone that is registered.
            "Rejected" => return,
            _ => "",
        };
        // A phone that registers from another port, or one of two on an address, goes and leaves a contact that lives.
        let uri = text(event, &["URI"]);
        operator.live_contacts.retain(|known| *known != *uri);
        if lost.is_empty() && !uri.is_empty() {
            operator.live_contacts.truncate(MAX_CONTACTS - 1);
            operator.live_contacts.insert(0, uri.into_owned());
        }
        let lost = if operator.live_contacts.is_empty() {
            lost
        } else {
            ""
        };
        if set(&mut operator.contact_lost, lost) || self.overlaid {
            self.touch_operator(key);
        }
    }

    /// AgentLogin, AgentLogoff, an item of the Agents list: logged in by the agent pool, whatever the queues say.
    pub(super) fn agent_login(&mut self, event: &Message<'_>, kind: EventKind, now: Moment) {
        let agent = text(event, AGENT);
        if agent.is_empty() {
            return;
        }
        let logged_in = match kind {
            EventKind::AgentLogin => true,
            EventKind::AgentLogoff => false,
            _ => event
                .get("Status")
                .is_some_and(|status| status != b"AGENT_LOGGEDOFF"),
        };
        let number = agent.trim_start_matches("Agent/");
        // A queue member knows an agent of app_agent_pool by its device, `Agent:12`.
        let device = format!("Agent:{number}");
        let id = if self.operator_ids.contains_key(&device) {
            device
        } else {
            format!("Agent/{number}")
        };
        if !logged_in && !self.operator_ids.contains_key(&id) {
            return;
        }
        let key = self.operator_named(&id, now);
        let name = if kind == EventKind::Agents {
            text(event, &["Name"])
        } else {
            Cow::default()
        };
        let Some(operator) = self.operators.get_mut(key) else {
            return;
        };
        let mut changed = !name.is_empty() && operator.name.is_empty() && set(&mut operator.name, &name);
        changed |= operator.agent_logged_in != logged_in;
        operator.agent_logged_in = logged_in;
        if changed && !logged_in && operator.memberships.is_empty() {
            self.set_timer(now + LOGGED_OUT_KEPT, Timer::OperatorGone(key));
        }
        if changed {
            self.touch_operator(key);
        }
    }
}
