//! How long to wait before the next try.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(25);
/// The longest wait: a Redis that is back is found within it.
const LONGEST: Duration = Duration::from_millis(400);
/// What a person has to change is not looked at more often.
const REFUSED: Duration = Duration::from_secs(5);

/// Waits that grow to a bound, each different from another writer's.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// The same seed gives the same waits.
    pub fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// The wait after one more failure.
    pub fn wait(&mut self, refused: bool) -> Duration {
        let full = FIRST.saturating_mul(1 << self.failures.min(8)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let full = if refused { REFUSED } else { full };
        full.mul_f64(0.5 + 0.5 * self.jitter())
    }

    /// It works again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// From 0 to 1.
    pub fn jitter(&mut self) -> f64 {
        self.random.f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_differ_by_seed_and_begin_anew() {
        let mut backoff = Backoff::new(1);
        let waits: Vec<_> = (0..50).map(|_| backoff.wait(false)).collect();
        assert!(waits[0] <= FIRST && waits.iter().all(|wait| *wait <= LONGEST));
        assert!(waits[20..].iter().all(|wait| *wait >= LONGEST / 2));
        let mut other = Backoff::new(2);
        assert_ne!(waits, (0..50).map(|_| other.wait(false)).collect::<Vec<_>>());
        assert!(backoff.wait(true) >= REFUSED / 2);
        backoff.reset();
        assert!(backoff.wait(false) <= FIRST);
    }
}
