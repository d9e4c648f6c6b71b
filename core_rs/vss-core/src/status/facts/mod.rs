//! Everything known of one PBX, and what each event changes in it.
//!
//! # Layout
//!
//! - `channels`, `bridges`, `callers`, `members`, `devices`, `agents`, `transfers`: what an event of that family changes.
//! - `services`: a queue rings, an operator takes the call, it ends.
//! - `lists`, `sweep`: what an item of a snapshot list changes, and what goes when a list did not name it.
//! - `settle`: derives states after each message and stamps what changed.
//! - `timers`: what changes without an event.
//! - `rows`, `tables`: how a row is written, and found.
//!
//! Facts know nothing of sessions, sequences or resyncs: the board owns those.

mod agents;
mod bridges;
mod callers;
mod calls;
mod channels;
mod devices;
mod handover;
mod hung_up;
mod leftovers;
mod lists;
mod members;
mod rows;
mod services;
mod settle;
mod sweep;
mod tables;
mod timers;
mod transfers;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use slotmap::SlotMap;

use super::bridge::Bridge;
use super::call::Call;
use super::channel::Channel;
use super::dialect::{self, EventKind, Names};
use super::keys::{CallKey, ChannelKey, OperatorKey, QueueKey};
use super::moment::Moment;
use super::operator::Operator;
use super::options::BoardOptions;
use super::queue::Queue;
use crate::ami::Message;

pub use hung_up::HungUp;
pub use lists::ListKind;
pub use tables::Table;
use timers::Timer;

/// At most so many hung-up channels are remembered, so that a late event does not bring one back.
const MAX_TOMBSTONES: usize = 10_000;

/// What the rows touched by one message are called.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    pub(super) channels: Vec<ChannelKey>,
    pub(super) calls: Vec<CallKey>,
    pub(super) operators: Vec<OperatorKey>,
    pub(super) queues: Vec<QueueKey>,
}

/// Rows by the names they have in lists: for the passes of a resync without a fence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowName {
    /// A channel by Uniqueid.
    Channel(String),
    /// A member by queue and interface.
    Member(String, String),
    /// A waiting caller by queue and Uniqueid.
    Caller(String, String),
}

/// The live tables and their indexes.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub(super) options: Arc<BoardOptions>,
    pub(super) channels: SlotMap<ChannelKey, Channel>,
    pub(super) channel_ids: FxHashMap<String, ChannelKey>,
    /// In order, so that the channels of one interface stand together.
    pub(super) channel_names: BTreeMap<String, ChannelKey>,
    pub(super) bridges: FxHashMap<String, Bridge>,
    pub(super) calls: SlotMap<CallKey, Call>,
    pub(super) call_ids: FxHashMap<String, CallKey>,
    pub(super) operators: SlotMap<OperatorKey, Operator>,
    pub(super) operator_ids: FxHashMap<String, OperatorKey>,
    /// State interfaces and member interfaces (without `/n`) to operators.
    pub(super) interfaces: FxHashMap<String, OperatorKey>,
    pub(super) queues: SlotMap<QueueKey, Queue>,
    pub(super) queue_names: FxHashMap<String, QueueKey>,
    /// Hung-up channels, oldest first.
    tombstones: VecDeque<(Moment, String)>,
    tombstone_ids: FxHashSet<String>,
    /// Leaves that came before their joins: (uniqueid, queue).
    early_leaves: VecDeque<(Moment, String, String)>,
    timers: BinaryHeap<Reverse<(Moment, u64, Timer)>>,
    timer_count: u64,
    swept_at: Moment,
    pub(super) touched: Touched,
    /// Rows that went away: that is a change too, and takes a number.
    pub(super) gone: Vec<(Table, String)>,
    /// Last rows of channels that hung up, where somebody wants them.
    pub(super) hung_up: Option<HungUp>,
    /// Rows lie over the facts: a fact that changes nothing counts too, it takes such a row's place.
    pub(super) overlaid: bool,
    /// Where rows are encoded before they are compared.
    scratch: Vec<u8>,
    /// Operators by the Uniqueid their offers and services hang on: the rung leg, or the caller where no leg is told.
    pub(super) legs: FxHashMap<String, OperatorKey>,
    /// Number of the resync that is being built; rows that lists or later events name carry it.
    pub(super) generation: u32,
    /// While a resync compares passes: rows that events named.
    pub(super) named: Option<FxHashSet<RowName>>,
    /// Events about channels that are gone.
    pub(super) late: u64,
    /// What cannot be: reported once per message, answered by a resync.
    pub(super) impossible: Vec<String>,
    /// Newest fact.
    pub(super) as_of: Moment,
}

