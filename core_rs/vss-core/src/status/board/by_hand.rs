//! Rows that do not come from Asterisk: set, removed, and lifted again by the next fact.

use super::super::changes::ChangedRow;
use super::super::error::StatusError;
use super::super::facts::Table;
use super::super::mark::Mark;
use super::super::moment::Moment;
use super::super::overlay::{Origin, Overlaid, RowByHand};
use super::reading::stands;
use super::{Batch, StatusBoard};

impl StatusBoard {
    /// Lay a row over what AMI says, until AMI says something about it.
    ///
    /// # Errors
    /// [`StatusError::NotARow`] when the JSON is not an object of a row's fields.
    pub fn set_row(
        &mut self,
        table: Table,
        id: &str,
        row: RowByHand<'_>,
        now: Moment,
    ) -> Result<Batch, StatusError> {
        if !is_row(row.json) {
            return Err(StatusError::NotARow(id.to_owned()));
        }
        self.journal.begin(now);
        let mut batch = Batch::default();
        // What is known by hand is not replaced by what was configured.
        if row.origin == Origin::Database && (self.facts.has(table, id) || self.overlay.covers(table, id)) {
            return Ok(batch);
        }
        let seq = self.journal.next(now);
        let mut mark = Mark::default();
        mark.seq = seq;
        mark.as_of = now;
        mark.replace(row.json);
        // What was configured is no news.
        let key = match (row.origin, table) {
            (Origin::Manual, Table::Operators) => Some("operator.update"),
            (Origin::Manual, Table::Queues) => Some("queue.update"),
            _ => None,
        };
        if let Some(key) = key {
            batch.events.push(self.journal.write_as(seq, key, now, |out| {
                out.extend_from_slice(b"\"row\":");
                mark.write(out);
            }));
        }
        let overlaid = Overlaid {
            mark,
            origin: row.origin,
            state: row.state.to_owned(),
            queues: row.queues,
            extension: row.extension.to_owned(),
            name: row.name.to_owned(),
        };
        self.overlay.put(table, id, overlaid);
        self.facts.overlaid = true;
        self.changes.push(seq, ChangedRow::Overlaid(table, id.into()));
        self.compact_changes();
        Ok(batch)
    }

    /// Take a row away, until AMI says something about it; false when there is none.
    pub fn remove_row(&mut self, table: Table, id: &str, now: Moment) -> bool {
        self.journal.begin(now);
        if !self.shows(table, id) {
            return false;
        }
        let seq = self.journal.next(now);
        self.take_away(table, id, seq);
        self.compact_changes();
        true
    }

    /// Take every row away; how many.
    pub fn clear(&mut self, now: Moment) -> usize {
        self.journal.begin(now);
        let mut taken = 0;
        for table in Table::ALL {
            for chunk in self.ids(table).chunks(Self::TOGETHER) {
                let seq = self.journal.next(now);
                for id in chunk {
                    self.take_away(table, id, seq);
                }
                taken += chunk.len();
            }
        }
        self.compact_changes();
        taken
    }

    /// Whether what is shown of a row was set by hand.
    pub fn is_by_hand(&self, table: Table, id: &str) -> bool {
        self.overlay
            .row(table, id)
            .is_some_and(|row| row.origin == Origin::Manual)
    }

    fn shows(&self, table: Table, id: &str) -> bool {
        if self.overlay.covers(table, id) {
            self.overlay.row(table, id).is_some()
        } else {
            self.facts.has(table, id)
        }
    }

    fn take_away(&mut self, table: Table, id: &str, seq: u64) {
        if self.facts.has(table, id) {
            self.overlay.hide(table, id);
            self.facts.overlaid = true;
        } else {
            self.overlay.lift(table, id);
        }
        self.changes.push(seq, ChangedRow::Gone(table, id.into()));
    }

    /// A fact about a row: what lies over it goes. True when something did, so that the row is shown again.
    pub(super) fn lift(&mut self, table: Table, id: impl FnOnce(&Self) -> Option<String>) -> bool {
        if self.overlay.is_empty() {
            return false;
        }
        let lifted = id(self).is_some_and(|id| self.overlay.lift(table, &id));
        self.facts.overlaid = !self.overlay.is_empty();
        lifted
    }

    /// Asterisk's own lists are in: rows from the database go, and rows by hand that Asterisk has, too.
    pub(super) fn lift_at_swap(&mut self) {
        self.facts.overlaid = !self.overlay.is_empty();
        if !self.facts.overlaid {
            return;
        }
        for table in Table::ALL {
            for id in self.overlay.lift_database(table) {
                self.facts.touch_row(table, &id);
                self.facts.gone.push((table, id));
            }
            for id in self.overlay.covered(table) {
                if self.facts.has(table, &id) {
                    self.facts.touch_row(table, &id);
                } else if self.overlay.row(table, &id).is_none() {
                    self.overlay.lift(table, &id);
                }
            }
        }
    }

    /// Let the numbers go on from `seq` when that is above ours: another router wrote for this PBX before. Whoever
    /// follows the changes reads anew.
    pub fn raise_seq(&mut self, seq: u64) {
        if self.journal.raise(seq) {
            self.changes.raise(seq);
        }
    }

    pub(super) fn compact_changes(&mut self) {
        if self.changes.is_full() {
            let (facts, overlay) = (&self.facts, &self.overlay);
            self.changes
                .compact(|seq, changed| stands(facts, overlay, seq, changed));
        }
    }

    /// After a swap the rows stand at other places: name them anew.
    pub(super) fn rebuild_changes(&mut self) {
        let facts = &self.facts;
        let operators = facts
            .operators
            .iter()
            .map(|(key, row)| (row.mark.seq, ChangedRow::Operator(key)));
        let channels = facts
            .channels
            .iter()
            .map(|(key, row)| (row.mark.seq, ChangedRow::Channel(key)));
        let calls = facts
            .calls
            .iter()
            .map(|(key, row)| (row.mark.seq, ChangedRow::Call(key)));
        let queues = facts
            .queues
            .iter()
            .map(|(key, row)| (row.mark.seq, ChangedRow::Queue(key)));
        let mut rows: Vec<_> = operators.chain(channels).chain(calls).chain(queues).collect();
        for table in Table::ALL {
            let over = self.overlay.rows(table);
            rows.extend(over.map(|(id, row)| (row.mark.seq, ChangedRow::Overlaid(table, id.into()))));
        }
        self.changes.rebuild(rows);
    }
}

/// An object with fields of its own, and none of those the board adds.
fn is_row(json: &[u8]) -> bool {
    // Nothing may stand around the braces: the board writes into the object.
    json.first() == Some(&b'{')
        && json.last() == Some(&b'}')
        && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(json)
            .is_ok_and(|row| !row.is_empty() && !row.contains_key("seq") && !row.contains_key("as_of"))
}
