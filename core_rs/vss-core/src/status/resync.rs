//! A resync: the board is compared with Asterisk's own lists, without a moment of emptiness.
//!
//! ```text
//!              begin_resync             last list Complete, ListItems right             fence seen
//!   none ─────────────────▶ collecting ─────────────────────────────────▶ fencing ─────────────────▶ swap ─▶ none
//!                            │   ▲                                          (no fence: passes are compared,
//!    list incomplete: asked ─┘   └─ events go to the live board              at most five)
//!    again                          and are kept for the shadow
//! ```
//!
//! The shadow is a copy of the facts at the noted place. List items are written over it as they come. At the fence the
//! events kept since the noted place are applied over that: those that Asterisk published before it made a list say
//! nothing new or step back for a moment, and the newer event that follows converges; then what neither a list nor an
//! event named is swept, and the shadow takes the place of the live facts in one step.

use rustc_hash::{FxHashMap, FxHashSet};

use super::facts::{Facts, ListKind, RowName, kind_of};
use super::moment::Moment;
use crate::ami::{AmiDecoder, Decoded, Message};

/// Events kept for the shadow; beyond this a resync takes too long to be worth finishing.
pub const MAX_KEPT_BYTES: usize = 32 * 1024 * 1024;
/// So many passes are compared where no fence is to be had.
pub const MAX_PASSES: u32 = 5;

/// What ends a resync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// The `VarSet` of `VSS_FENCE` with this value.
    Setvar(String),
    /// The `QueueMemberPause` of this interface.
    QueuePause(String),
    /// Two passes that agree.
    None,
}

/// Where a list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListState {
    Pending,
    Done,
    Refused,
}

/// One list of the running resync.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub kind: ListKind,
    pub action_id: String,
    pub state: ListState,
    pub items: usize,
}

/// A resync under way.
#[derive(Debug)]
pub(super) struct Resync {
    pub lists: Vec<List>,
    pub fence: Fence,
    pub reason: String,
    /// Facts were missed since the board last agreed with Asterisk.
    pub after_gap: bool,
    pub fencing: bool,
    pub pass: u32,
    pub shadow: Facts,
    kept: Vec<u8>,
    kept_times: Vec<Moment>,
    /// Rows as this pass lists them.
    pub listed: FxHashMap<RowName, u64>,
    /// Rows as the pass before listed them.
    pub listed_before: Option<FxHashMap<RowName, u64>>,
}

impl Resync {
    pub fn new(lists: Vec<List>, fence: Fence, reason: String, after_gap: bool, mut shadow: Facts) -> Self {
        shadow.generation += 1;
        // The live board sees the same channels hang up.
        shadow.hung_up = None;
        Self {
            lists,
            fence,
            reason,
            after_gap,
            fencing: false,
            pass: 1,
            shadow,
            kept: Vec::new(),
            kept_times: Vec::new(),
            listed: FxHashMap::default(),
            listed_before: None,
        }
    }

    /// The list of this ActionID.
    pub fn list(&mut self, action_id: &[u8]) -> Option<&mut List> {
        self.lists
            .iter_mut()
            .find(|list| list.action_id.as_bytes() == action_id)
    }

    /// Whether every list has ended or was refused.
    pub fn is_complete(&self) -> bool {
        self.lists.iter().all(|list| list.state != ListState::Pending)
    }

    /// Keep an event for the shadow; false when too much was kept.
    pub fn keep(&mut self, event: &Message<'_>, now: Moment) -> bool {
        self.kept.extend_from_slice(event.raw());
        self.kept.extend_from_slice(b"\r\n\r\n");
        self.kept_times.push(now);
        self.kept.len() <= MAX_KEPT_BYTES
    }

    /// Whether this pass agrees with the one before on every row no event named meanwhile.
    pub fn agrees(&self, named: &FxHashSet<RowName>) -> bool {
        let Some(before) = &self.listed_before else {
            return false;
        };
        let same = |a: &FxHashMap<RowName, u64>, b: &FxHashMap<RowName, u64>| {
            a.iter()
                .all(|(row, print)| named.contains(row) || b.get(row) == Some(print))
        };
        same(before, &self.listed) && same(&self.listed, before)
    }

    /// Settle the shadow. Nobody publishes it: the swap compares row by row.
    pub fn settle(&mut self, now: Moment) {
        self.shadow.settle(now);
        self.shadow.forget_touched();
    }

    /// Let the shadow's timers go on to `now`, as the live board's do.
    pub fn catch_up(&mut self, now: Moment) {
        while let Some(due) = self.shadow.due(now) {
            self.shadow.fire(due);
            self.settle(due);
        }
    }

    /// The shadow with everything applied and swept, ready to take over.
    pub fn finish(mut self, now: Moment) -> Facts {
        let mut decoder = AmiDecoder::new(self.shadow.options.encoding);
        decoder.push(&self.kept);
        let mut times = std::mem::take(&mut self.kept_times).into_iter();
        while let Some(decoded) = decoder.next_message() {
            let Decoded::Message(event) = decoded else {
                continue;
            };
            let at = times.next().unwrap_or(now);
            if let Some(entry) = kind_of(&event) {
                self.catch_up(at);
                self.shadow.apply(&event, entry.kind, at);
                self.settle(at);
            }
        }
        self.catch_up(now);
        for list in &self.lists {
            // A channel list that may not be asked cannot tell who hung up in a gap: then whoever no event has named
            // since goes, and comes back with its next event. Otherwise a lost Hangup would stay for ever.
            let unasked = self.after_gap && list.kind == ListKind::CoreShowChannels;
            if list.state == ListState::Done || unasked {
                self.shadow.sweep_unseen(list.kind, now);
            }
        }
        self.settle(now);
        self.shadow.forget_listed();
        self.shadow.impossible.clear();
        self.shadow.named = None;
        self.shadow
    }
}