impl Facts {
    /// Nothing known yet.
    pub fn new(options: Arc<BoardOptions>) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Apply one event that is not part of a list. `now` is the fact's time. True when the event has a meaning here.
    pub fn apply(&mut self, event: &Message<'_>, kind: EventKind, now: Moment) -> bool {
        use EventKind as K;
        self.as_of = self.as_of.max(now);
        match kind {
            K::Newchannel => {
                if let Some(key) = self
                    .by_id(&text(event, &["Uniqueid"]))
                    .filter(|&key| self.channels[key].listed)
                {
                    self.unmake(key);
                }
                self.snapshots(event, now);
            }
            K::ChannelState => {
                self.snapshots(event, now);
            }
            K::Newexten => self.newexten(event, now),
            K::VarSet => self.varset(event, now),
            K::Rename => self.rename(event, now),
            K::Hangup => self.hangup(event, now),
            K::HangupRequest => self.hangup_request(event, now),
            K::Hold | K::Unhold => self.hold(event, kind, now),
            K::DialBegin | K::DialEnd => self.dial(event, kind, now),
            K::DialLegacy => self.dial_legacy(event, now),
            K::BridgeEnter => self.bridge_enter(event, now),
            K::BridgeLeave => self.bridge_leave(event, now),
            // Movers leave and enter by events of their own; a bridge begins with its first member.
            K::BridgeMerge | K::BridgeState => {}

            K::BridgeDestroy => self.bridge_destroy(event),
            K::BridgeLegacy => self.bridge_legacy(event, now),
            K::UnlinkLegacy => self.unlink_legacy(event),
            K::LocalBridge | K::LocalOptimization => self.local_pair(event, kind, now),
            K::BlindTransfer | K::AttendedTransfer => self.transfer(event, kind, now),
            K::TransferLegacy => self.transfer_legacy(event, now),
            K::Pickup => self.pickup(event, now),
            K::Parked => self.parked(event, now),
            K::Unparked => self.unparked(event, now),
            K::QueueCallerJoin => self.join(event, now),
            K::QueueCallerAbandon => self.abandon(event, now),
            K::QueueCallerLeave => self.leave(event, now),
            K::AgentCalled => self.agent_called(event, now),
            K::AgentConnect => self.agent_connect(event, now),
            K::AgentComplete => self.agent_complete(event, now),
            K::AgentRingNoAnswer | K::AgentDump => self.agent_missed(event, now),
            K::AgentLogin | K::AgentLogoff | K::Agents => self.agent_login(event, kind, now),
            K::QueueMemberAdded | K::QueueMemberChanged | K::QueueMemberPause => {
                self.member_event(event, kind, now);
            }
            K::QueueMemberRemoved => self.member_removed(event, now),
            K::DeviceStateChange => self.device_state_change(event, now),
            K::ExtensionStatus => self.extension_status(event, now),
            K::PeerStatus | K::ContactStatus => self.contact_status(event, kind, now),
            K::CoreShowChannel | K::QueueMember | K::QueueEntry | K::QueueParams | K::ListEnd => {
                return false;
            }
            K::FullyBooted | K::Reload | K::Shutdown => return false,
        }
        true
    }

    /// What was touched is settled and nobody publishes it (a shadow).
    pub fn forget_touched(&mut self) {
        self.gone.clear();
        let touched = std::mem::take(&mut self.touched);
        for key in touched.channels {
            if let Some(row) = self.channels.get_mut(key) {
                row.mark.touched = false;
            }
        }
        for key in touched.calls {
            if let Some(row) = self.calls.get_mut(key) {
                row.mark.touched = false;
            }
        }
        for key in touched.operators {
            if let Some(row) = self.operators.get_mut(key) {
                row.mark.touched = false;
            }
        }
        for key in touched.queues {
            if let Some(row) = self.queues.get_mut(key) {
                row.mark.touched = false;
            }
        }
    }

