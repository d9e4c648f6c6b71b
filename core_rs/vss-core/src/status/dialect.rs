//! The dialects of Asterisk 11 to 23 as data: which event carries which channel snapshots, what it was called
//! before, and under which names a field may stand. Fields are looked for by presence, never by the version in the
//! greeting, because Asterisk adds fields without changing it.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// What an event means to the board; events of other names are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names are Asterisk's
pub enum EventKind {
    AgentCalled,
    AgentComplete,
    AgentConnect,
    AgentDump,
    AgentLogin,
    AgentLogoff,
    AgentRingNoAnswer,
    Agents,
    AttendedTransfer,
    BlindTransfer,
    BridgeDestroy,
    BridgeEnter,
    BridgeLeave,
    BridgeMerge,
    BridgeState,
    /// An event that only tells how a channel stands now.
    ChannelState,
    ContactStatus,
    CoreShowChannel,
    DeviceStateChange,
    DialBegin,
    DialEnd,
    DialLegacy,
    ExtensionStatus,
    FullyBooted,
    Hangup,
    HangupRequest,
    Hold,
    BridgeLegacy,
    UnlinkLegacy,
    ListEnd,
    LocalBridge,
    LocalOptimization,
    Newchannel,
    Newexten,
    Parked,
    PeerStatus,
    Pickup,
    QueueCallerAbandon,
    QueueCallerJoin,
    QueueCallerLeave,
    QueueEntry,
    QueueMember,
    QueueMemberAdded,
    QueueMemberChanged,
    QueueMemberPause,
    QueueMemberRemoved,
    QueueParams,
    Reload,
    Rename,
    Shutdown,
    TransferLegacy,
    Unhold,
    Unparked,
    VarSet,
}

/// The header names of one channel snapshot inside an event: all carry the same prefix.
pub struct SnapshotKeys {
    /// As new as the event itself: what it says replaces what was known. Others only make channels that nobody
    /// announced.
    pub fresh: bool,
    #[allow(missing_docs)]
    pub channel: &'static str,
    #[allow(missing_docs)]
    pub state: &'static str,
    #[allow(missing_docs)]
    pub caller_number: &'static str,
    #[allow(missing_docs)]
    pub caller_name: &'static str,
    #[allow(missing_docs)]
    pub connected_number: &'static str,
    #[allow(missing_docs)]
    pub connected_name: &'static str,
    #[allow(missing_docs)]
    pub language: &'static str,
    #[allow(missing_docs)]
    pub account_code: &'static str,
    #[allow(missing_docs)]
    pub context: &'static str,
    #[allow(missing_docs)]
    pub exten: &'static str,
    #[allow(missing_docs)]
    pub priority: &'static str,
    #[allow(missing_docs)]
    pub uniqueid: &'static str,
    #[allow(missing_docs)]
    pub linkedid: &'static str,
}

macro_rules! snapshot_keys {
    ($name:ident, $prefix:literal, $fresh:literal) => {
        #[doc = concat!("The snapshot with the prefix `", $prefix, "`.")]
        pub static $name: SnapshotKeys = SnapshotKeys {
            fresh: $fresh,
            channel: concat!($prefix, "Channel"),
            state: concat!($prefix, "ChannelState"),
            caller_number: concat!($prefix, "CallerIDNum"),
            caller_name: concat!($prefix, "CallerIDName"),
            connected_number: concat!($prefix, "ConnectedLineNum"),
            connected_name: concat!($prefix, "ConnectedLineName"),
            language: concat!($prefix, "Language"),
            account_code: concat!($prefix, "AccountCode"),
            context: concat!($prefix, "Context"),
            exten: concat!($prefix, "Exten"),
            priority: concat!($prefix, "Priority"),
            uniqueid: concat!($prefix, "Uniqueid"),
            linkedid: concat!($prefix, "Linkedid"),
        };
    };
}

snapshot_keys!(PLAIN, "", true);
// After an attended transfer AgentComplete shows the caller as it was before, and no event follows it.
snapshot_keys!(COMPLETED, "", false);
snapshot_keys!(DEST, "Dest", false);
snapshot_keys!(LOCAL_ONE, "LocalOne", false);
snapshot_keys!(LOCAL_TWO, "LocalTwo", false);
snapshot_keys!(TARGET, "Target", false);
snapshot_keys!(PARKEE, "Parkee", false);
snapshot_keys!(RETRIEVER, "Retriever", false);
snapshot_keys!(TRANSFERER, "Transferer", false);
snapshot_keys!(TRANSFEREE, "Transferee", false);
snapshot_keys!(ORIG_TRANSFERER, "OrigTransferer", false);
snapshot_keys!(SECOND_TRANSFERER, "SecondTransferer", false);
snapshot_keys!(TRANSFER_TARGET, "TransferTarget", false);

