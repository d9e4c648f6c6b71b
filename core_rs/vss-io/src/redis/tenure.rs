//! Whether this writer may write: the state of its lease.
//!
//! ```text
//!               take: taken (epoch + 1)
//!   ┌────────┐ ────────────────────────▶ ┌─────────┐ ──┐ keep: kept
//!   │ Vacant │                           │ Writing │   │ every KEEP_EVERY
//!   └────────┘ ◀──────────────────────── └─────────┘ ◀─┘
//!     │    ▲     keep, flush: missing       │
//!     │    │     (outage, FLUSHALL)         │ keep, flush: held by another
//!     │    │ time to look                   │
//!     │    └──────────────── ┌──────────┐ ◀─┘
//!     └────────────────────▶ │ Stand-by │
//!       take: held           └──────────┘
//! ```
//!
//! Who enters Writing writes the whole board. A connection that is lost leads to Vacant: the lease is taken again with a higher
//! epoch, also when it still is our own, so that nothing the lost connection had under way lands later.

use std::time::{Duration, Instant};

use super::commands::Fence;

/// A lease is renewed, and a foreign one looked at, so often.
pub const KEEP_EVERY: Duration = Duration::from_millis(300);

/// What Redis says about the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is ours from now on.
    Taken {
        /// With this number, greater than any before.
        epoch: u64,
        /// The sequence number up to which somebody wrote.
        seq: u64,
    },
    /// It is still ours.
    Kept,
    /// We gave it up.
    Given,
    /// There is none.
    Missing,
    /// It is another's.
    Held {
        /// The whole lease: `<epoch>:<writer>`.
        lease: String,
        /// It ends then, if nobody renews it.
        ends_in: Duration,
    },
}

/// Where we stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody's, as far as we know.
    Vacant,
    /// Ours.
    Writing {
        /// Its number.
        epoch: u64,
        /// When it is to be renewed.
        keep_at: Instant,
    },
    /// Another's.
    StandBy {
        /// When we look again.
        look_at: Instant,
        /// The lease.
        lease: String,
    },
}

/// The state of the lease.
#[derive(Debug)]
pub struct Tenure {
    writer: String,
    standing: Standing,
    /// The greatest epoch seen: after a FLUSHALL nobody else remembers it.
    greatest: u64,
}

impl Tenure {
    /// Nothing is known yet.
    pub fn new(writer: &str) -> Self {
        Self {
            writer: writer.to_owned(),
            standing: Standing::Vacant,
            greatest: 0,
        }
    }

    /// The greatest epoch seen.
    pub fn greatest(&self) -> u64 {
        self.greatest
    }

    /// Our lease, when we hold it.
    pub fn lease(&self) -> Option<String> {
        match self.standing {
            Standing::Writing { epoch, .. } => Some(format!("{epoch}:{}", self.writer)),
            _ => None,
        }
    }

    /// When something is to be asked about the lease.
    pub fn due(&self, now: Instant) -> Instant {
        match self.standing {
            Standing::Vacant => now,
            Standing::Writing { keep_at, .. } => keep_at,
            Standing::StandBy { look_at, .. } => look_at,
        }
    }

    /// The lease was asked about; the answer comes later.
    pub fn asked(&mut self, now: Instant) {
        match &mut self.standing {
            Standing::Writing { keep_at: at, .. } | Standing::StandBy { look_at: at, .. } => {
                *at = now + KEEP_EVERY;
            }
            Standing::Vacant => {}
        }
    }

    /// An answer came. `jitter` is from 0 to 1: two that stand by should not look at the same moment.
    pub fn answered(&mut self, answer: LeaseAnswer, now: Instant, jitter: f64) {
        match answer {
            LeaseAnswer::Taken { epoch, .. } => {
                self.greatest = self.greatest.max(epoch);
                self.standing = Standing::Writing {
                    epoch,
                    keep_at: now + KEEP_EVERY,
                };
            }
            LeaseAnswer::Kept => {}
            LeaseAnswer::Given | LeaseAnswer::Missing => self.standing = Standing::Vacant,
            LeaseAnswer::Held { lease, ends_in } => {
                if let Some(epoch) = epoch_of(&lease) {
                    self.greatest = self.greatest.max(epoch);
                }
                let wait = KEEP_EVERY.mul_f64(0.75 + 0.25 * jitter).min(ends_in);
                self.standing = Standing::StandBy {
                    look_at: now + wait + Duration::from_millis(1),
                    lease,
                };
            }
        }
    }

