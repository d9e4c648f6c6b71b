//! A channel: one leg of a call, from Newchannel to Hangup, known by its Uniqueid.
//!
//! ```text
//!                    Newstate, and every other event that carries a snapshot
//!                         ┌────────────────┐
//!   Newchannel  ┌─────────┴──┐             │     HangupRequest    ┌────────────┐  Hangup
//!  ────────────▶│ live       │◀────────────┘ ───────────────────▶ │ hanging up │ ────────▶ tombstone ──60 s──▶ gone
//!  (or any event│ state 0–10 │                                    └────────────┘              ▲
//!   that names  └─────┬──────┘ ───────────────────────── Hangup ───────────────────────────────┘
//!   it: lazy)         │ Hold / Unhold, ParkedCall / UnParkedCall, BridgeEnter / BridgeLeave: flags beside the state
//! ```
//!
//! A late event about a channel whose tombstone stands does not bring it back.

use super::json::json_object;
use super::keys::{CallKey, OperatorKey, QueueKey};
use super::mark::Mark;
use super::moment::Moment;

/// The channel state `Up`: both sides hear each other.
pub const UP: u8 = 6;
/// The channel state `Ringing`: the far end rings.
pub const RINGING: u8 = 5;
/// The channel state `Ring`: this end has dialled.
pub const RING: u8 = 4;
/// The channel state `Dialing`.
pub const DIALING: u8 = 3;

/// The name of a channel state, as Asterisk writes it in `ChannelStateDesc`.
pub fn state_name(state: u8) -> &'static str {
    match state {
        0 => "Down",
        1 => "Rsrvd",
        2 => "OffHook",
        DIALING => "Dialing",
        RING => "Ring",
        RINGING => "Ringing",
        UP => "Up",
        7 => "Busy",
        8 => "Dialing Offhook",
        9 => "Pre-ring",
        _ => "Unknown",
    }
}

/// What a channel is to the queue call it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leg {
    /// Nothing to do with a queue.
    #[default]
    None,
    /// Rung by a queue (AgentCalled), or answered and not yet connected.
    Offered,
    /// The operator's side of a queue call, between AgentConnect and AgentComplete.
    Served,
    /// That queue call is over; the channel is about to go.
    Finished,
}

/// One live channel.
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own, told by events of its own
#[derive(Clone, Debug, Default)]
pub struct Channel {
    /// Uniqueid.
    pub id: String,
    /// Name, such as `PJSIP/1001-0000000b`.
    pub name: String,
    /// 0 to 10, see [`state_name`].
    pub state: u8,
    /// The caller as the channel shows it; empty strings are unknown.
    pub caller: Party,
    /// Whom it is connected to.
    pub connected: Party,
    /// Dialplan context.
    pub context: String,
    /// Dialplan extension.
    pub exten: String,
    /// Dialplan priority.
    pub priority: u32,
    /// Dialplan application running now.
    pub application: String,
    /// Its arguments.
    pub application_data: String,
    /// Account code.
    pub account_code: String,
    /// Language.
    pub language: String,
    /// The call it belongs to (Linkedid).
    pub call: CallKey,
    /// The bridge it stands in, empty for none.
    pub bridge: String,
    /// It put the other side on hold.
    pub on_hold: bool,
    /// The queue it waits in or is served by.
    pub queue: Option<QueueKey>,
    /// The queue whose line it stands in.
    pub waits_in: Option<QueueKey>,
    /// Whose phone it is.
    pub operator: Option<OperatorKey>,
    /// When it was created.
    pub created_at: Moment,
    /// When it first came up.
    pub answered_at: Option<Moment>,
    /// A hangup was asked for.
    pub hanging_up: bool,
    /// Where it is parked.
    pub parked: Option<String>,
    /// Its part in a queue call.
    pub leg: Leg,
    /// It is an outside line.
    pub outside: bool,
    /// It is one half of a Local pair.
    pub local: bool,
    /// Number of the last list that named it (resync).
    pub seen: u32,
    /// Made by a list of the running resync; its own Newchannel, if it is among the events kept, knows better.
    pub listed: bool,
    /// Sequence, age, encoded row.
    pub mark: Mark,
}

