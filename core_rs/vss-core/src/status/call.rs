//! A call: every channel of one Linkedid, from the first to the last.
//!
//! ```text
//!                 a leg rings          a caller waits            two in a talking bridge       a hold flag
//!   initiating ───────────────▶ ringing ────────────▶ queued ───────────────▶ talking ◀──────────────▶ on_hold
//!       │                          │                    │                        │ ▲                      │
//!       │                          │                    │              ParkedCall▼ │UnParkedCall          │
//!       │                          │                    │                       parked                    │
//!       └──────────────────────────┴────── last Hangup, or merged into an older Linkedid ─────────────────┘
//!                                                       ▼
//!                                                     ended ──60 s──▶ gone
//! ```
//!
//! The status is derived anew from the channels after every message that touched one, so that no order of events
//! can leave it behind. A visit of a queue is a part of the call:
//!
//! ```text
//!   Join ─▶ waiting ──Leave──▶ connecting ──AgentConnect──▶ served ──AgentComplete, Hangup of the leg──▶ over
//!              │                   │ the channel goes on (Newexten): timeout, left_empty, exit_key
//!              │ Abandon: noted    │ the channel goes (Hangup, hangup asked for): abandoned
//!              └── Hangup without Leave: abandoned
//! ```
//!
//! QueueCallerAbandon alone decides nothing: Asterisk sends it on time-outs as well, and not on exits by key.

use super::channel::known;
use super::json::{Seconds, json_name, json_object};
use super::keys::ChannelKey;
use super::mark::Mark;
use super::moment::Moment;

/// So many visits of one call are remembered: a caller sent round in circles does not grow the row for ever.
pub const MAX_VISITS_PER_CALL: usize = 64;

/// The same for its transfers.
pub const MAX_TRANSFERS_PER_CALL: usize = 64;

json_name! {
    /// What a call does now.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[allow(missing_docs)] // see the diagram
    pub enum CallStatus {
        #[default]
        Initiating = "initiating",
        Ringing = "ringing",
        Queued = "queued",
        Talking = "talking",
        OnHold = "on_hold",
        Parked = "parked",
        Ended = "ended",
    }
}

json_name! {
    /// Between whom.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Direction {
        Inbound = "inbound",
        Outbound = "outbound",
        #[default]
        Internal = "internal",
    }
}

json_name! {
    /// How a visit of a queue ended.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Outcome {
        /// An operator took it.
        Answered = "answered",
        /// The caller hung up.
        Abandoned = "abandoned",
        /// The queue's time was over.
        Timeout = "timeout",
        /// Nobody was left to serve, or the caller was withdrawn.
        LeftEmpty = "left_empty",
        /// The caller pressed a key.
        ExitKey = "exit_key",
    }
}

json_name! {
    /// How a call ended.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Disposition {
        Answered = "answered",
        Abandoned = "abandoned",
        NoAnswer = "no_answer",
        Busy = "busy",
        Failed = "failed",
        Timeout = "timeout",
        LeftEmpty = "left_empty",
        ExitKey = "exit_key",
    }
}

impl From<Outcome> for Disposition {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Answered => Self::Answered,
            Outcome::Abandoned => Self::Abandoned,
            Outcome::Timeout => Self::Timeout,
            Outcome::LeftEmpty => Self::LeftEmpty,
            Outcome::ExitKey => Self::ExitKey,
        }
    }
}

/// Where a visit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In the queue.
    Waiting,
    /// Left the queue; whether to an operator is not known yet.
    Connecting,
    /// With an operator.
    Served,
    /// Over.
    Over,
}

/// One visit of a queue: Linkedid + queue + joined_at.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The queue's name.
    pub queue: String,
    /// Uniqueid of the channel that waits.
    pub channel: String,
    /// When it joined.
    pub joined_at: Moment,
    /// When it left the queue.
    pub left_at: Option<Moment>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Who took it.
    pub operator: Option<String>,
    /// When the operator took it.
    pub connected_at: Option<Moment>,
    /// Milliseconds of talk.
    pub talk: i64,
    /// Where it stands.
    pub phase: Phase,
    /// QueueCallerAbandon came: not by key, and not to an operator.
    pub abandon_seen: bool,
    /// Where in the dialplan the channel was when it left: an AGI the queue runs does not move it.
    pub place: (String, String, u32),
    /// It entered a bridge after it left: AgentConnect may have been lost.
    pub bridged: bool,
}