    /// Touch a row: it is settled at the end of the message.
    pub(super) fn touch_channel(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channels.get_mut(key) {
            channel.mark.forget();
            if !channel.mark.touched {
                channel.mark.touched = true;
                self.touched.channels.push(key);
            }
        }
    }

    pub(super) fn touch_call(&mut self, key: CallKey) {
        if let Some(call) = self.calls.get_mut(key) {
            call.mark.forget();
            if !call.mark.touched {
                call.mark.touched = true;
                self.touched.calls.push(key);
            }
        }
    }

    pub(super) fn touch_operator(&mut self, key: OperatorKey) {
        if let Some(operator) = self.operators.get_mut(key)
            && !operator.mark.touched
        {
            operator.mark.touched = true;
            self.touched.operators.push(key);
        }
    }

    pub(super) fn touch_queue(&mut self, key: QueueKey) {
        if let Some(queue) = self.queues.get_mut(key)
            && !queue.mark.touched
        {
            queue.mark.touched = true;
            self.touched.queues.push(key);
        }
    }

    /// Touch everything that shows a channel's state.
    pub(super) fn touch_around(&mut self, key: ChannelKey) {
        let Some(channel) = self.channels.get(key) else {
            return;
        };
        let (call, operator) = (channel.call, channel.operator);
        self.touch_channel(key);
        self.touch_call(call);
        if let Some(operator) = operator {
            self.touch_operator(operator);
        }
    }

    /// The queue of this name, made when it is not known yet.
    pub(super) fn queue_named(&mut self, name: &str) -> QueueKey {
        if let Some(&key) = self.queue_names.get(name) {
            return key;
        }
        let key = self.queues.insert(Queue {
            name: name.to_owned(),
            ..Queue::default()
        });
        self.queue_names.insert(name.to_owned(), key);
        self.touch_queue(key);
        key
    }

    pub(super) fn queue_name(&self, key: QueueKey) -> &str {
        self.queues.get(key).map_or("", |queue| &queue.name)
    }

    /// Remember that an event named this row.
    pub(super) fn name(&mut self, row: impl FnOnce() -> RowName) {
        if let Some(named) = &mut self.named {
            named.insert(row());
        }
    }

    /// A channel is gone: late events about it change nothing.
    pub(super) fn bury(&mut self, id: String, now: Moment) {
        if self.tombstone_ids.insert(id.clone()) {
            self.tombstones.push_back((now, id));
            if self.tombstones.len() > MAX_TOMBSTONES
                && let Some((_, oldest)) = self.tombstones.pop_front()
            {
                self.tombstone_ids.remove(&oldest);
            }
        }
    }

    /// Whether this channel hung up a moment ago.
    pub(super) fn is_buried(&self, id: &str) -> bool {
        self.tombstone_ids.contains(id)
    }
}

/// The first of several header names that is there.
pub(super) fn first<'a>(event: &Message<'a>, names: Names) -> Option<&'a [u8]> {
    names.iter().find_map(|name| event.get(name))
}

/// A header's text by the first of several names, empty when it is not there.
pub(super) fn text<'a>(event: &Message<'a>, names: Names) -> std::borrow::Cow<'a, str> {
    names.iter().find_map(|name| event.text(name)).unwrap_or_default()
}

/// A header as a number.
pub fn number<T: std::str::FromStr>(event: &Message<'_>, name: &str) -> Option<T> {
    event
        .get(name)
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|value| value.trim().parse().ok())
}

/// Asterisk's truth: `1`, `yes`, `true`, `on`.
pub(super) fn flag(event: &Message<'_>, name: &str) -> Option<bool> {
    event
        .get(name)
        .map(|value| matches!(value, b"1" | b"yes" | b"Yes" | b"true" | b"True" | b"on" | b"On"))
}

/// The entry of an event by its name.
pub fn kind_of(event: &Message<'_>) -> Option<&'static dialect::EventEntry> {
    dialect::event(event.name())
}
