//! Reading rows: the facts, and what lies over them.

use super::super::changes::{Change, ChangedRow, Span};
use super::super::facts::{Facts, HungUp, Table};
use super::super::overlay::Overlay;
use super::StatusBoard;

impl StatusBoard {
    /// One operator's row by id, interface or extension.
    pub fn operator(&mut self, asked: &str) -> Option<Vec<u8>> {
        let found = self.row(Table::Operators, asked);
        if found.is_some() || self.overlay.covers(Table::Operators, asked) {
            return found;
        }
        if let Some(id) = self.facts.resolve_operator(asked) {
            return self.row(Table::Operators, &id);
        }
        let over = self.overlay.rows(Table::Operators);
        let id = over
            .into_iter()
            .find(|(_, row)| row.extension == asked)
            .map(|(id, _)| id.to_owned())?;
        self.row(Table::Operators, &id)
    }

    /// One channel's row by Uniqueid or name.
    pub fn channel(&mut self, asked: &str) -> Option<Vec<u8>> {
        let found = self.row(Table::Channels, asked);
        if found.is_some() || self.overlay.covers(Table::Channels, asked) {
            return found;
        }
        if let Some(id) = self.facts.resolve_channel(asked) {
            return self.row(Table::Channels, &id);
        }
        let over = self.overlay.rows(Table::Channels);
        let id = over
            .into_iter()
            .find(|(_, row)| row.name == asked)
            .map(|(id, _)| id.to_owned())?;
        self.row(Table::Channels, &id)
    }