impl Visit {
    /// Milliseconds waited until it left, or until `now`.
    pub fn wait(&self, now: Moment) -> i64 {
        self.left_at.unwrap_or(now).millis_since(self.joined_at)
    }
}

json_object! {
    /// A transfer that took place.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Transfer {
        /// `blind` or `attended`.
        pub kind: &'static str,
        /// When.
        pub at: Moment,
        /// Who transferred: an operator id, else the channel's name.
        pub by: String,
        /// Where to: an extension, else a channel's name.
        pub to: String,
    }
}

/// What was last said about a call in an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// Its status.
    pub status: CallStatus,
    /// Its operator.
    pub operator: Option<String>,
    /// Its queue.
    pub queue: Option<String>,
}

/// One call.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Linkedid.
    pub id: String,
    /// Its live channels, oldest first.
    pub channels: Vec<ChannelKey>,
    /// Between whom.
    pub direction: Direction,
    /// The outside party, or who was dialled.
    pub phone_number: String,
    /// The operator who serves or served it.
    pub operator: Option<String>,
    /// The present or last queue.
    pub queue: Option<String>,
    /// What it does now.
    pub status: CallStatus,
    /// Since when.
    pub status_since: Moment,
    /// First channel.
    pub started_at: Moment,
    /// First queue.
    pub queued_at: Option<Moment>,
    /// First talk.
    pub answered_at: Option<Moment>,
    /// Last hangup.
    pub ended_at: Option<Moment>,
    /// Milliseconds in queues.
    pub wait: i64,
    /// Milliseconds of talk.
    pub talk: i64,
    /// Milliseconds on hold.
    pub hold: i64,
    /// How it ended.
    pub disposition: Option<Disposition>,
    /// Why, as Asterisk's cause code (ITU-T Q.850).
    pub hangup_cause: Option<u32>,
    /// Transfers in order.
    pub transfers: Vec<Transfer>,
    /// Visits of queues in order.
    pub visits: Vec<Visit>,
    /// The call it became a part of.
    pub merged_into: Option<String>,
    /// Result of the last dial that did not answer.
    pub dial_result: Option<Disposition>,
    /// A channel of it was up without a queue and without a bridge: an announcement, a menu.
    pub picked_up: bool,
    /// What was last said about it; `None` before call.start.
    pub announced: Option<Announced>,
    /// Sequence, age, encoded row.
    pub mark: Mark,
}

impl Call {
    /// Enter `status`, closing the account of the one before.
    pub fn enter(&mut self, status: CallStatus, now: Moment) {
        if status == self.status {
            return;
        }
        let spent = now.millis_since(self.status_since);
        match self.status {
            CallStatus::Queued => self.wait += spent,
            CallStatus::Talking => self.talk += spent,
            CallStatus::OnHold => self.hold += spent,
            _ => {}
        }
        match status {
            CallStatus::Queued => _ = self.queued_at.get_or_insert(now),
            CallStatus::Talking => _ = self.answered_at.get_or_insert(now),
            CallStatus::Ended => self.ended_at = Some(now),
            _ => {}
        }
        self.status = status;
        self.status_since = now;
    }

    /// Whether the last channel is gone.
    pub fn is_ended(&self) -> bool {
        self.status == CallStatus::Ended
    }

    /// Remember a visit.
    pub fn begin_visit(&mut self, visit: Visit) {
        if self.visits.len() >= MAX_VISITS_PER_CALL {
            self.visits.remove(0);
        }
        self.queue = Some(visit.queue.clone());
        self.visits.push(visit);
    }

