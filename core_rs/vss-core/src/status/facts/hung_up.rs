//! Last rows of channels that hung up: the legs of calls, for whoever writes history.

use std::collections::VecDeque;

use super::super::json::ToJson;
use super::super::keys::ChannelKey;
use super::super::moment::Moment;
use super::{Facts, Table};

/// At most so many wait to be taken; then the oldest goes.
const MAX_KEPT: usize = 10_000;

/// Rows that wait to be taken.
#[derive(Clone, Debug, Default)]
pub struct HungUp {
    rows: VecDeque<Vec<u8>>,
    lost: u64,
}

impl HungUp {
    /// The rows, oldest first, and how many were lost since the start because nobody took them.
    pub fn take(&mut self) -> (Vec<Vec<u8>>, u64) {
        (std::mem::take(&mut self.rows).into(), self.lost)
    }

    fn push(&mut self, row: Vec<u8>) {
        if self.rows.len() >= MAX_KEPT {
            self.rows.pop_front();
            self.lost += 1;
        }
        self.rows.push_back(row);
    }
}

impl Facts {
    /// Keep the row of a channel that hangs up.
    pub fn keep_hung_up(&mut self, key: ChannelKey, cause: Option<u32>, now: Moment) {
        if self.hung_up.is_none() {
            return;
        }
        let mut row = Vec::with_capacity(1024);
        self.write_channel(key, &mut row);
        self.push_hung_up(row, cause, now);
    }

    /// Keep the row of a channel of the facts before a swap, which Asterisk no longer has: nobody saw it hang up.
    pub fn keep_vanished(&mut self, old: &mut Self, id: &str, now: Moment) {
        let mut row = Vec::with_capacity(1024);
        if self.hung_up.is_some() && old.write(Table::Channels, id, &mut row) {
            self.push_hung_up(row, None, now);
        }
    }

    fn push_hung_up(&mut self, mut row: Vec<u8>, cause: Option<u32>, now: Moment) {
        // A channel nobody published yet has a row all the same, just no number of its own.
        if row.pop() != Some(b'}') {
            return;
        }
        row.extend_from_slice(b",\"ended_at\":");
        now.write_json(&mut row);
        row.extend_from_slice(b",\"hangup_cause\":");
        cause.write_json(&mut row);
        row.push(b'}');
        if let Some(hung_up) = &mut self.hung_up {
            hung_up.push(row);
        }
    }
}
