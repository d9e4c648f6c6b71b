//! What a swap changed: the body of `sync.reconciled`, and the drift per field.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// One field of one row that was not what Asterisk says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The row, such as `operator:PJSIP/1001`.
    pub row: String,
    /// The field, such as `state` or `memberships.support.PJSIP/1001.paused`.
    pub field: String,
    /// What the board showed.
    pub was: Value,
    /// What it shows now.
    pub now: Value,
}

/// The difference between the board before and after a swap.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Why the resync was made.
    pub reason: String,
    /// Rows that were missing.
    pub added: Vec<String>,
    /// Rows that stood there and should not have.
    pub removed: Vec<String>,
    /// Fields that differed.
    pub changed: Vec<Change>,
    /// Differences per kind of field, for counters; not published.
    #[serde(skip)]
    pub drift: BTreeMap<String, u64>,
}

impl Difference {
    /// Append the body of `sync.reconciled` without braces.
    pub fn write_fields(&self, out: &mut Vec<u8>) {
        // Writing into memory cannot fail; then the event has no body rather than half of one.
        if let Ok(json) = serde_json::to_vec(self) {
            out.extend_from_slice(
                json.strip_prefix(b"{")
                    .and_then(|json| json.strip_suffix(b"}"))
                    .unwrap_or_default(),
            );
        }
    }
}

/// Ages and averages move by themselves: they are not drift.
const MOVING: [&str; 2] = ["longest_wait", "since"];

impl Difference {
    /// A row that was missing.
    pub fn add(&mut self, table: &str, id: &str) {
        self.added.push(format!("{table}:{id}"));
        self.count(format!("{table}.added"));
    }

    /// A row that should not have been there.
    pub fn remove(&mut self, table: &str, id: &str) {
        self.removed.push(format!("{table}:{id}"));
        self.count(format!("{table}.removed"));
    }

    /// Compare two rows of the same id.
    pub fn compare(&mut self, table: &str, id: &str, was: &[u8], now: &[u8]) {
        let (Ok(Value::Object(was)), Ok(Value::Object(now))) =
            (serde_json::from_slice(was), serde_json::from_slice(now))
        else {
            return;
        };
        let row = format!("{table}:{id}");
        for (field, now) in &now {
            let was = was.get(field).unwrap_or(&Value::Null);
            if was == now || MOVING.contains(&field.as_str()) || field == "seq" || field == "as_of" {
                continue;
            }
            if field == "memberships" {
                self.compare_memberships(&row, was, now);
            } else {
                self.count(format!("{table}.{field}"));
                self.changed.push(Change {
                    row: row.clone(),
                    field: field.clone(),
                    was: was.clone(),
                    now: now.clone(),
                });
            }
        }
    }

    fn compare_memberships(&mut self, row: &str, was: &Value, now: &Value) {
        let (was, now) = (by_queue(was), by_queue(now));
        let names: std::collections::BTreeSet<_> = was.keys().chain(now.keys()).cloned().collect();
        for name in names {
            match (was.get(&name), now.get(&name)) {
                (Some(was), Some(now)) => {
                    for (field, value) in now.as_object().into_iter().flatten() {
                        if was.get(field) != Some(value) {
                            self.count(format!("member.{field}"));
                            self.changed.push(Change {
                                row: row.to_owned(),
                                field: format!("memberships.{name}.{field}"),
                                was: was.get(field).cloned().unwrap_or_default(),
                                now: value.clone(),
                            });
                        }
                    }
                }
                (was, now) => {
                    self.count(
                        if was.is_none() {
                            "member.added"
                        } else {
                            "member.removed"
                        }
                        .to_owned(),
                    );
                    self.changed.push(Change {
                        row: row.to_owned(),
                        field: format!("memberships.{name}"),
                        was: was.cloned().unwrap_or_default(),
                        now: now.cloned().unwrap_or_default(),
                    });
                }
            }
        }
    }

    fn count(&mut self, field: String) {
        *self.drift.entry(field).or_default() += 1;
    }
}

fn by_queue(memberships: &Value) -> BTreeMap<String, Value> {
    let name = |member: &Value| {
        format!(
            "{}.{}",
            member["queue"].as_str().unwrap_or_default(),
            member["interface"].as_str().unwrap_or_default()
        )
    };
    memberships
        .as_array()
        .into_iter()
        .flatten()
        .map(|member| (name(member), member.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_membership_names_its_queue_and_field() {
        let mut difference = Difference::default();
        difference.compare(
            "operator",
            "PJSIP/1",
            br#"{"state":"available","since":"a","seq":1,"memberships":[{"queue":"q","interface":"PJSIP/1","paused":false}]}"#,
            br#"{"state":"available","since":"b","seq":2,"memberships":[{"queue":"q","interface":"PJSIP/1","paused":true},{"queue":"r","interface":"PJSIP/1"}]}"#,
        );
        let fields: Vec<_> = difference
            .changed
            .iter()
            .map(|change| change.field.as_str())
            .collect();
        assert_eq!(fields, ["memberships.q.PJSIP/1.paused", "memberships.r.PJSIP/1"]);
        assert_eq!(
            difference.drift.keys().collect::<Vec<_>>(),
            ["member.added", "member.paused"]
        );
    }

    #[test]
    fn equal_rows_and_ages_are_no_difference() {
        let mut difference = Difference::default();
        difference.compare(
            "queue",
            "q",
            br#"{"longest_wait":1,"seq":1}"#,
            br#"{"longest_wait":2,"seq":5}"#,
        );
        assert_eq!(difference, Difference::default());
    }
}
