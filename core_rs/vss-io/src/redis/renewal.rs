//! Touching what stands: live rows outlive their time to live, what nobody touches does not.

use std::time::{Duration, Instant};

use super::keys::Keys;
use super::sent::Renewed;
use super::standing::Standing;

/// A round begins so many times within one time to live: a row is touched again before a third of it has passed.
const ROUNDS: u32 = 4;

/// When keys are touched, and which are left of this round.
#[derive(Debug)]
pub struct Renewal {
    every: Duration,
    at: Instant,
    left: Vec<Renewed>,
}

impl Renewal {
    /// The first round begins a quarter of the time to live from now.
    pub fn new(ttl: Duration, now: Instant) -> Self {
        let every = (ttl / ROUNDS).max(Duration::from_millis(1));
        Self {
            every,
            at: now + every,
            left: Vec::new(),
        }
    }

    /// When there is something to do.
    pub fn due(&self, now: Instant) -> Instant {
        if self.left.is_empty() { self.at } else { now }
    }

    /// The next keys to touch, at most `limit`.
    pub fn next(
        &mut self,
        now: Instant,
        limit: usize,
        keys: &Keys,
        standing: &Standing,
    ) -> Vec<(Renewed, Vec<u8>)> {
        let begins = self.left.is_empty() && now >= self.at;
        if begins {
            self.at = now + self.every;
            self.left.extend(standing.sets().map(Renewed::Set));
            self.left
                .extend(standing.rows().map(|(table, id)| Renewed::Row(table, id.into())));
        }
        let under_way = !self.left.is_empty() || begins;
        let mut chosen = Vec::new();
        while chosen.len() < limit {
            let Some(renewed) = self.left.pop() else { break };
            let mut key = Vec::new();
            match &renewed {
                // It may have gone since the round began.
                Renewed::Row(table, id) if standing.has(*table, id) => keys.write_row(*table, id, &mut key),
                Renewed::Set(set) => key.extend_from_slice(keys.set(set).as_bytes()),
                Renewed::Row(..) | Renewed::Other => continue,
            }
            chosen.push((renewed, key));
        }
        // Also of a PBX that has no row at all.
        if under_way && self.left.is_empty() {
            chosen.push((Renewed::Other, keys.meta().into_bytes()));
            chosen.push((Renewed::Other, keys.changes().into_bytes()));
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use vss_core::status::Table;

    use super::super::standing::SetChanges;
    use super::*;

    #[test]
    fn every_key_that_stands_is_touched_once_a_round_and_rounds_are_a_quarter_apart() {
        let (keys, now) = (Keys::new("q", "m"), Instant::now());
        let (mut standing, mut sets) = (Standing::default(), SetChanges::default());
        for id in ["a", "b", "c"] {
            standing.put(Table::Operators, id, &["sales"], &mut sets);
        }
        let mut renewal = Renewal::new(Duration::from_secs(4), now);
        assert!(renewal.next(now, 2, &keys, &standing).is_empty());
        let later = renewal.due(now);
        assert_eq!(later, now + Duration::from_secs(1));
        let first = renewal.next(later, 2, &keys, &standing);
        assert_eq!((first.len(), renewal.due(later)), (2, later));
        standing.remove(Table::Operators, "a", &mut sets);
        standing.remove(Table::Operators, "b", &mut sets);
        standing.remove(Table::Operators, "c", &mut sets);
        standing.put(Table::Calls, "late", &[], &mut sets);
        let mut all: Vec<_> = first.into_iter().map(|(_, key)| key).collect();
        while renewal.due(later) == later {
            let chunk = renewal.next(later, 2, &keys, &standing);
            all.extend(chunk.into_iter().map(|(_, key)| key));
        }
        let mut all: Vec<_> = all
            .into_iter()
            .map(|key| String::from_utf8(key).unwrap())
            .collect();
        all.sort();
        let rows = all
            .iter()
            .filter(|key| key.starts_with("q:{m}:operator:"))
            .count();
        assert_eq!(rows, 2, "those sent before they went: {all:?}");
        for other in [
            "q:{m}:changes",
            "q:{m}:meta",
            "q:{m}:operators",
            "q:{m}:queue:sales:operators",
        ] {
            assert!(all.iter().any(|key| key == other), "{other} in {all:?}");
        }
        assert_eq!(renewal.due(later), later + Duration::from_secs(1));
    }

    #[test]
    fn what_is_known_about_a_pbx_without_rows_is_touched_too() {
        let (keys, now) = (Keys::new("q", "m"), Instant::now());
        let mut renewal = Renewal::new(Duration::from_secs(4), now);
        let later = renewal.due(now);
        let chosen = renewal.next(later, 2, &keys, &Standing::default());
        let keys: Vec<_> = chosen.iter().map(|(_, key)| key.as_slice()).collect();
        assert_eq!(keys, [b"q:{m}:meta".as_slice(), b"q:{m}:changes"]);
        assert!(renewal.due(later) > later);
    }
}
