//! An operator's place in one queue.

use super::channel::known;
use super::json::{Seconds, json_object};
use super::keys::QueueKey;
use super::moment::Moment;
use super::operator::{Bucket, DEVICE_STATES};

/// An operator's place in one queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// The queue.
    pub queue: QueueKey,
    /// What the queue dials.
    pub interface: String,
    /// `static`, `dynamic` or `realtime`.
    pub membership: String,
    /// Penalty.
    pub penalty: i32,
    /// Paused in this queue.
    pub paused: bool,
    /// Why, empty when not paused.
    pub paused_reason: String,
    /// Since when.
    pub paused_since: Option<Moment>,
    /// Device state as the queue sees it, 0 to 8.
    pub status: u8,
    /// Calls taken, as Asterisk counts.
    pub calls_taken: u32,
    /// End of the last call.
    pub last_call: Option<Moment>,
    /// Login to the queue.
    pub login_time: Option<Moment>,
    /// Wrap-up told by Asterisk, 0 when it tells none.
    pub wrapup: u32,
    /// Whether the device may be rung while in use.
    pub ringinuse: Option<bool>,
    /// Where it counts now.
    pub bucket: Option<Bucket>,
    /// `calls_taken` when the running call began.
    pub taken_before: Option<u32>,
    /// Number of the last list that named it (resync).
    pub seen: u32,
    /// The pause was told by a list of the running resync, to the second.
    pub pause_listed: bool,
}

impl Membership {
    /// A membership nothing is known of yet.
    pub fn new(queue: QueueKey, interface: &str) -> Self {
        Self {
            queue,
            interface: interface.to_owned(),
            membership: String::new(),
            penalty: 0,
            paused: false,
            paused_reason: String::new(),
            paused_since: None,
            status: 0,
            calls_taken: 0,
            last_call: None,
            login_time: None,
            wrapup: 0,
            ringinuse: None,
            bucket: None,
            taken_before: None,
            seen: 0,
            pause_listed: false,
        }
    }
}

/// Interfaces compare without the `/n` of a Local channel, which only forbids optimisation.
pub fn same_interface(one: &str, other: &str) -> bool {
    one == other || plain_interface(one) == plain_interface(other)
}

/// An interface without the options behind a Local channel (`/n`).
pub fn plain_interface(interface: &str) -> &str {
    match interface.get(..6) {
        Some(technology) if technology.eq_ignore_ascii_case("Local/") => interface[6..]
            .find('/')
            .map_or(interface, |slash| &interface[..6 + slash]),
        _ => interface,
    }
}

json_object! {
    /// A membership inside [`OperatorRow`].
    #[allow(missing_docs)]
    pub struct MembershipRow<'a> {
        pub queue: &'a str,
        pub interface: &'a str,
        pub membership: &'a str,
        pub penalty: i32,
        pub paused: bool,
        pub paused_reason: Option<&'a str>,
        pub paused_since: Option<Moment>,
        pub status: u8,
        pub status_name: &'static str,
        pub calls_taken: u32,
        pub last_call: Option<Moment>,
        pub in_call: bool,
        pub login_time: Option<Moment>,
        pub wrapup_seconds: Seconds,
        pub ringinuse: Option<bool>,
    }
}

impl<'a> MembershipRow<'a> {
    /// The row of one membership; `wrapup` in milliseconds.
    pub fn new(membership: &'a Membership, queue: &'a str, in_call: bool, wrapup: i64) -> Self {
        Self {
            queue,
            interface: &membership.interface,
            membership: &membership.membership,
            penalty: membership.penalty,
            paused: membership.paused,
            paused_reason: known(&membership.paused_reason),
            paused_since: membership.paused_since,
            status: membership.status,
            status_name: DEVICE_STATES[usize::from(membership.status.min(8))],
            calls_taken: membership.calls_taken,
            last_call: membership.last_call,
            in_call,
            login_time: membership.login_time,
            wrapup_seconds: Seconds(wrapup),
            ringinuse: membership.ringinuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_interface_is_the_same_with_and_without_its_options() {
        assert!(same_interface("Local/7@ctx/n", "Local/7@ctx"));
        assert!(!same_interface("Local/7@ctx/n", "Local/8@ctx"));
        assert!(!same_interface("PJSIP/1/a", "PJSIP/1"));
    }
}
