//! How long to wait between two connections.

use std::time::{Duration, Instant};

use crate::backoff::{Backoff, Bounds};

/// A connection that stood for so long was of use.
const PROVED: Duration = Duration::from_secs(3);
/// A person's mistake is looked at again no sooner than this many of the longest waits.
const REFUSED: u32 = 2;

/// Waits that begin anew only after a connection that was of use.
///
/// One that ends as soon as it stands, again and again, is no better than none: a message that ends it comes again on
/// the next one.
#[derive(Debug)]
pub(super) struct Patience {
    backoff: Backoff,
    since: Option<Instant>,
}

impl Patience {
    pub(super) fn new((first, longest): (Duration, Duration), seed: u64) -> Self {
        let bounds = Bounds {
            first,
            longest,
            refused: longest * REFUSED,
        };
        Self {
            backoff: Backoff::new(bounds, seed),
            since: None,
        }
    }

    /// A connection has everything it was to have.
    pub(super) fn stands(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// How long to wait now that there is no connection.
    pub(super) fn wait(&mut self, now: Instant, refused: bool) -> Duration {
        if self
            .since
            .take()
            .is_some_and(|since| now.saturating_duration_since(since) >= PROVED)
        {
            self.backoff.reset();
        }
        self.backoff.wait(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(50);

    fn waits(lives: Duration) -> Vec<Duration> {
        let mut patience = Patience::new((FIRST, Duration::from_secs(2)), 1);
        let mut now = Instant::now();
        (0..8)
            .map(|_| {
                patience.stands(now);
                now += lives;
                patience.wait(now, false)
            })
            .collect()
    }

    #[test]
    fn a_connection_that_ends_at_once_again_and_again_is_made_less_and_less_often() {
        let waits = waits(Duration::from_millis(10));
        assert!(waits[0] <= FIRST);
        assert!(waits[7] >= Duration::from_secs(1));
    }

    #[test]
    fn a_connection_that_was_of_use_is_made_again_at_once() {
        assert!(waits(PROVED).iter().all(|wait| *wait <= FIRST));
    }

    #[test]
    fn what_was_of_use_counts_once() {
        let mut patience = Patience::new((FIRST, Duration::from_secs(2)), 1);
        let begun = Instant::now();
        patience.stands(begun);
        let later = begun + PROVED;
        let waits: Vec<_> = (0..8).map(|_| patience.wait(later, false)).collect();
        assert!(waits[0] <= FIRST && waits[7] >= Duration::from_secs(1));
    }
}
