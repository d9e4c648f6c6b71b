//! Writing while the lease is ours: the whole board first, then what changes.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::commands::{self, Index, Meta};
use super::connect::{Connection, name_source};
use super::flush::{Entry, Gathering, Header};
use super::keys::Keys;
use super::options::Target;
use super::renewal::Renewal;
use super::sent::{Sent, UnderWay};
use super::standing::Standing;
use super::tenure::Tenure;
use super::trouble::Trouble;
use super::writer::Shared;

/// The name of the PBX is put among the others at least so often.
const NAME_EVERY: Duration = Duration::from_secs(60);

/// Why writing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadEnd {
    /// We were told to stop, and everything is written.
    Stopped,
    /// The lease is not ours any more.
    LeaseLost,
}

/// A rewrite of the whole board.
#[derive(Debug)]
struct Rewrite {
    name: String,
    /// What is on no board goes. Not before the first resync: until then Redis may know more than the board.
    replaces: bool,
}

/// One time that the lease is ours.
pub struct Lead<'a> {
    pub(super) shared: &'a Shared,
    keys: &'a Keys,
    pub(super) connection: &'a Connection,
    pub(super) tenure: &'a mut Tenure,
    lease: String,
    pub(super) standing: Standing,
    gathering: Gathering,
    under_way: UnderWay,
    renewal: Renewal,
    rewrite: Option<Rewrite>,
    pub(super) rewrites: u64,
    /// Resyncs of the board when the last rewrite began.
    resyncs: u64,
    /// Requests for a rewrite that the last one serves.
    serves: u64,
    pub(super) must_rewrite: bool,
    /// Where we are in the board's changes.
    cursor: u64,
    /// What the last entry told.
    announced: u64,
    /// What `meta` says.
    meta: Meta,
    flush_at: Instant,
    name_at: Instant,
}

impl<'a> Lead<'a> {
    /// The lease is ours since just now.
    pub fn new(
        shared: &'a Shared,
        connection: &'a Connection,
        tenure: &'a mut Tenure,
        lease: String,
    ) -> Self {
        let now = Instant::now();
        Self {
            shared,
            keys: &shared.keys,
            connection,
            tenure,
            lease,
            standing: Standing::default(),
            gathering: Gathering::default(),
            under_way: UnderWay::default(),
            renewal: Renewal::new(shared.options.ttl, now),
            rewrite: None,
            rewrites: 0,
            resyncs: 0,
            serves: 0,
            must_rewrite: true,
            cursor: 0,
            announced: 0,
            meta: Meta::default(),
            flush_at: now,
            name_at: now,
        }
    }

    /// Write until the lease is lost or we are told to stop.
    ///
    /// # Errors
    /// [`Trouble`] with the connection, which is of no use then.
    pub async fn run(&mut self) -> Result<LeadEnd, Trouble> {
        loop {
            let now = Instant::now();
            if now >= self.tenure.due(now) {
                self.tenure.asked(now);
                let keep = commands::keep(self.keys, &self.lease, self.shared.options.lease);
                self.send(Sent::Keep, keep, now).await;
            }
            if now >= self.name_at {
                self.name(now).await;
            }
            if self.may_renew() && now >= self.renewal.due(now) {
                self.renew(now).await;
            }
            let work = self.has_work();
            let room = self.under_way.flushes() < self.shared.options.in_flight;
            if work && room && (now >= self.flush_at || self.is_urgent()) {
                self.flush(now).await;
                // The connection's own task writes what was sent.
                tokio::task::yield_now().await;
                continue;
            }
            if !work && self.under_way.is_empty() && self.shared.is_stopping() {
                return Ok(LeadEnd::Stopped);
            }
            let mut wake_at = self.tenure.due(now).min(self.name_at);
            if self.may_renew() {
                wake_at = wake_at.min(self.renewal.due(now));
            }
            if work && room {
                wake_at = wake_at.min(self.flush_at);
            }
            tokio::select! {
                biased;
                (sent, at, answer) = self.under_way.answer() => {
                    if let Some(end) = self.answered(sent, at, answer)? {
                        return Ok(end);
                    }
                }
                () = self.shared.board.changed(), if room => {}
                () = self.shared.wake.notified() => {}
                () = sleep_until(wake_at.into()) => {}
            }
        }
    }

    fn has_work(&self) -> bool {
        self.must_rewrite
            || self.rewrite.is_some()
            || self.shared.board.seq() != self.cursor
            || self.shared.asked_rewrites() != self.serves
            || self.shared.meta() != self.meta
            || self.standing.has_doubts()
    }

    /// There is more than a flush takes, or nobody to wait for.
    fn is_urgent(&self) -> bool {
        self.must_rewrite
            || self.rewrite.is_some()
            || self.shared.is_stopping()
            || self.shared.board.seq().saturating_sub(self.cursor) >= self.shared.options.flush_rows as u64
    }

    fn begin_rewrite(&mut self, resyncs: u64, asked: u64) {
        self.must_rewrite = false;
        self.rewrites += 1;
        self.resyncs = resyncs;
        self.serves = asked;
        self.cursor = 0;
        self.standing.clear();
        self.gathering.clear();
        let epoch = self.lease.split(':').next().unwrap_or_default();
        self.rewrite = Some(Rewrite {
            name: format!("{epoch}.{}", self.rewrites),
            replaces: resyncs > 0,
        });
    }