    /// The last visit of `queue` by this channel that is not over.
    pub fn open_visit(&mut self, queue: &str, channel: &str) -> Option<&mut Visit> {
        self.visits
            .iter_mut()
            .rev()
            .find(|v| v.phase != Phase::Over && v.queue == queue && v.channel == channel)
    }

    /// The visit of this channel, in whatever queue, that left and waits for its classification.
    pub fn connecting_visit(&mut self, channel: &str) -> Option<&mut Visit> {
        self.visits
            .iter_mut()
            .rev()
            .find(|v| v.phase == Phase::Connecting && v.channel == channel)
    }

    /// How the call ended, seen from what happened in it.
    pub fn judge(&self) -> Disposition {
        if self.answered_at.is_some() {
            return Disposition::Answered;
        }
        if let Some(outcome) = self.visits.iter().rev().find_map(|visit| visit.outcome) {
            return outcome.into();
        }
        if let Some(result) = self.dial_result {
            return result;
        }
        if self.picked_up {
            return Disposition::Answered;
        }
        // Causes of ITU-T Q.850 as Asterisk uses them.
        match self.hangup_cause {
            Some(17) => Disposition::Busy,
            Some(0 | 16 | 18 | 19 | 26) | None => Disposition::NoAnswer,
            Some(_) => Disposition::Failed,
        }
    }
}

json_object! {
    /// The row of a call, without `seq` and `as_of`.
    #[allow(missing_docs)] // the fields are described in docs/rows.md
    pub struct CallRow<'a> {
        pub source: &'a str,
        pub id: &'a str,
        pub direction: Direction,
        pub phone_number: Option<&'a str>,
        pub operator_id: Option<&'a str>,
        pub slot_id: Option<u32>,
        pub queue: Option<&'a str>,
        pub status: CallStatus,
        pub started_at: Moment,
        pub queued_at: Option<Moment>,
        pub answered_at: Option<Moment>,
        pub ended_at: Option<Moment>,
        pub wait_seconds: Seconds,
        pub talk_seconds: Seconds,
        pub hold_seconds: Seconds,
        pub disposition: Option<Disposition>,
        pub hangup_cause: Option<u32>,
        pub transfers: &'a [Transfer],
        pub queue_visits: Vec<VisitRow<'a>>,
        pub merged_into: Option<&'a str>,
    }
}

json_object! {
    /// A visit inside [`CallRow`].
    #[allow(missing_docs)]
    pub struct VisitRow<'a> {
        pub queue: &'a str,
        pub joined_at: Moment,
        pub left_at: Option<Moment>,
        pub outcome: Option<Outcome>,
        pub operator_id: Option<&'a str>,
        pub wait_seconds: Seconds,
        pub talk_seconds: Seconds,
    }
}

impl<'a> CallRow<'a> {
    /// The row as of the call's last change.
    pub fn new(source: &'a str, call: &'a Call) -> Self {
        Self {
            source,
            id: &call.id,
            direction: call.direction,
            phone_number: known(&call.phone_number),
            operator_id: call.operator.as_deref(),
            slot_id: None,
            queue: call.queue.as_deref(),
            status: call.status,
            started_at: call.started_at,
            queued_at: call.queued_at,
            answered_at: call.answered_at,
            ended_at: call.ended_at,
            wait_seconds: Seconds(call.wait),
            talk_seconds: Seconds(call.talk),
            hold_seconds: Seconds(call.hold),
            disposition: call.disposition,
            hangup_cause: call.hangup_cause,
            transfers: &call.transfers,
            queue_visits: call
                .visits
                .iter()
                .map(|visit| VisitRow {
                    queue: &visit.queue,
                    joined_at: visit.joined_at,
                    left_at: visit.left_at,
                    outcome: visit.outcome,
                    operator_id: visit.operator.as_deref(),
                    wait_seconds: Seconds(visit.wait(call.mark.as_of)),
                    talk_seconds: Seconds(visit.talk),
                })
                .collect(),
            merged_into: call.merged_into.as_deref(),
        }
    }
}
