//! Finding rows: by id, by filter, whole tables.

use super::super::error::StatusError;
use super::super::moment::Moment;
use super::Facts;

/// A table of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Table {
    Operators,
    Channels,
    Calls,
    Queues,
}

impl Table {
    /// Every table, in the order a snapshot shows them.
    pub const ALL: [Self; 4] = [Self::Operators, Self::Channels, Self::Queues, Self::Calls];

    /// How many there are.
    pub const COUNT: usize = 4;

    /// Its place among them, from 0.
    pub(crate) fn place(self) -> usize {
        match self {
            Self::Operators => 0,
            Self::Channels => 1,
            Self::Queues => 2,
            Self::Calls => 3,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operators => "operators",
            Self::Channels => "channels",
            Self::Calls => "calls",
            Self::Queues => "queues",
        }
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`StatusError::UnknownTable`].
    pub fn named(name: &str) -> Result<Self, StatusError> {
        Self::ALL
            .into_iter()
            .find(|table| table.name() == name)
            .ok_or_else(|| StatusError::UnknownTable(name.to_owned()))
    }
}

impl Facts {
    /// Ids of a table in order, those after `after`, that have the state and belong to the queue.
    pub fn ids(
        &self,
        table: Table,
        state: Option<&str>,
        queue: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<String> {
        let queue_key = queue.map(|name| self.queue_names.get(name).copied());
        let later = |id: &str| after.is_none_or(|after| id > after);
        let mut ids: Vec<&str> = match table {
            Table::Operators => self
                .operators
                .values()
                .filter(|operator| later(&operator.id))
                .filter(|operator| state.is_none_or(|state| operator.state.name() == state))
                .filter(|operator| {
                    queue_key.is_none_or(|key| {
                        operator
                            .memberships
                            .iter()
                            .any(|member| Some(member.queue) == key)
                    })
                })
                .map(|operator| operator.id.as_str())
                .collect(),
            Table::Channels => self
                .channels
                .values()
                .filter(|channel| later(&channel.id))
                .filter(|channel| {
                    state.is_none_or(|state| {
                        super::super::channel::state_name(channel.state).eq_ignore_ascii_case(state)
                    })
                })
                .filter(|channel| queue_key.is_none_or(|key| channel.queue == key && key.is_some()))
                .map(|channel| channel.id.as_str())
                .collect(),
            Table::Calls => self
                .calls
                .values()
                .filter(|call| later(&call.id))
                .filter(|call| state.is_none_or(|state| call.status.name() == state))
                .filter(|call| queue.is_none_or(|queue| call.queue.as_deref() == Some(queue)))
                .map(|call| call.id.as_str())
                .collect(),
            Table::Queues => {
                let names = self.queues.values().map(|entry| entry.name.as_str());
                names
                    .filter(|name| later(name) && queue.is_none_or(|queue| queue == *name))
                    .collect()
            }
        };
        ids.sort_unstable();
        ids.truncate(limit);
        ids.into_iter().map(str::to_owned).collect()
    }

    /// Append a whole table as a JSON array, in order of id.
    pub fn write_table(&mut self, table: Table, out: &mut Vec<u8>) {
        out.push(b'[');
        match table {
            Table::Operators => {
                let keys = in_order(self.operators.iter().map(|(key, row)| (row.id.as_str(), key)));
                write_rows(self, &keys, out, Self::write_operator);
            }
            Table::Channels => {
                let keys = in_order(self.channels.iter().map(|(key, row)| (row.id.as_str(), key)));
                write_rows(self, &keys, out, Self::write_channel);
            }
            Table::Calls => {
                let keys = in_order(self.calls.iter().map(|(key, row)| (row.id.as_str(), key)));
                write_rows(self, &keys, out, Self::write_call);
            }
            Table::Queues => {
                let keys = in_order(self.queues.iter().map(|(key, row)| (row.name.as_str(), key)));
                write_rows(self, &keys, out, Self::write_queue);
            }
        }
        out.push(b']');
    }

    /// Whether there is a row with this id.
    pub fn has(&self, table: Table, id: &str) -> bool {
        match table {
            Table::Operators => self.operator_ids.contains_key(id),
            Table::Channels => self.channel_ids.contains_key(id),
            Table::Calls => self.call_ids.contains_key(id),
            Table::Queues => self.queue_names.contains_key(id),
        }
    }

    /// Append the row with this id to `out`; false when there is none.
    pub fn write(&mut self, table: Table, id: &str, out: &mut Vec<u8>) -> bool {
        match table {
            Table::Operators => self
                .operator_ids
                .get(id)
                .copied()
                .map(|key| self.write_operator(key, out)),
            Table::Channels => self
                .channel_ids
                .get(id)
                .copied()
                .map(|key| self.write_channel(key, out)),
            Table::Calls => self
                .call_ids
                .get(id)
                .copied()
                .map(|key| self.write_call(key, out)),
            Table::Queues => self
                .queue_names
                .get(id)
                .copied()
                .map(|key| self.write_queue(key, out)),
        }
        .is_some()
    }

    /// The id an operator is asked for by: the id itself, an interface, or the extension when only one has it.
    pub fn resolve_operator(&self, asked: &str) -> Option<String> {
        if self.operator_ids.contains_key(asked) {
            return Some(asked.to_owned());
        }
        if let Some(operator) = self
            .interfaces
            .get(asked)
            .and_then(|&key| self.operators.get(key))
        {
            return Some(operator.id.clone());
        }
        let mut found = self
            .operators
            .values()
            .filter(|operator| operator.extension == asked)
            .map(|operator| &operator.id);
        // Several phones with one number: the first by name, so that the answer does not change from read to read.
        let first = found.next()?;
        Some(found.fold(first, |best, id| best.min(id)).clone())
    }

    /// The Uniqueid a channel is asked for by: the id itself, or the channel's name.
    pub fn resolve_channel(&self, asked: &str) -> Option<String> {
        if self.channel_ids.contains_key(asked) {
            return Some(asked.to_owned());
        }
        self.channel_names
            .get(asked)
            .and_then(|&key| self.channels.get(key))
            .map(|channel| channel.id.clone())
    }

    /// Time of the newest fact.
    pub fn as_of(&self) -> Moment {
        self.as_of
    }

    /// Rows per table, and waiting callers.
    pub fn counts(&self) -> [(&'static str, usize); 5] {
        [
            ("operators", self.operators.len()),
            ("channels", self.channels.len()),
            (
                "calls",
                self.calls.values().filter(|call| !call.is_ended()).count(),
            ),
            ("queues", self.queues.len()),
            (
                "callers",
                self.queues.values().map(|queue| queue.callers.len()).sum(),
            ),
        ]
    }
}

fn in_order<'a, K: Copy>(rows: impl Iterator<Item = (&'a str, K)>) -> Vec<K> {
    let mut rows: Vec<(&str, K)> = rows.collect();
    rows.sort_unstable_by_key(|(id, _)| *id);
    rows.into_iter().map(|(_, key)| key).collect()
}

fn write_rows<K: Copy>(
    facts: &mut Facts,
    keys: &[K],
    out: &mut Vec<u8>,
    write: fn(&mut Facts, K, &mut Vec<u8>),
) {
    for (place, &key) in keys.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(facts, key, out);
    }
}
