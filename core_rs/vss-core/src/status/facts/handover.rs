//! At a swap: what was published of a row goes over to its successor, so that only real differences are published.

use super::super::call::Announced;
use super::super::mark::Mark;
use super::super::operator::OperatorState;
use super::{Facts, Table};

/// A row before and after the swap, as JSON.
pub struct Pair {
    /// As it was published.
    pub was: Vec<u8>,
    /// As it is.
    pub is: Vec<u8>,
}

/// What else than the mark was said of a row.
enum Said {
    Nothing,
    Operator(Option<OperatorState>),
    Call(Option<Announced>),
}

impl Facts {
    /// Take over what `old` published of this row; the two forms when they differ, and the row is touched then.
    pub fn inherit(&mut self, table: Table, id: &str, old: &mut Facts) -> Option<Pair> {
        let mut was = Vec::new();
        old.write(table, id, &mut was);
        let (mark, said) = old.published(table, id)?;
        self.publish_as(table, id, mark.clone(), said);
        if !self.encode_again(table, id, &mark) {
            return None;
        }
        let mut is = Vec::new();
        self.write(table, id, &mut is);
        *self.mark(table, id)? = mark;
        self.touch_row(table, id);
        Some(Pair { was, is })
    }

    /// Touch a row by table and id.
    pub fn touch_row(&mut self, table: Table, id: &str) {
        if let Some(mark) = self.mark(table, id) {
            mark.touched = false;
        }
        match table {
            Table::Operators => {
                _ = self
                    .operator_ids
                    .get(id)
                    .copied()
                    .map(|key| self.touch_operator(key));
            }
            Table::Channels => {
                _ = self
                    .channel_ids
                    .get(id)
                    .copied()
                    .map(|key| self.touch_channel(key));
            }
            Table::Calls => _ = self.call_ids.get(id).copied().map(|key| self.touch_call(key)),
            Table::Queues => _ = self.queue_names.get(id).copied().map(|key| self.touch_queue(key)),
        }
    }

    fn published(&self, table: Table, id: &str) -> Option<(Mark, Said)> {
        let (mut mark, said) = match table {
            Table::Operators => {
                let operator = self.operators.get(*self.operator_ids.get(id)?)?;
                (operator.mark.clone(), Said::Operator(operator.announced))
            }
            Table::Channels => (
                self.channels.get(*self.channel_ids.get(id)?)?.mark.clone(),
                Said::Nothing,
            ),
            Table::Calls => {
                let call = self.calls.get(*self.call_ids.get(id)?)?;
                (call.mark.clone(), Said::Call(call.announced.clone()))
            }
            Table::Queues => (
                self.queues.get(*self.queue_names.get(id)?)?.mark.clone(),
                Said::Nothing,
            ),
        };
        mark.touched = false;
        Some((mark, said))
    }

    fn publish_as(&mut self, table: Table, id: &str, new: Mark, said: Said) {
        match said {
            Said::Nothing => {}
            Said::Operator(announced) => {
                if let Some(operator) = self
                    .operator_ids
                    .get(id)
                    .and_then(|&key| self.operators.get_mut(key))
                {
                    operator.announced = announced;
                }
            }
            Said::Call(announced) => {
                if let Some(call) = self.call_ids.get(id).and_then(|&key| self.calls.get_mut(key)) {
                    call.announced = announced;
                }
            }
        }
        if let Some(mark) = self.mark(table, id) {
            *mark = new;
        }
    }

    fn encode_again(&mut self, table: Table, id: &str, mark: &Mark) -> bool {
        match table {
            Table::Operators => self
                .operator_ids
                .get(id)
                .copied()
                .is_some_and(|key| self.encode_operator(key)),
            Table::Channels => self
                .channel_ids
                .get(id)
                .copied()
                .is_some_and(|key| self.encode_channel(key)),
            Table::Calls => self
                .call_ids
                .get(id)
                .copied()
                .is_some_and(|key| self.encode_call(key)),
            // Ages in the row are as of its last change, or they alone would make a difference.
            Table::Queues => self
                .queue_names
                .get(id)
                .copied()
                .is_some_and(|key| self.encode_queue(key, mark.as_of)),
        }
    }

    fn mark(&mut self, table: Table, id: &str) -> Option<&mut Mark> {
        Some(match table {
            Table::Operators => &mut self.operators.get_mut(*self.operator_ids.get(id)?)?.mark,
            Table::Channels => &mut self.channels.get_mut(*self.channel_ids.get(id)?)?.mark,
            Table::Calls => &mut self.calls.get_mut(*self.call_ids.get(id)?)?.mark,
            Table::Queues => &mut self.queues.get_mut(*self.queue_names.get(id)?)?.mark,
        })
    }
}