    /// One row by id.
    pub fn row(&mut self, table: Table, id: &str) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(1024);
        self.write(table, id, &mut out).then_some(out)
    }

    fn write(&mut self, table: Table, id: &str, out: &mut Vec<u8>) -> bool {
        if !self.overlay.is_empty() && self.overlay.covers(table, id) {
            let row = self.overlay.row(table, id);
            row.inspect(|row| row.mark.write(out));
            return row.is_some();
        }
        self.facts.write(table, id, out)
    }

    /// The waiting callers of a queue as a JSON array.
    pub fn callers(&self, queue: &str) -> Option<Vec<u8>> {
        if self.overlay.covers(Table::Queues, queue) {
            // Who waits is Asterisk's to say: a queue set by hand has the callers its row shows.
            let row = self.overlay.row(Table::Queues, queue)?;
            let mut json = Vec::new();
            row.mark.write(&mut json);
            let row: serde_json::Value = serde_json::from_slice(&json).ok()?;
            return serde_json::to_vec(row.get("callers").unwrap_or(&serde_json::json!([]))).ok();
        }
        self.facts.callers_json(queue)
    }

    /// Rows in order of id.
    pub fn rows(
        &mut self,
        table: Table,
        state: Option<&str>,
        queue: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(String, Vec<u8>)> {
        let mut ids;
        if self.overlay.is_empty() {
            ids = self.facts.ids(table, state, queue, after, limit);
        } else {
            ids = self.facts.ids(table, state, queue, after, usize::MAX);
            ids.retain(|id| !self.overlay.covers(table, id));
            let fits = |id: &str, row: &super::super::overlay::Overlaid| {
                after.is_none_or(|after| id > after)
                    && state.is_none_or(|state| row.state.eq_ignore_ascii_case(state))
                    && queue.is_none_or(|queue| row.queues.iter().any(|name| name == queue))
            };
            let over = self.overlay.rows(table).filter(|(id, row)| fits(id, row));
            ids.extend(over.map(|(id, _)| id.to_owned()));
            ids.sort_unstable();
            ids.truncate(limit);
        }
        ids.into_iter()
            .filter_map(|id| self.row(table, &id).map(|row| (id, row)))
            .collect()
    }

    /// Every id of a table that is shown, in no order.
    pub fn ids(&self, table: Table) -> Vec<String> {
        let mut ids = self.facts.ids(table, None, None, None, usize::MAX);
        if !self.overlay.is_empty() {
            ids.retain(|id| !self.overlay.covers(table, id));
            ids.extend(self.overlay.rows(table).map(|(id, _)| id.to_owned()));
        }
        ids
    }

    /// Rows shown per table, and waiting callers.
    pub(super) fn counts(&self) -> [(&'static str, usize); 5] {
        let mut counts = self.facts.counts();
        if !self.overlay.is_empty() {
            for table in Table::ALL {
                let hidden = self.overlay.covered(table);
                let hidden = hidden.iter().filter(|id| self.facts.has(table, id)).count();
                if let Some((_, count)) = counts.iter_mut().find(|(name, _)| *name == table.name()) {
                    *count = count.saturating_sub(hidden) + self.overlay.rows(table).count();
                }
            }
        }
        counts
    }

    /// The whole board: `{"source", "seq", "as_of", "operators": […], "channels": […], "queues": […], "calls": […]}`.
    pub fn snapshot(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 * 1024);
        let source = serde_json::to_string(self.source()).unwrap_or_default();
        out.extend_from_slice(
            format!(
                "{{\"source\":{source},\"seq\":{},\"as_of\":\"{}\"",
                self.seq(),
                self.as_of()
            )
            .as_bytes(),
        );
        let plain = self.overlay.is_empty();
        for table in Table::ALL {
            out.extend_from_slice(format!(",\"{}\":", table.name()).as_bytes());
            if plain {
                self.facts.write_table(table, &mut out);
                continue;
            }
            out.push(b'[');
            for (place, (_, row)) in self
                .rows(table, None, None, None, usize::MAX)
                .into_iter()
                .enumerate()
            {
                if place > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(&row);
            }
            out.push(b']');
        }
        out.push(b'}');
        out
    }

    /// Show `visit` what changed after the cursor `since` (0: everything that stands), in the order of the sequence
    /// numbers, each row once and as it is now. About `limit` changes: those of one number stay together.
    pub fn changes(&mut self, since: u64, limit: usize, visit: impl FnMut(Change<'_>)) -> Span {
        let known = self.changes.knows(since, self.seq());
        self.shown_after(since, limit, known, visit)
    }

    /// As [`Self::changes`], for who began at 0 on this very board and has not come to the end yet: he goes on also when
    /// the numbers were raised above those of the rows.
    pub fn rest_of_changes(&mut self, since: u64, limit: usize, visit: impl FnMut(Change<'_>)) -> Span {
        let known = self.changes.goes_on(since, self.seq());
        self.shown_after(since, limit, known, visit)
    }

    fn shown_after(
        &mut self,
        since: u64,
        limit: usize,
        known: bool,
        mut visit: impl FnMut(Change<'_>),
    ) -> Span {
        if !known {
            return Span {
                to: since,
                complete: false,
                lost: true,
            };
        }
        let log = std::mem::take(&mut self.changes);
        let mut row = Vec::with_capacity(1024);
        let (mut to, mut shown, mut complete) = (since, 0_usize, true);
        for (seq, changed) in log.after(since) {
            if shown >= limit && *seq > to {
                complete = false;
                break;
            }
            to = *seq;
            shown += usize::from(self.show(*seq, changed, since, &mut row, &mut visit));
        }
        self.changes = log;
        Span {
            to: if complete { self.seq().max(since) } else { to },
            complete,
            lost: false,
        }
    }

    /// Show one change, when it is still the last word about its row.
    fn show(
        &mut self,
        seq: u64,
        changed: &ChangedRow,
        since: u64,
        out: &mut Vec<u8>,
        visit: &mut impl FnMut(Change<'_>),
    ) -> bool {
        if !stands(&self.facts, &self.overlay, seq, changed) {
            return false;
        }
        out.clear();
        let facts = &mut self.facts;
        let mut queues: Vec<&str> = Vec::new();
        let (table, id) = match changed {
            ChangedRow::Operator(key) => {
                facts.write_operator(*key, out);
                let operator = &facts.operators[*key];
                queues.extend(operator.memberships.iter().map(|m| facts.queue_name(m.queue)));
                (Table::Operators, operator.id.as_str())
            }
            ChangedRow::Channel(key) => {
                facts.write_channel(*key, out);
                (Table::Channels, facts.channels[*key].id.as_str())
            }
            ChangedRow::Call(key) => {
                facts.write_call(*key, out);
                (Table::Calls, facts.calls[*key].id.as_str())
            }
            ChangedRow::Queue(key) => {
                facts.write_queue(*key, out);
                (Table::Queues, facts.queues[*key].name.as_str())
            }
            ChangedRow::Overlaid(table, id) => {
                let Some(row) = self.overlay.row(*table, id) else {
                    return false;
                };
                row.mark.write(out);
                if *table == Table::Operators {
                    queues.extend(row.queues.iter().map(String::as_str));
                }
                (*table, &**id)
            }
            ChangedRow::Gone(table, id) => {
                // Who reads everything has nothing to remove.
                if since > 0 {
                    visit(Change::Remove { table: *table, id });
                }
                return since > 0;
            }
        };
        let tentative = matches!(changed, ChangedRow::Overlaid(table, id)
            if self.overlay.row(*table, id).is_some_and(|row| row.origin == super::super::overlay::Origin::Database));
        visit(Change::Put {
            table,
            id,
            row: out,
            queues: &queues,
            tentative,
        });
        true
    }

    /// Keep the last row of each channel that hangs up until [`Self::take_hung_up`], or no longer.
    pub fn keep_hung_up(&mut self, keep: bool) {
        match (keep, &self.facts.hung_up) {
            (true, None) => self.facts.hung_up = Some(HungUp::default()),
            (false, Some(_)) => self.facts.hung_up = None,
            _ => {}
        }
    }

    /// Last rows of channels that hung up, oldest first, each with `ended_at` and `hangup_cause`; and how many were
    /// lost since the start because nobody took them.
    pub fn take_hung_up(&mut self) -> (Vec<Vec<u8>>, u64) {
        self.facts.hung_up.as_mut().map(HungUp::take).unwrap_or_default()
    }
}

/// Whether an entry is still the last word about its row.
pub(super) fn stands(facts: &Facts, overlay: &Overlay, seq: u64, changed: &ChangedRow) -> bool {
    let shown = |table, id: &str| overlay.is_empty() || !overlay.covers(table, id);
    match changed {
        ChangedRow::Operator(key) => facts
            .operators
            .get(*key)
            .is_some_and(|row| row.mark.seq == seq && shown(Table::Operators, &row.id)),
        ChangedRow::Channel(key) => facts
            .channels
            .get(*key)
            .is_some_and(|row| row.mark.seq == seq && shown(Table::Channels, &row.id)),
        ChangedRow::Call(key) => facts
            .calls
            .get(*key)
            .is_some_and(|row| row.mark.seq == seq && shown(Table::Calls, &row.id)),
        ChangedRow::Queue(key) => facts
            .queues
            .get(*key)
            .is_some_and(|row| row.mark.seq == seq && shown(Table::Queues, &row.name)),
        ChangedRow::Overlaid(table, id) => overlay.row(*table, id).is_some_and(|row| row.mark.seq == seq),
        ChangedRow::Gone(table, id) => {
            overlay.row(*table, id).is_none() && (overlay.covers(*table, id) || !facts.has(*table, id))
        }
    }
}