/// An event the board looks at.
pub struct EventEntry {
    /// What it means.
    pub kind: EventKind,
    /// The channel snapshots in it. Only the one without a prefix is as new as the event itself: the others make
    /// channels that nobody announced, and change none.
    pub snapshots: &'static [&'static SnapshotKeys],
}

type Row = (&'static str, EventKind, &'static [&'static SnapshotKeys]);

use EventKind as K;

/// Name on the wire, meaning, snapshots. Names of Asterisk 11 stand beside their successors.
static EVENTS: &[Row] = &[
    ("Newchannel", K::Newchannel, &[&PLAIN]),
    ("Newstate", K::ChannelState, &[&PLAIN]),
    ("NewCallerid", K::ChannelState, &[&PLAIN]),
    ("NewConnectedLine", K::ChannelState, &[&PLAIN]),
    ("NewAccountCode", K::ChannelState, &[&PLAIN]),
    ("MusicOnHoldStart", K::ChannelState, &[&PLAIN]),
    ("MusicOnHoldStop", K::ChannelState, &[&PLAIN]),
    ("Flash", K::ChannelState, &[&PLAIN]),
    ("DTMFBegin", K::ChannelState, &[&PLAIN]),
    ("DTMFEnd", K::ChannelState, &[&PLAIN]),
    ("Newexten", K::Newexten, &[&PLAIN]),
    ("VarSet", K::VarSet, &[&PLAIN]),
    ("Rename", K::Rename, &[]),
    ("Hangup", K::Hangup, &[]),
    ("HangupRequest", K::HangupRequest, &[&PLAIN]),
    ("SoftHangupRequest", K::HangupRequest, &[&PLAIN]),
    ("Hold", K::Hold, &[&PLAIN]),
    ("Unhold", K::Unhold, &[&PLAIN]),
    ("DialBegin", K::DialBegin, &[&PLAIN, &DEST]),
    ("DialState", K::ChannelState, &[&PLAIN, &DEST]),
    ("DialEnd", K::DialEnd, &[&PLAIN, &DEST]),
    ("Dial", K::DialLegacy, &[]),
    ("BridgeEnter", K::BridgeEnter, &[&PLAIN]),
    ("BridgeLeave", K::BridgeLeave, &[&PLAIN]),
    ("BridgeMerge", K::BridgeMerge, &[]),
    ("BridgeCreate", K::BridgeState, &[]),
    ("BridgeDestroy", K::BridgeDestroy, &[]),
    ("BridgeListItem", K::BridgeState, &[]),
    ("Bridge", K::BridgeLegacy, &[]),
    ("Unlink", K::UnlinkLegacy, &[]),
    ("LocalBridge", K::LocalBridge, &[&LOCAL_ONE, &LOCAL_TWO]),
    (
        "LocalOptimizationBegin",
        K::LocalBridge,
        &[&LOCAL_ONE, &LOCAL_TWO],
    ),
    ("LocalOptimizationEnd", K::LocalOptimization, &[]),
    ("BlindTransfer", K::BlindTransfer, &[&TRANSFERER, &TRANSFEREE]),
    (
        "AttendedTransfer",
        K::AttendedTransfer,
        &[
            &ORIG_TRANSFERER,
            &SECOND_TRANSFERER,
            &TRANSFEREE,
            &TRANSFER_TARGET,
        ],
    ),
    ("Transfer", K::TransferLegacy, &[]),
    ("Pickup", K::Pickup, &[&PLAIN, &TARGET]),
    ("ParkedCall", K::Parked, &[&PARKEE]),
    ("ParkedCallSwap", K::Parked, &[]),
    ("UnParkedCall", K::Unparked, &[&PARKEE, &RETRIEVER]),
    ("ParkedCallTimeOut", K::Unparked, &[]),
    ("ParkedCallGiveUp", K::Unparked, &[]),
    ("QueueCallerJoin", K::QueueCallerJoin, &[&PLAIN]),
    ("Join", K::QueueCallerJoin, &[]),
    ("QueueCallerLeave", K::QueueCallerLeave, &[&PLAIN]),
    ("Leave", K::QueueCallerLeave, &[]),
    ("QueueCallerAbandon", K::QueueCallerAbandon, &[&PLAIN]),
    ("QueueEntry", K::QueueEntry, &[]),
    ("QueueParams", K::QueueParams, &[]),
    ("QueueMember", K::QueueMember, &[]),
    ("QueueMemberAdded", K::QueueMemberAdded, &[]),
    ("QueueMemberRemoved", K::QueueMemberRemoved, &[]),
    ("QueueMemberStatus", K::QueueMemberChanged, &[]),
    ("QueueMemberPenalty", K::QueueMemberChanged, &[]),
    ("QueueMemberRinginuse", K::QueueMemberChanged, &[]),
    ("QueueMemberPause", K::QueueMemberPause, &[]),
    ("QueueMemberPaused", K::QueueMemberPause, &[]),
    ("AgentCalled", K::AgentCalled, &[&PLAIN, &DEST]),
    ("AgentConnect", K::AgentConnect, &[&PLAIN, &DEST]),
    ("AgentComplete", K::AgentComplete, &[&COMPLETED, &DEST]),
    ("AgentRingNoAnswer", K::AgentRingNoAnswer, &[&PLAIN, &DEST]),
    ("AgentDump", K::AgentDump, &[&PLAIN, &DEST]),
    ("AgentLogin", K::AgentLogin, &[&PLAIN]),
    ("Agentlogin", K::AgentLogin, &[]),
    ("AgentLogoff", K::AgentLogoff, &[]),
    ("Agentlogoff", K::AgentLogoff, &[]),
    ("Agents", K::Agents, &[]),
    ("DeviceStateChange", K::DeviceStateChange, &[]),
    ("ExtensionStatus", K::ExtensionStatus, &[]),
    ("PeerStatus", K::PeerStatus, &[]),
    ("ContactStatus", K::ContactStatus, &[]),
    ("CoreShowChannel", K::CoreShowChannel, &[&PLAIN]),
    ("FullyBooted", K::FullyBooted, &[]),
    ("Reload", K::Reload, &[]),
    ("Shutdown", K::Shutdown, &[]),
    ("CoreShowChannelsComplete", K::ListEnd, &[]),
    ("BridgeListComplete", K::ListEnd, &[]),
    ("QueueStatusComplete", K::ListEnd, &[]),
    ("DeviceStateListComplete", K::ListEnd, &[]),
    ("ExtensionStateListComplete", K::ListEnd, &[]),
    ("AgentsComplete", K::ListEnd, &[]),
];

static BY_NAME: LazyLock<FxHashMap<&'static [u8], EventEntry>> = LazyLock::new(|| {
    EVENTS
        .iter()
        .map(|&(name, kind, snapshots)| (name.as_bytes(), EventEntry { kind, snapshots }))
        .collect()
});

