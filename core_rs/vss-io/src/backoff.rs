//! How long to wait before the next try.

use std::time::Duration;

/// Between what the waits lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first wait.
    pub first: Duration,
    /// The longest wait: what is back is found within it.
    pub longest: Duration,
    /// What a person has to change is not looked at more often.
    pub refused: Duration,
}

/// Waits that grow to a bound, each different from another one's.
#[derive(Debug)]
pub struct Backoff {
    bounds: Bounds,
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// The same seed gives the same waits.
    pub fn new(bounds: Bounds, seed: u64) -> Self {
        Self {
            bounds,
            failures: 0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// The wait after one more failure.
    pub fn wait(&mut self, refused: bool) -> Duration {
        let bounds = self.bounds;
        let full = bounds
            .first
            .saturating_mul(1 << self.failures.min(8))
            .min(bounds.longest);
        self.failures = self.failures.saturating_add(1);
        let full = if refused { bounds.refused } else { full };
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
        let bounds = Bounds {
            first: Duration::from_millis(25),
            longest: Duration::from_millis(400),
            refused: Duration::from_secs(5),
        };
        let mut backoff = Backoff::new(bounds, 1);
        let waits: Vec<_> = (0..50).map(|_| backoff.wait(false)).collect();
        assert!(waits[0] <= bounds.first && waits.iter().all(|wait| *wait <= bounds.longest));
        assert!(waits[20..].iter().all(|wait| *wait >= bounds.longest / 2));
        let mut other = Backoff::new(bounds, 2);
        assert_ne!(waits, (0..50).map(|_| other.wait(false)).collect::<Vec<_>>());
        assert!(backoff.wait(true) >= bounds.refused / 2);
        backoff.reset();
        assert!(backoff.wait(false) <= bounds.first);
    }
}
