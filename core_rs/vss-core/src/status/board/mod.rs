//! The surface: bytes of AMI sessions in, typed events and rows out.
//!
//! - `intake`: what a message is for, and its time.
//! - `reading`: rows, whole tables, and what changed since when.
//! - `by_hand`: rows that do not come from Asterisk.
//! - `publish`: events about what a message changed.
//! - `reconcile`: resync, gap and swap.

mod by_hand;
mod intake;
mod publish;
mod reading;
mod reconcile;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changes::ChangeLog;
use super::error::StatusError;
use super::facts::Facts;
use super::journal::{Event, Journal};
use super::moment::Moment;
use super::options::BoardOptions;
use super::overlay::Overlay;
use super::resync::Resync;
use crate::ami::{AmiDecoder, Encoding, Message};

/// Which of the two AMI sessions of a PBX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Reads events.
    Events,
    /// Runs actions (`Events: off`).
    Actions,
}

impl Session {
    /// The session of this name.
    ///
    /// # Errors
    /// [`StatusError::UnknownSession`].
    pub fn named(name: &str) -> Result<Self, StatusError> {
        match name {
            "events" => Ok(Self::Events),
            "actions" => Ok(Self::Actions),
            other => Err(StatusError::UnknownSession(other.to_owned())),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Actions => "actions",
        }
    }
}

/// The answer to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The session it came on.
    pub session: Session,
    /// The action's id.
    pub action_id: Option<String>,
    /// `Success`, `Error`, `Goodbye`, `Follows`.
    pub status: String,
    /// All headers in order.
    pub headers: Vec<(String, String)>,
    /// Lines of a `Command` answer.
    pub output: Vec<String>,
}

impl Response {
    fn of(message: &Message<'_>, session: Session) -> Self {
        let encoding = message.encoding();
        Self {
            session,
            action_id: message.text("ActionID").map(std::borrow::Cow::into_owned),
            status: String::from_utf8_lossy(message.name()).into_owned(),
            headers: message
                .text_headers()
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
            output: message
                .output()
                .map(|line| encoding.decode(line).into_owned())
                .collect(),
        }
    }
}

/// What kind of notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeReason {
    /// Asterisk reloaded app_queue or everything: ask for a resync.
    Reload,
    /// Asterisk goes down.
    Shutdown,
    /// Asterisk has finished booting: ask for a resync.
    FullyBooted,
    /// The board saw what cannot be: ask for a resync.
    ImpossibleValue,
    /// A message over a limit was skipped: ask for a resync.
    Oversized,
    /// Bytes were dropped before they were read: ask for a resync.
    Overflow,
    /// A list ended without its Complete, or with a wrong number of items: ask it again.
    ListIncomplete,
    /// The account may not ask this list.
    ListRefused,
    /// All lists are in: send the fence.
    FenceWanted,
    /// No fence is to be had and two passes differ: begin the next pass.
    PassesDisagree,
    /// The swap is done.
    Resynced,
    /// The resync was given up: begin anew.
    ResyncDropped,
}

impl NoticeReason {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Shutdown => "shutdown",
            Self::FullyBooted => "fully_booted",
            Self::ImpossibleValue => "impossible_value",
            Self::Oversized => "oversized",
            Self::Overflow => "overflow",
            Self::ListIncomplete => "list_incomplete",
            Self::ListRefused => "list_refused",
            Self::FenceWanted => "fence_wanted",
            Self::PassesDisagree => "passes_disagree",
            Self::Resynced => "resynced",
            Self::ResyncDropped => "resync_dropped",
        }
    }
}

/// Why the board may no longer agree with Asterisk, or what a resync needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which.
    pub reason: NoticeReason,
    /// In words.
    pub detail: String,
    /// The list it is about.
    pub action_id: Option<String>,
}

/// What one call brought.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Typed events in order.
    pub events: Vec<Event>,
    /// Answers to actions.
    pub responses: Vec<Response>,
    /// What the session has to do about it.
    pub notices: Vec<Notice>,
    /// The greeting, when it came in this batch.
    pub greeting: Option<String>,
    /// AMI messages decoded.
    pub messages: usize,
    /// Events that were asked for by name ([`StatusBoard::watch`]): the bytes as they came, a blank line after each.
    pub watched: Vec<u8>,
    /// How their bytes are read.
    pub encoding: Encoding,
}

impl Batch {
    fn notice(&mut self, reason: NoticeReason, detail: impl Into<String>, action_id: Option<&str>) {
        self.notices.push(Notice {
            reason,
            detail: detail.into(),
            action_id: action_id.map(str::to_owned),
        });
    }
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    messages: u64,
    applied: u64,
    ignored: u64,
    skipped: u64,
    gaps: u64,
    resyncs: u64,
    impossible: u64,
    lost_bytes: u64,
}

