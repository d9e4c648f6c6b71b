//! What Redis answered while we write, and what follows from it.

use std::time::Instant;

use redis::{RedisError, Value};

use super::commands;
use super::lead::{Lead, LeadEnd};
use super::sent::{Renewed, Sent};
use super::tenure::LeaseAnswer;
use super::trouble::Trouble;

impl Lead<'_> {
    /// Take one answer in. Whether writing is over with it.
    ///
    /// # Errors
    /// [`Trouble`] when it is none that the lease explains.
    pub(super) fn answered(
        &mut self,
        sent: Sent,
        at: Instant,
        answer: Result<Value, RedisError>,
    ) -> Result<Option<LeadEnd>, Trouble> {
        let now = Instant::now();
        let value = match answer {
            Ok(value) => value,
            Err(error) => {
                let Some(fence) = commands::fence(&error) else {
                    return Err(Trouble::of(&error, &self.connection.address, false));
                };
                self.tenure.fenced(fence, now);
                self.shared.update(|status| status.fenced += 1);
                return Ok(Some(LeadEnd::LeaseLost));
            }
        };
        match sent {
            Sent::Flush {
                known,
                rows,
                seq_to,
                ends,
            } => {
                let missing = commands::places(value);
                self.shared.update(|status| {
                    status.trouble = None;
                    status.flushes += 1;
                    status.rows_written += rows as u64;
                    status.missing += missing.len() as u64;
                    status.last_flush_seconds = (now - at).as_secs_f64();
                });
                for place in missing {
                    if let Some((table, id)) = known.get(place.wrapping_sub(1)) {
                        self.standing.doubt(*table, id.clone());
                    }
                }
                self.reached(seq_to, ends);
            }
            Sent::Index { seq_to, ends } => self.reached(Some(seq_to), Some(ends)),
            Sent::Keep => {
                let answer = commands::lease_answer(value)
                    .map_err(|error| Trouble::of(&error, &self.connection.address, false))?;
                let kept = answer == LeaseAnswer::Kept;
                self.tenure.answered(answer, now, 1.0);
                return Ok((!kept).then_some(LeadEnd::LeaseLost));
            }
            Sent::Renew { keys, rewrites } => {
                let missing = commands::places(value);
                self.shared
                    .update(|status| status.renewed += (keys.len() - missing.len()) as u64);
                let lost = missing
                    .into_iter()
                    .filter_map(|place| keys.get(place.wrapping_sub(1)));
                if rewrites == self.rewrites && lost.into_iter().any(|renewed| self.should_stand(renewed)) {
                    self.must_rewrite = true;
                }
            }
            Sent::Sources => {}
        }
        Ok(None)
    }

    fn should_stand(&self, renewed: &Renewed) -> bool {
        match renewed {
            Renewed::Row(table, id) => self.standing.has(*table, id),
            Renewed::Set(set) => self.standing.sets().any(|stands| stands == *set),
            Renewed::Other => true,
        }
    }

    fn reached(&self, seq_to: Option<u64>, ends: Option<u64>) {
        self.shared.update(|status| {
            status.seq = seq_to.unwrap_or(status.seq);
            if let Some(asked) = ends {
                status.trouble = None;
                status.rewrites += 1;
                status.rewrites_done = asked;
            }
        });
    }
}