    /// A batch was refused because of the lease.
    pub fn fenced(&mut self, fence: Fence, now: Instant) {
        let answer = match fence {
            Fence::Missing => LeaseAnswer::Missing,
            Fence::Held(lease) => LeaseAnswer::Held {
                lease,
                ends_in: KEEP_EVERY,
            },
        };
        self.answered(answer, now, 1.0);
    }

    /// The connection is lost: whether the lease is still ours is not known.
    pub fn lost(&mut self) {
        self.standing = Standing::Vacant;
    }
}

/// The number in a lease.
fn epoch_of(lease: &str) -> Option<u64> {
    lease.split(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(lease: &str, millis: u64) -> LeaseAnswer {
        LeaseAnswer::Held {
            lease: lease.to_owned(),
            ends_in: Duration::from_millis(millis),
        }
    }

    #[test]
    fn a_vanished_lease_is_asked_for_again_at_once_and_with_what_was_seen() {
        let now = Instant::now();
        let mut tenure = Tenure::new("a");
        tenure.answered(LeaseAnswer::Taken { epoch: 7, seq: 0 }, now, 0.0);
        assert_eq!(tenure.lease().as_deref(), Some("7:a"));
        tenure.fenced(Fence::Missing, now);
        assert_eq!(
            (&tenure.standing, tenure.due(now), tenure.greatest()),
            (&Standing::Vacant, now, 7)
        );
        assert_eq!(tenure.lease(), None);
    }

    #[test]
    fn a_fenced_writer_stands_by_and_remembers_the_greater_epoch() {
        let now = Instant::now();
        let mut tenure = Tenure::new("a");
        tenure.answered(LeaseAnswer::Taken { epoch: 7, seq: 0 }, now, 0.0);
        tenure.fenced(Fence::Held("9:b:c".to_owned()), now);
        assert_eq!((tenure.lease(), tenure.greatest()), (None, 9));
        assert!(matches!(&tenure.standing, Standing::StandBy { lease, .. } if lease == "9:b:c"));
        assert!(tenure.due(now) > now);
    }

    #[test]
    fn who_stands_by_looks_soon_sooner_when_the_lease_ends_and_never_at_once() {
        let now = Instant::now();
        let mut tenure = Tenure::new("a");
        for jitter in [0.0, 0.5, 1.0] {
            tenure.answered(held("3:b", 2000), now, jitter);
            let wait = tenure.due(now) - now;
            assert!(wait > KEEP_EVERY / 2 && wait <= KEEP_EVERY + Duration::from_millis(1));
        }
        tenure.answered(held("3:b", 20), now, 1.0);
        assert_eq!(tenure.due(now), now + Duration::from_millis(21));
        tenure.answered(held("nonsense", 0), now, 1.0);
        assert_eq!(tenure.due(now), now + Duration::from_millis(1));
    }

    #[test]
    fn a_lease_is_kept_at_its_time_and_taken_anew_after_a_lost_connection() {
        let now = Instant::now();
        let mut tenure = Tenure::new("a");
        assert_eq!(tenure.due(now), now);
        tenure.answered(LeaseAnswer::Taken { epoch: 1, seq: 5 }, now, 0.0);
        assert_eq!(tenure.due(now), now + KEEP_EVERY);
        let later = now + KEEP_EVERY;
        tenure.asked(later);
        tenure.answered(LeaseAnswer::Kept, later, 0.0);
        assert_eq!(tenure.due(later), later + KEEP_EVERY);
        tenure.lost();
        assert_eq!((&tenure.standing, tenure.greatest()), (&Standing::Vacant, 1));
    }
}