/// A gap that has begun and not ended.
#[derive(Clone, Debug)]
struct OpenGap {
    from_seq: u64,
    reason: String,
    started: Moment,
}

/// The live status of one PBX.
#[derive(Debug)]
pub struct StatusBoard {
    facts: Facts,
    /// What lies over the facts, set by hand or from the database.
    overlay: Overlay,
    journal: Journal,
    changes: ChangeLog,
    events_decoder: AmiDecoder,
    actions_decoder: AmiDecoder,
    resync: Option<Resync>,
    /// Passes of a resync without a fence that were compared so far.
    passes: Option<Resync>,
    gap: Option<OpenGap>,
    /// The board agreed with Asterisk and nothing was missed since.
    synchronized: bool,
    /// Asterisk's clock minus ours, milliseconds.
    offset: i64,
    counters: Counters,
    drift: BTreeMap<String, u64>,
    /// Names of AMI events that somebody wants to see as they are.
    watched: Vec<Box<str>>,
}

impl StatusBoard {
    /// A board of one PBX.
    ///
    /// # Errors
    /// [`StatusError::Option`] when an option cannot be used.
    pub fn new(options: BoardOptions) -> Result<Self, StatusError> {
        options.check()?;
        Ok(Self {
            journal: Journal::new(&options.source, options.first_seq),
            events_decoder: AmiDecoder::new(options.encoding),
            actions_decoder: AmiDecoder::new(options.encoding),
            facts: Facts::new(Arc::new(options)),
            overlay: Overlay::default(),
            changes: ChangeLog::default(),
            resync: None,
            passes: None,
            gap: None,
            synchronized: false,
            offset: 0,
            counters: Counters::default(),
            drift: BTreeMap::new(),
            watched: Vec::new(),
        })
    }

    /// Let time pass: wrap-ups end, ended calls and old figures go.
    pub fn tick(&mut self, now: Moment) -> Batch {
        self.journal.begin(now);
        let mut batch = Batch::default();
        self.advance(now, &mut batch);
        self.facts.sweep(now);
        self.facts.settle(now);
        self.publish(now, &mut batch);
        batch
    }

    /// Hand out every live AMI event of this name as it came, in [`Batch::watched`]; case does not matter.
    pub fn watch(&mut self, name: &str) {
        if !self.watched.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            self.watched.push(name.into());
        }
    }

    /// How far Asterisk's clock is ahead of ours, milliseconds.
    pub fn set_clock_offset(&mut self, millis: i64) {
        self.offset = millis;
    }

    /// The PBX's name.
    pub fn source(&self) -> &str {
        self.journal.source()
    }

    /// The last sequence number.
    pub fn seq(&self) -> u64 {
        self.journal.seq()
    }

    /// Time of the newest fact.
    pub fn as_of(&self) -> Moment {
        self.facts.as_of()
    }

    /// Whether the board agreed with Asterisk at the last resync and nothing was missed since.
    pub fn is_synchronized(&self) -> bool {
        self.synchronized
    }

    /// Resyncs done since the start.
    pub fn resyncs(&self) -> u64 {
        self.counters.resyncs
    }

    /// Differences per field found by the last resync.
    pub fn drift(&self) -> &BTreeMap<String, u64> {
        &self.drift
    }

    /// Whatever is live, one line each: empty once every channel hung up.
    #[doc(hidden)]
    pub fn leftovers(&self) -> Vec<String> {
        self.facts.leftovers()
    }

    /// What contradicts itself in the tables: always empty.
    #[doc(hidden)]
    pub fn contradictions(&self) -> Vec<String> {
        self.facts.contradictions()
    }

    /// Counters since the start, and rows per table now.
    pub fn stats(&self) -> Vec<(&'static str, u64)> {
        let counters = &self.counters;
        let mut stats = vec![
            ("messages", counters.messages),
            ("events_applied", counters.applied),
            ("events_ignored", counters.ignored),
            ("skipped", counters.skipped),
            ("lost_bytes", counters.lost_bytes),
            ("emitted", self.journal.emitted()),
            ("gaps", counters.gaps),
            ("resyncs", counters.resyncs),
            ("late_events", self.facts.late),
            ("impossible_values", counters.impossible),
            ("by_hand", self.overlay.by_hand() as u64),
        ];
        stats.extend(self.counts().map(|(name, count)| (name, count as u64)));
        stats
    }
}
