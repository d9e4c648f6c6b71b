//! An operator: one state interface, across all its queues.
//!
//! Three inputs are kept apart, and the state is derived from them, highest rule first:
//!
//! ```text
//!   intent        QueueMemberAdded / Removed / Pause        available | paused | logged_out
//!   reachable     device state, contact, peer               true | false
//!   activity      own channels, AgentCalled … AgentComplete, hold, wrap-up timer
//!
//!   1 no membership, not agent-logged-in ─▶ logged_out      6 rung, or device rings ────────▶ ringing
//!   2 device or contact gone ────────────▶ unreachable      7 wrap-up timer runs ───────────▶ wrap_up
//!   3 in a call, hold flag ──────────────▶ on_hold          8 paused in all queues ─────────▶ paused
//!   4 AgentConnect … AgentComplete ──────▶ talking          9 paused in some ─▶ available + paused_queues
//!   5 own channel up, device in use ─────▶ other_call      10 else ─────────▶ available
//!
//!   one queue call, as the operator sees it:
//!   AgentCalled ─▶ ringing ──AgentConnect──▶ talking ◀─Hold/Unhold─▶ on_hold ──AgentComplete──▶ wrap_up ──timer──▶ available
//!                     └─ RingNoAnswer, DialEnd, Hangup of the leg ─▶ as before
//! ```
//!
//! Pause is per queue: a membership has its own flag, the operator is paused only when every membership is.

use super::json::{json_name, json_object};
use super::keys::{CallKey, ChannelKey, QueueKey};
use super::mark::Mark;
use super::membership::{Membership, MembershipRow, same_interface};
use super::moment::Moment;

/// Asterisk's device states, in the order of a queue member's `Status` (0 to 8).
pub const DEVICE_STATES: [&str; 9] = [
    "UNKNOWN",
    "NOT_INUSE",
    "INUSE",
    "BUSY",
    "INVALID",
    "UNAVAILABLE",
    "RINGING",
    "RINGINUSE",
    "ONHOLD",
];

/// The number of a device state's name; `None` for a name Asterisk does not have.
pub fn device_state(name: &str) -> Option<u8> {
    DEVICE_STATES
        .iter()
        .position(|state| state.eq_ignore_ascii_case(name))
        .map(|place| place as u8)
}

json_name! {
    /// What the operator wants.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Intent {
        Available = "available",
        Paused = "paused",
        #[default]
        LoggedOut = "logged_out",
    }
}

json_name! {
    /// What the operator does.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Activity {
        #[default]
        Idle = "idle",
        Ringing = "ringing",
        Talking = "talking",
        OnHold = "on_hold",
        WrapUp = "wrap_up",
        OtherCall = "other_call",
    }
}

json_name! {
    /// The derived state.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[allow(missing_docs)]
    pub enum OperatorState {
        #[default]
        LoggedOut = "logged_out",
        Unreachable = "unreachable",
        OnHold = "on_hold",
        Talking = "talking",
        OtherCall = "other_call",
        Ringing = "ringing",
        WrapUp = "wrap_up",
        Paused = "paused",
        Available = "available",
    }
}

/// Where a membership counts in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Bucket {
    Available,
    Ringing,
    Talking,
    OnHold,
    WrapUp,
    Paused,
    Unreachable,
}

/// A queue rings this operator for a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The queue.
    pub queue: QueueKey,
    /// Uniqueid of the waiting channel.
    pub caller: String,
    /// Uniqueid of the rung leg, when told.
    pub dest: Option<String>,
    /// The call.
    pub call: CallKey,
}

/// The operator serves a caller, between AgentConnect and AgentComplete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The queue.
    pub queue: QueueKey,
    /// What the queue dialled.
    pub interface: String,
    /// Uniqueid of the caller's channel.
    pub caller: String,
    /// Uniqueid of the operator's leg, when told.
    pub dest: Option<String>,
    /// The call.
    pub call: CallKey,
    /// Since when.
    pub since: Moment,
}