/// The entry of an event, `None` for events that say nothing about status. `Hold` of Asterisk 11 has a `Status`
/// and no snapshot; it is told apart by its fields where it is applied.
pub fn event(name: &[u8]) -> Option<&'static EventEntry> {
    BY_NAME.get(name)
}

/// All event names the board looks at, for documentation and tests.
pub fn event_names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|row| row.0)
}

/// The names one field may stand under, newest first.
pub type Names = &'static [&'static str];

/// A queue member's interface.
pub const INTERFACE: Names = &["Interface", "Location", "Member", "AgentCalled"];
/// A queue member's display name.
pub const MEMBER_NAME: Names = &["MemberName", "Name", "AgentName"];
/// Why a member is paused.
pub const PAUSED_REASON: Names = &["PausedReason", "Reason"];
/// The caller's channel id.
pub const UNIQUEID: Names = &["Uniqueid", "SrcUniqueID"];
/// The rung leg's channel id.
pub const DEST_UNIQUEID: Names = &["DestUniqueid", "BridgedChannel"];
/// The rung leg's channel name.
pub const DEST_CHANNEL: Names = &["DestChannel", "DestinationChannel"];
/// Whether the member's device may be rung while in use.
pub const RINGINUSE: Names = &["Ringinuse", "RingInUse"];
/// The bridge a channel stands in, in lists.
pub const BRIDGE_ID: Names = &["BridgeId", "BridgeID"];
/// The agent of an agent-pool login.
pub const AGENT: Names = &["Agent"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_mean_what_their_successors_mean() {
        for (old, new) in [
            ("Join", "QueueCallerJoin"),
            ("Leave", "QueueCallerLeave"),
            ("QueueMemberPaused", "QueueMemberPause"),
            ("Agentlogin", "AgentLogin"),
            ("Agentlogoff", "AgentLogoff"),
        ] {
            assert_eq!(
                event(old.as_bytes()).map(|e| e.kind),
                event(new.as_bytes()).map(|e| e.kind),
                "{old}"
            );
        }
    }

    #[test]
    fn every_name_stands_once_and_floods_are_not_looked_at() {
        assert_eq!(BY_NAME.len(), EVENTS.len());
        for flood in ["RTCPSent", "TestEvent", "Cdr"] {
            assert!(event(flood.as_bytes()).is_none());
        }
    }
}