impl Channel {
    /// Where it is in the dialplan: context, extension, priority.
    pub fn place(&self) -> (String, String, u32) {
        (self.context.clone(), self.exten.clone(), self.priority)
    }
}

/// A number and a name; empty strings are unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// The number.
    pub number: String,
    /// The name.
    pub name: String,
}

json_object! {
    /// [`Party`] as it stands in rows: what is unknown is null.
    pub struct PartyRow<'a> {
        number: Option<&'a str>,
        name: Option<&'a str>,
    }
}

impl<'a> From<&'a Party> for PartyRow<'a> {
    fn from(party: &'a Party) -> Self {
        Self {
            number: known(&party.number),
            name: known(&party.name),
        }
    }
}

json_object! {
    /// The row of a channel, without `seq` and `as_of`.
    #[allow(missing_docs)] // the fields are described in docs/rows.md
    pub struct ChannelRow<'a> {
        pub source: &'a str,
        pub id: &'a str,
        pub name: &'a str,
        pub state: u8,
        pub state_name: &'static str,
        pub caller: PartyRow<'a>,
        pub connected: PartyRow<'a>,
        pub context: &'a str,
        pub exten: &'a str,
        pub priority: u32,
        pub application: &'a str,
        pub application_data: &'a str,
        pub linkedid: &'a str,
        pub bridge_id: Option<&'a str>,
        pub bridge_peers: Vec<&'a str>,
        pub on_hold: bool,
        pub queue: Option<&'a str>,
        pub operator: Option<&'a str>,
        pub account_code: &'a str,
        pub language: &'a str,
        pub created_at: Moment,
        pub answered_at: Option<Moment>,
    }
}

/// `None` for an empty text: null in a row.
pub fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// What Asterisk writes for a number or name it does not know, as nothing.
pub fn unless_unknown(text: &str) -> &str {
    match text {
        "<unknown>" | "unknown" | "<Unknown>" => "",
        known => known,
    }
}

/// Replace `field` by `value`; true when it differed.
pub fn set(field: &mut String, value: &str) -> bool {
    if field == value {
        return false;
    }
    value.clone_into(field);
    true
}

/// The interface a channel name belongs to: `PJSIP/1001-0000000b` → `PJSIP/1001`, `Local/9@q-0001;1` → `Local/9@q`.
/// `None` for the far half of a Local pair, which is nobody's phone.
pub fn interface_of(channel: &str) -> Option<&str> {
    let name = match channel.rsplit_once(';') {
        Some((_, "2")) => return None,
        Some((name, _)) => name,
        None => channel,
    };
    name.rsplit_once('-').map(|(interface, _)| interface)
}

/// The other half of a Local pair: `…;1` ↔ `…;2`.
pub fn other_half(channel: &str) -> Option<String> {
    match channel.rsplit_once(';')? {
        (pair, "1") => Some(format!("{pair};2")),
        (pair, "2") => Some(format!("{pair};1")),
        _ => None,
    }
}

/// Whether a channel name is one half of a Local pair.
pub fn is_local(channel: &str) -> bool {
    channel
        .get(..6)
        .is_some_and(|technology| technology.eq_ignore_ascii_case("Local/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_name_tells_the_interface() {
        assert_eq!(interface_of("PJSIP/1001-0000000b"), Some("PJSIP/1001"));
        assert_eq!(interface_of("SIP/my-trunk-0000000b"), Some("SIP/my-trunk"));
        assert_eq!(
            interface_of("Local/1002@internal-00000000;1"),
            Some("Local/1002@internal")
        );
        assert_eq!(interface_of("Local/1002@internal-00000000;2"), None);
        assert_eq!(interface_of("nonsense"), None);
    }

    #[test]
    fn the_unknown_is_nothing() {
        assert_eq!(unless_unknown("<unknown>"), "");
        assert_eq!(unless_unknown("unknown"), "");
        assert_eq!(unless_unknown("Клиент"), "Клиент");
    }
}
