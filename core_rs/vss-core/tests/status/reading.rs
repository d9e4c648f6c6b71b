//! What a script reads back: rows, events, notices, and that nothing is left.

use serde_json::Value;
use vss_core::status::{NoticeReason, Table};

use crate::pbx::Pbx;

impl Pbx {
    fn row(&mut self, table: Table, id: &str) -> Value {
        let row = self
            .board
            .row(table, id)
            .unwrap_or_else(|| panic!("no {} {id}", table.name()));
        serde_json::from_slice(&row).unwrap()
    }

    pub fn operator(&mut self, id: &str) -> Value {
        self.row(Table::Operators, id)
    }

    /// An operator's state.
    pub fn state_of(&mut self, id: &str) -> String {
        self.operator(id)["state"].as_str().unwrap().to_owned()
    }

    /// The membership of `id` in `queue`.
    pub fn membership(&mut self, id: &str, queue: &str) -> Value {
        let row = self.operator(id);
        let found = row["memberships"]
            .as_array()
            .unwrap()
            .iter()
            .find(|member| member["queue"] == queue);
        found.unwrap_or_else(|| panic!("{id} is not in {queue}")).clone()
    }

    pub fn call(&mut self, id: &str) -> Value {
        self.row(Table::Calls, id)
    }

    /// The outcome of a call's last visit.
    pub fn outcome(&mut self, id: &str) -> Value {
        self.call(id)["queue_visits"].as_array().unwrap().last().unwrap()["outcome"].clone()
    }

    pub fn queue(&mut self, name: &str) -> Value {
        self.row(Table::Queues, name)
    }

    pub fn leg(&mut self, id: &str) -> Value {
        self.row(Table::Channels, id)
    }

    pub fn has(&mut self, table: Table, id: &str) -> bool {
        self.board.row(table, id).is_some()
    }

    /// Uniqueids of who waits, first in line first.
    pub fn line(&mut self, queue: &str) -> Vec<String> {
        let row = self.queue(queue);
        let callers = row["callers"].as_array().unwrap();
        for (place, caller) in callers.iter().enumerate() {
            assert_eq!(caller["position"], place + 1);
        }
        callers
            .iter()
            .map(|caller| caller["channel"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Routing keys of the events since `from`, in order.
    pub fn keys(&self, from: usize) -> Vec<&'static str> {
        self.events[from..].iter().map(|(key, _)| *key).collect()
    }

    /// The events of one key.
    pub fn said(&self, key: &str) -> Vec<&Value> {
        self.events
            .iter()
            .filter(|(other, _)| *other == key)
            .map(|(_, value)| value)
            .collect()
    }

    /// The states an operator went through, as told in events.
    pub fn states_told(&self, id: &str) -> Vec<String> {
        let mut states: Vec<String> = Vec::new();
        for row in self
            .said("operator.update")
            .iter()
            .map(|event| &event["row"])
            .filter(|row| row["id"] == id)
        {
            let state = row["state"].as_str().unwrap();
            if states.last().is_none_or(|last| last != state) {
                states.push(state.to_owned());
            }
        }
        states
    }

    pub fn reasons(&self) -> Vec<NoticeReason> {
        self.notices.iter().map(|notice| notice.reason).collect()
    }

    /// Nothing live is left: no channel, call, caller, offer, service, hold or bridge.
    pub fn assert_nothing_left(&mut self) {
        assert_eq!(self.board.leftovers(), Vec::<String>::new());
        for id in self.board.rows(Table::Operators, None, None, None, usize::MAX) {
            let row: Value = serde_json::from_slice(&id.1).unwrap();
            let in_call = row["memberships"]
                .as_array()
                .unwrap()
                .iter()
                .any(|member| member["in_call"] == true);
            assert!(
                !in_call && row["channels"] == serde_json::json!([]) && row["call"].is_null(),
                "{row}"
            );
        }
    }
}