    async fn flush(&mut self, now: Instant) {
        self.flush_at = now + self.shared.options.flush_every;
        let asked = self.shared.asked_rewrites();
        let (span, as_of) = {
            let mut board = self.shared.board.lock();
            let resyncs = board.resyncs();
            if self.must_rewrite || resyncs != self.resyncs || asked != self.serves {
                self.begin_rewrite(resyncs, asked);
            }
            let mut span = None;
            // A cursor that is too old asks once more, from 0, which never is.
            for _ in 0..2 {
                let (gathering, standing, keys) = (&mut self.gathering, &mut self.standing, self.keys);
                let take = |change: vss_core::status::Change<'_>| gathering.take(change, keys, standing);
                let shown = if self.rewrite.is_some() {
                    board.rest_of_changes(self.cursor, self.shared.options.flush_rows, take)
                } else {
                    board.changes(self.cursor, self.shared.options.flush_rows, take)
                };
                span = Some(shown);
                if !shown.lost {
                    break;
                }
                self.begin_rewrite(resyncs, asked);
            }
            let Some(span) = span.filter(|span| !span.lost) else {
                return;
            };
            (span, board.as_of().to_string())
        };
        self.gathering.resolve_doubts(&mut self.standing);
        let meta = self.shared.meta();
        let ended = span.complete.then(|| self.rewrite.take_if(|_| true)).flatten();
        let entry = match (&self.rewrite, &ended) {
            (None, None) => Entry::Rows {
                seq_from: self.announced + 1,
                seq_to: span.to,
            },
            (None, Some(rewrite)) if !rewrite.replaces => Entry::Everything { seq_to: span.to },
            _ => Entry::None,
        };
        let header = Header {
            lease: &self.lease,
            ttl: self.shared.options.ttl,
            entry,
            meta: &meta,
            as_of: &as_of,
            rewrite: self
                .rewrite
                .as_ref()
                .or(ended.as_ref())
                .filter(|rewrite| rewrite.replaces)
                .map(|rewrite| rewrite.name.as_str()),
            compression: self.shared.options.compression,
        };
        let says_more = match entry {
            Entry::None => false,
            Entry::Everything { .. } => true,
            Entry::Rows { .. } => span.to != self.announced || meta != self.meta,
        };
        self.cursor = span.to;
        if says_more || !self.gathering.is_empty() {
            let flush = self.gathering.flush(self.keys, &header);
            let sent = Sent::Flush {
                known: flush.known,
                rows: flush.rows,
                seq_to: (entry != Entry::None).then_some(span.to),
                ends: matches!(entry, Entry::Everything { .. }).then_some(self.serves),
            };
            self.send(sent, flush.command, now).await;
        }
        if let Some(rewrite) = ended.filter(|rewrite| rewrite.replaces) {
            let index = Index {
                lease: &self.lease,
                ttl: self.shared.options.ttl,
                rewrite: &rewrite.name,
                seq_to: span.to,
                meta: &meta,
                as_of: &as_of,
            };
            let sent = Sent::Index {
                seq_to: span.to,
                ends: self.serves,
            };
            self.send(sent, index.command(self.keys), now).await;
        }
        if self.rewrite.is_none() {
            self.announced = span.to;
            self.meta = meta;
        }
        self.shared
            .update(|status| status.rows = self.standing.len() as u64);
    }

    fn may_renew(&self) -> bool {
        self.rewrite.is_none() && !self.must_rewrite && !self.under_way.renews()
    }

    async fn renew(&mut self, now: Instant) {
        let chosen = self
            .renewal
            .next(now, self.shared.options.flush_rows, self.keys, &self.standing);
        if chosen.is_empty() {
            return;
        }
        let (renewed, keys): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
        let cmd = commands::renew(self.keys, &self.lease, self.shared.options.ttl, &keys);
        let sent = Sent::Renew {
            keys: renewed,
            rewrites: self.rewrites,
        };
        self.send(sent, cmd, now).await;
    }

    async fn name(&mut self, now: Instant) {
        self.name_at = now + NAME_EVERY.min(self.shared.options.ttl / 4);
        let source = self.shared.source.clone();
        if let Target::Cluster { .. } = self.shared.options.endpoint.target {
            // Another node's key: whether that node answers must not hold the rows up. It is tried again anyway.
            let (endpoint, keys) = (self.shared.options.endpoint.clone(), self.keys.clone());
            let connection = self.connection.clone();
            tokio::spawn(async move { name_source(&endpoint, &keys, &source, &connection).await });
            return;
        }
        let mut cmd = redis::Cmd::new();
        cmd.arg("SADD").arg(self.keys.sources()).arg(source);
        self.send(Sent::Sources, cmd, now).await;
    }

    async fn send(&mut self, sent: Sent, cmd: redis::Cmd, now: Instant) {
        let connection = self.connection.inner.clone();
        self.under_way.send(connection, sent, cmd, now).await;
    }
}
