//! A queue: who works in it, who waits in it, and how it did over the window.
//!
//! ```text
//!  callers   Join at Position p ─▶ [1][2]…[p]…[n] ──Leave of q──▶ everyone behind q moves up by one
//! ```
//!
//! Asterisk announces one caller's position, at Join; the others move without an event, so the list itself is the
//! truth and positions are read off it.

use super::channel::known;
use super::json::{Percent, Seconds, json_object};
use super::keys::{CallKey, ChannelKey, OperatorKey};
use super::mark::Mark;
use super::moment::Moment;
use super::operator::Bucket;
use super::window::Window;

/// A caller who waits.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Uniqueid of the waiting channel.
    pub id: String,
    /// The channel.
    pub channel: ChannelKey,
    /// Its call.
    pub call: CallKey,
    /// Caller's number, empty when unknown.
    pub number: String,
    /// Caller's name, empty when unknown.
    pub name: String,
    /// When the visit began.
    pub joined_at: Moment,
    /// Queue priority, told by lists only.
    pub priority: i32,
    /// Operators whose phones ring for this caller.
    pub ringing: Vec<OperatorKey>,
    /// Number of the last list that named it (resync).
    pub seen: u32,
    /// Made by a list of the running resync; its own Join, if it is among the events kept, knows better.
    pub listed: bool,
}

json_object! {
    /// Members per bucket.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    #[allow(missing_docs)] // the names say it
    pub struct Counts {
        pub logged_in: u32,
        pub available: u32,
        pub ringing: u32,
        pub talking: u32,
        pub on_hold: u32,
        pub wrap_up: u32,
        pub paused: u32,
        pub unreachable: u32,
    }
}

impl Counts {
    /// A membership moved from one bucket to another; `None` is outside the queue.
    pub fn shift(&mut self, from: Option<Bucket>, to: Option<Bucket>) {
        if let Some(bucket) = from {
            *self.of(bucket) = self.of(bucket).saturating_sub(1);
            self.logged_in = self.logged_in.saturating_sub(1);
        }
        if let Some(bucket) = to {
            *self.of(bucket) += 1;
            self.logged_in += 1;
        }
    }

    fn of(&mut self, bucket: Bucket) -> &mut u32 {
        match bucket {
            Bucket::Available => &mut self.available,
            Bucket::Ringing => &mut self.ringing,
            Bucket::Talking => &mut self.talking,
            Bucket::OnHold => &mut self.on_hold,
            Bucket::WrapUp => &mut self.wrap_up,
            Bucket::Paused => &mut self.paused,
            Bucket::Unreachable => &mut self.unreachable,
        }
    }
}

/// One queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Ring strategy.
    pub strategy: String,
    /// Weight against other queues.
    pub weight: i32,
    /// Most callers it takes, 0 for no limit.
    pub max: u32,
    /// Seconds within which an answer counts as served in time.
    pub service_level: u32,
    /// Members per bucket.
    pub counts: Counts,
    /// Who waits, first in line first.
    pub callers: Vec<Caller>,
    /// How many memberships it has.
    pub memberships: u32,
    /// Figures.
    pub window: Window,
    /// Number of the last list that named it (resync).
    pub seen: u32,
    /// Sequence, age, encoded row.
    pub mark: Mark,
}

impl Queue {
    /// Where the channel waits, 0 for the first in line.
    pub fn place_of(&self, channel: &str) -> Option<usize> {
        self.callers.iter().position(|caller| caller.id == channel)
    }
}

json_object! {
    /// The row of a queue, without `seq` and `as_of`.
    #[allow(missing_docs)] // the fields are described in docs/rows.md
    pub struct QueueRow<'a> {
        pub source: &'a str,
        pub name: &'a str,
        pub strategy: &'a str,
        pub weight: i32,
        pub max: u32,
        pub service_level_seconds: u32,
        pub counts: &'a Counts,
        pub callers: Vec<CallerRow<'a>>,
        pub longest_wait: Seconds,
        pub offered: usize,
        pub answered: u32,
        pub abandoned: u32,
        pub timed_out: u32,
        pub service_level_percent: ServiceLevel,
        pub average_wait: Option<Seconds>,
        pub average_talk: Option<Seconds>,
        pub p90_wait: Option<Seconds>,
    }
}

json_object! {
    /// Both of Asterisk's formulas, over the window.
    pub struct ServiceLevel {
        /// `100 · answered in time / answered` (ServicelevelPerf).
        pub of_answered: Option<Percent>,
        /// `100 · (answered + abandoned in time) / (answered + abandoned)` (ServicelevelPerf2).
        pub of_offered: Option<Percent>,
    }
}

json_object! {
    /// A caller inside [`QueueRow`].
    #[allow(missing_docs)]
    pub struct CallerRow<'a> {
        pub position: usize,
        pub channel: &'a str,
        pub call_id: &'a str,
        pub number: Option<&'a str>,
        pub name: Option<&'a str>,
        pub joined_at: Moment,
        pub priority: i32,
        pub ringing: Vec<&'a str>,
    }
}

impl<'a> CallerRow<'a> {
    /// The row of the caller at `place` (0 for the first in line).
    pub fn new(place: usize, caller: &'a Caller, call_id: &'a str, ringing: Vec<&'a str>) -> Self {
        Self {
            position: place + 1,
            channel: &caller.id,
            call_id,
            number: known(&caller.number),
            name: known(&caller.name),
            joined_at: caller.joined_at,
            priority: caller.priority,
            ringing,
        }
    }
}