impl Service {
    /// Uniqueid of the channel it hangs on: the operator's leg, or the caller where no leg was told.
    pub fn leg(&self) -> &str {
        self.dest.as_deref().unwrap_or(&self.caller)
    }
}

/// One operator.
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own, told by events of its own
#[derive(Clone, Debug, Default)]
pub struct Operator {
    /// State interface, such as `PJSIP/1001`.
    pub id: String,
    /// The number in it, such as `1001`.
    pub extension: String,
    /// Display name.
    pub name: String,
    /// Places in queues.
    pub memberships: Vec<Membership>,
    /// Queues left, by interface: a call that was under way then does not bring the membership back.
    pub left: Vec<(QueueKey, String)>,
    /// Device state, 0 to 8.
    pub device: u8,
    /// The device's own events or list told its state, not only a queue.
    pub device_told: bool,
    /// The device state is older than the end of the last own channel: it may still say "in use".
    pub device_stale: bool,
    /// What contact or peer events said; empty for nothing bad.
    pub contact_lost: String,
    /// Contacts that events called alive and nothing called lost since, newest first.
    pub live_contacts: Vec<String>,
    /// Logged in by an agent pool.
    pub agent_logged_in: bool,
    /// Own live channels.
    pub channels: Vec<ChannelKey>,
    /// Queues ring for these callers.
    pub offers: Vec<Offer>,
    /// Callers being served.
    pub services: Vec<Service>,
    /// End of the running wrap-up.
    pub wrap_up_ends: Option<Moment>,
    /// Derived state.
    pub state: OperatorState,
    /// Since when; changes only with `state`.
    pub since: Moment,
    /// Pause reason, or the cause of the state.
    pub reason: String,
    /// What the operator wants.
    pub intent: Intent,
    /// What the operator does.
    pub activity: Activity,
    /// Whether a call could reach the phone.
    pub reachable: bool,
    /// The state last told in an event.
    pub announced: Option<OperatorState>,
    /// Sequence, age, encoded row.
    pub mark: Mark,
}

/// What the own channels say, gathered by the board.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChannelFacts {
    /// One is in a call that no queue gave, or is dialling out.
    pub other_call: bool,
    /// One holds its other side.
    pub on_hold: bool,
    /// There is at least one.
    pub any: bool,
}

/// The three inputs' verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Derived {
    pub state: OperatorState,
    pub intent: Intent,
    pub activity: Activity,
    pub reachable: bool,
    pub reason: String,
}

impl Operator {
    /// Derive the state; `queue_name` names the queue of a service.
    pub fn derive(&self, channels: ChannelFacts, queue_name: impl Fn(QueueKey) -> String) -> Derived {
        let paused = self.memberships.iter().filter(|m| m.paused).count();
        let intent = match (self.memberships.is_empty(), self.agent_logged_in) {
            (true, false) => Intent::LoggedOut,
            (false, _) if paused == self.memberships.len() => Intent::Paused,
            _ => Intent::Available,
        };
        let reachable = !matches!(self.device, 4 | 5) && self.contact_lost.is_empty();
        // A device on its own speaks only where no channel does: after a hangup it says "in use" a moment longer.
        let device_in_use = !channels.any
            && !self.device_stale
            && self.offers.is_empty()
            && matches!(self.device, 2 | 3 | 7 | 8);
        let serving = !self.services.is_empty();
        let other = channels.other_call || (device_in_use && !serving);
        let held = channels.on_hold || (self.device == 8 && !self.device_stale);
        let activity = if (serving || other) && held {
            Activity::OnHold
        } else if serving {
            Activity::Talking
        } else if other {
            Activity::OtherCall
        } else if !self.offers.is_empty() || (matches!(self.device, 6 | 7) && !self.device_stale) {
            Activity::Ringing
        } else if self.wrap_up_ends.is_some() {
            Activity::WrapUp
        } else {
            Activity::Idle
        };
        let (state, reason) = if intent == Intent::LoggedOut {
            (OperatorState::LoggedOut, String::new())
        } else if !reachable {
            let cause = if self.contact_lost.is_empty() {
                DEVICE_STATES[usize::from(self.device.min(8))]
            } else {
                &self.contact_lost
            };
            (OperatorState::Unreachable, cause.to_owned())
        } else {
            let queue = || {
                self.services
                    .first()
                    .map_or_else(String::new, |service| queue_name(service.queue))
            };
            match activity {
                Activity::OnHold => (OperatorState::OnHold, queue()),
                Activity::Talking => (OperatorState::Talking, queue()),
                Activity::OtherCall => (OperatorState::OtherCall, String::new()),
                Activity::Ringing => (
                    OperatorState::Ringing,
                    self.offers
                        .first()
                        .map_or_else(String::new, |offer| queue_name(offer.queue)),
                ),
                Activity::WrapUp => (OperatorState::WrapUp, String::new()),
                Activity::Idle if intent == Intent::Paused => {
                    let reason = self
                        .memberships
                        .iter()
                        .map(|m| &m.paused_reason)
                        .find(|reason| !reason.is_empty());
                    (OperatorState::Paused, reason.cloned().unwrap_or_default())
                }
                Activity::Idle => (OperatorState::Available, String::new()),
            }
        };
        Derived {
            state,
            intent,
            activity,
            reachable,
            reason,
        }
    }

