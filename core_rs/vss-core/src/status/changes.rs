//! Which rows changed since when: the order of changes that every consumer follows with a cursor of its own.
//!
//! ```text
//!  seq   101        102       104       105        107
//!       [op A]✗    [ch 1]    [op B]    [op A]     [ch 1 gone]      ✗ superseded: the row changed again later
//!        └ floor                └ cursor of a consumer: what follows is new to it
//! ```
//!
//! An entry only names a row; its content is read when it is asked for, so a row that changed ten times is read once,
//! and a consumer that was away for an hour costs nothing meanwhile. Superseded entries are dropped once they are the
//! greater part. Rows that are gone are remembered up to a number; a consumer older than the oldest of them has to read
//! everything anew, and is told so.

use std::collections::VecDeque;

use super::facts::Table;
use super::keys::{CallKey, ChannelKey, OperatorKey, QueueKey};

/// So many rows that are gone are remembered.
const MAX_GONE: usize = 100_000;
/// Superseded entries below this are not worth looking for.
const SLACK: usize = 4096;

/// The row an entry names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChangedRow {
    Operator(OperatorKey),
    Channel(ChannelKey),
    Call(CallKey),
    Queue(QueueKey),
    /// A row that was set by hand or from the database.
    Overlaid(Table, Box<str>),
    Gone(Table, Box<str>),
}

/// One row at its last change, as a consumer is shown it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// The row stands there.
    Put {
        /// Its table.
        table: Table,
        /// Its id.
        id: &'a str,
        /// The whole row as JSON.
        row: &'a [u8],
        /// Of an operator: the queues it is a member of. Of other rows: nothing.
        queues: &'a [&'a str],
        /// The row comes from the database: whatever a store knows already is newer.
        tentative: bool,
    },
    /// The row is gone.
    Remove {
        /// Its table.
        table: Table,
        /// Its id.
        id: &'a str,
    },
}

/// How far a consumer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The cursor to ask with the next time: everything up to this sequence number was shown.
    pub to: u64,
    /// Nothing is left after it.
    pub complete: bool,
    /// The cursor is too old, or of another router: nothing was shown, ask again from 0 and forget what is known.
    pub lost: bool,
}

/// The order of changes.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeLog {
    entries: VecDeque<(u64, ChangedRow)>,
    gone: usize,
    /// Changes up to this number are not all remembered.
    floor: Option<u64>,
    /// Cursors below this number may be another router's.
    raised: u64,
    /// Entries at which superseded ones are looked for.
    full: usize,
}

impl ChangeLog {
    /// A row changed at `seq`, which is not below any before it.
    pub fn push(&mut self, seq: u64, row: ChangedRow) {
        self.floor.get_or_insert(seq.saturating_sub(1));
        if matches!(row, ChangedRow::Gone(..)) {
            self.gone += 1;
        }
        self.entries.push_back((seq, row));
        if self.gone > MAX_GONE {
            self.forget_oldest_gone();
        }
    }

    /// Whether a consumer that has seen everything up to `since` can go on from there.
    pub fn knows(&self, since: u64, newest: u64) -> bool {
        since == 0 || (since >= self.raised && self.goes_on(since, newest))
    }

    /// Whether a consumer that began at 0 on this board, and has not come to the end yet, can go on from there.
    pub fn goes_on(&self, since: u64, newest: u64) -> bool {
        since == 0 || (since <= newest && self.floor.is_some_and(|floor| since >= floor))
    }

    /// The numbers go on from `seq`: a cursor from before may be another router's, so every consumer reads anew.
    pub fn raise(&mut self, seq: u64) {
        self.raised = self.raised.max(seq);
    }

    /// What happened before `seq` is no longer told apart: every consumer reads anew.
    fn forget_before(&mut self, seq: u64) {
        self.floor = Some(self.floor.map_or(seq, |floor| floor.max(seq)));
    }

    /// Whether it is time to drop what was superseded.
    pub fn is_full(&self) -> bool {
        self.entries.len() > self.full.max(SLACK)
    }

    /// Keep what `stands` says is still the last word about its row.
    pub fn compact(&mut self, mut stands: impl FnMut(u64, &ChangedRow) -> bool) {
        self.entries.retain(|(seq, row)| stands(*seq, row));
        self.recount();
    }

    /// Replace the entries of rows that stand there by `rows`; those of rows that are gone stay.
    pub fn rebuild(&mut self, rows: Vec<(u64, ChangedRow)>) {
        let gone = self
            .entries
            .drain(..)
            .filter(|(_, row)| matches!(row, ChangedRow::Gone(..)));
        let mut entries: Vec<_> = gone.chain(rows).collect();
        // Stable, and the gone first: a row that came back at the number it went has the last word.
        entries.sort_by_key(|(seq, _)| *seq);
        self.entries = entries.into();
        self.recount();
    }

    /// The entries after `since`, in order.
    pub fn after(&self, since: u64) -> impl Iterator<Item = &(u64, ChangedRow)> {
        let start = self.entries.partition_point(|(seq, _)| *seq <= since);
        self.entries.range(start..)
    }

    fn recount(&mut self) {
        self.gone = self
            .entries
            .iter()
            .filter(|(_, row)| matches!(row, ChangedRow::Gone(..)))
            .count();
        self.full = 2 * self.entries.len();
    }

    fn forget_oldest_gone(&mut self) {
        let mut spare = self.gone / 2;
        let mut floor = 0;
        self.entries.retain(|(seq, row)| {
            let drop = spare > 0 && matches!(row, ChangedRow::Gone(..));
            if drop {
                spare -= 1;
                floor = *seq;
            }
            !drop
        });
        self.forget_before(floor);
        self.recount();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(id: usize) -> ChangedRow {
        ChangedRow::Gone(Table::Channels, id.to_string().into())
    }

    #[test]
    fn a_cursor_from_before_the_first_change_is_not_known() {
        let mut log = ChangeLog::default();
        assert!(!log.knows(5, 0));
        log.push(100, gone(1));
        assert!(log.knows(99, 100) && log.knows(100, 100) && log.knows(0, 100));
        assert!(!log.knows(98, 100) && !log.knows(101, 100));
        log.raise(200);
        assert!(!log.knows(150, 200) && log.knows(200, 200));
        assert!(
            log.goes_on(150, 200) && !log.goes_on(98, 200),
            "who began at 0 is on its way"
        );
        log.forget_before(160);
        assert!(!log.goes_on(150, 200));
    }

    #[test]
    fn rows_that_are_gone_are_remembered_up_to_a_number_and_the_floor_rises() {
        let mut log = ChangeLog::default();
        for seq in 1..=MAX_GONE + 1 {
            log.push(seq as u64, gone(seq));
        }
        assert!(log.entries.len() <= MAX_GONE);
        let oldest = log.entries[0].0;
        assert!(!log.knows(oldest - 2, MAX_GONE as u64) && log.knows(oldest - 1, MAX_GONE as u64));
    }
}