    /// Where the membership at `place` counts, given the derived state. An operator counts once per queue: a second
    /// membership of the same queue (a Local member on the same phone) counts nowhere.
    pub fn bucket_at(&self, place: usize) -> Option<Bucket> {
        let queue = self.memberships.get(place)?.queue;
        if self
            .memberships
            .iter()
            .take(place)
            .any(|member| member.queue == queue)
        {
            return None;
        }
        let paused = self
            .memberships
            .iter()
            .filter(|member| member.queue == queue)
            .all(|member| member.paused);
        Some(match self.state {
            OperatorState::Unreachable => Bucket::Unreachable,
            OperatorState::OnHold => Bucket::OnHold,
            OperatorState::Talking | OperatorState::OtherCall => Bucket::Talking,
            OperatorState::Ringing => Bucket::Ringing,
            OperatorState::WrapUp => Bucket::WrapUp,
            _ if paused => Bucket::Paused,
            _ => Bucket::Available,
        })
    }

    /// The membership of `queue` through `interface`.
    pub fn membership(&mut self, queue: QueueKey, interface: &str) -> Option<&mut Membership> {
        self.memberships
            .iter_mut()
            .find(|m| m.queue == queue && same_interface(&m.interface, interface))
    }
}

/// The number inside an interface: `PJSIP/1001` → `1001`, `Local/7@ctx/n` → `7`, `hint:998@ext` → `998`.
pub fn extension_of(interface: &str) -> &str {
    let number = match interface.split_once(['/', ':']) {
        Some((_, number)) => number,
        None => interface,
    };
    number.split(['@', '/']).next().unwrap_or(number)
}

json_object! {
    /// The row of an operator, without `seq` and `as_of`.
    #[allow(missing_docs)] // the fields are described in docs/rows.md
    pub struct OperatorRow<'a> {
        pub source: &'a str,
        pub id: &'a str,
        pub extension: &'a str,
        pub name: &'a str,
        pub state: OperatorState,
        pub since: Moment,
        pub reason: Option<&'a str>,
        pub intent: Intent,
        pub activity: Activity,
        pub reachable: bool,
        pub device_state: &'static str,
        pub memberships: Vec<MembershipRow<'a>>,
        pub paused_queues: Vec<&'a str>,
        pub channels: Vec<&'a str>,
        pub call: Option<&'a str>,
        pub wrap_up_ends: Option<Moment>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_is_the_number_in_the_interface() {
        for (interface, extension) in [
            ("PJSIP/1001", "1001"),
            ("Local/7@ctx/n", "7"),
            ("hint:998@ext-local", "998"),
            ("Agent/12", "12"),
            ("odd", "odd"),
        ] {
            assert_eq!(extension_of(interface), extension);
        }
    }
}
