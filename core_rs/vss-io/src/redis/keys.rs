//! Names of keys. The names of one PBX stand in one hash slot of a Cluster: its name is the hash tag.

use vss_core::status::Table;

/// What a queue's members are called below its own key.
const MEMBERS: &str = ":operators";

/// The names of one PBX's keys.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
    base: String,
}

/// A set of ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Set {
    /// The ids of a table, by its place.
    Index(usize),
    /// The ids of a queue's operators.
    Members(std::sync::Arc<str>),
    /// The queues that have operators, their names as they stand in keys.
    Staffed,
}

impl Keys {
    /// The keys of the PBX `source` below `prefix`.
    pub fn new(prefix: &str, source: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            base: format!("{prefix}:{{{source}}}:"),
        }
    }

    /// What all keys of the PBX begin with.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The names of all PBXs.
    pub fn sources(&self) -> String {
        format!("{}:sources", self.prefix)
    }

    /// The writer's lease.
    pub fn lease(&self) -> String {
        format!("{}writer", self.base)
    }

    /// Figures about the whole.
    pub fn meta(&self) -> String {
        format!("{}meta", self.base)
    }

    /// The stream of changes.
    pub fn changes(&self) -> String {
        format!("{}changes", self.base)
    }

    /// Append the key of a row.
    pub fn write_row(&self, table: Table, id: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(self.base.as_bytes());
        out.extend_from_slice(row_word(table).as_bytes());
        out.push(b':');
        if table == Table::Queues {
            out.extend_from_slice(escaped(id).as_bytes());
        } else {
            out.extend_from_slice(id.as_bytes());
        }
    }

    /// A set as readers find it.
    pub fn set(&self, set: &Set) -> String {
        match set {
            Set::Index(place) => format!("{}{}", self.base, Table::ALL[*place].name()),
            Set::Members(queue) => format!("{}queue:{}{MEMBERS}", self.base, escaped(queue)),
            Set::Staffed => format!("{}staffed", self.base),
        }
    }

    /// What the sets of a rewrite begin with until it has ended.
    pub fn next(&self, rewrite: &str) -> String {
        format!("{}next:{rewrite}:", self.base)
    }

    /// A set of a rewrite that has not ended.
    pub fn next_set(&self, rewrite: &str, set: &Set) -> String {
        match set {
            Set::Index(place) => format!("{}{}", self.next(rewrite), Table::ALL[*place].name()),
            Set::Members(queue) => format!("{}queue:{}", self.next(rewrite), escaped(queue)),
            Set::Staffed => format!("{}staffed", self.next(rewrite)),
        }
    }
}

/// One row's word for its table.
fn row_word(table: Table) -> &'static str {
    table.name().trim_end_matches('s')
}

/// A queue's name as it stands in a key: else the row of `a:operators` and the members of `a` would share one. No two names
/// become the same.
pub fn escaped(queue: &str) -> std::borrow::Cow<'_, str> {
    if let Some(rest) = queue.strip_suffix(MEMBERS) {
        return format!("{rest}%3Aoperators").into();
    }
    let looks_escaped = queue
        .strip_suffix("3Aoperators")
        .map(|rest| rest.trim_end_matches(['2', '5']))
        .filter(|stem| stem.ends_with('%'));
    match looks_escaped {
        Some(stem) => format!("{stem}25{}", &queue[stem.len()..]).into(),
        None => queue.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: Table, id: &str) -> String {
        let mut out = Vec::new();
        Keys::new("queue", "main").write_row(table, id, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_is_found_below_its_pbx_and_table() {
        assert_eq!(
            row(Table::Operators, "PJSIP/1001"),
            "queue:{main}:operator:PJSIP/1001"
        );
        assert_eq!(row(Table::Channels, "1.2"), "queue:{main}:channel:1.2");
        assert_eq!(row(Table::Calls, "1.2"), "queue:{main}:call:1.2");
        assert_eq!(
            row(Table::Queues, "отдел продаж"),
            "queue:{main}:queue:отдел продаж"
        );
    }

    #[test]
    fn a_queue_that_is_named_like_the_members_of_another_shares_no_key_with_them() {
        let keys = Keys::new("queue", "main");
        assert_eq!(
            keys.set(&Set::Members("sales".into())),
            "queue:{main}:queue:sales:operators"
        );
        assert_eq!(
            row(Table::Queues, "sales:operators"),
            "queue:{main}:queue:sales%3Aoperators"
        );
        assert_eq!(
            keys.set(&Set::Members("sales:operators".into())),
            "queue:{main}:queue:sales%3Aoperators:operators"
        );
        assert_eq!(
            row(Table::Operators, "sales:operators"),
            "queue:{main}:operator:sales:operators"
        );
    }

    #[test]
    fn no_two_names_of_queues_become_the_same() {
        let names = [
            "a:operators",
            "a%3Aoperators",
            "a%253Aoperators",
            "a%25253Aoperators",
            "a%23Aoperators",
        ];
        let written: std::collections::BTreeSet<_> = names.iter().map(|name| escaped(name)).collect();
        assert_eq!(written.len(), names.len(), "{written:?}");
        assert_eq!(escaped("a%3Aoperators"), "a%253Aoperators");
        for name in ["a", "a:operators:", "3Aoperators", "253Aoperators", "%3Aoperator"] {
            assert_eq!(escaped(name), name);
        }
    }

    #[test]
    fn everything_of_a_pbx_has_one_hash_tag_and_the_list_of_pbxs_none() {
        let keys = Keys::new("p", "b");
        assert_eq!(
            (keys.lease(), keys.meta()),
            ("p:{b}:writer".into(), "p:{b}:meta".into())
        );
        assert_eq!(keys.changes(), "p:{b}:changes");
        assert_eq!(keys.set(&Set::Index(3)), "p:{b}:calls");
        assert_eq!(keys.next_set("7.1", &Set::Index(0)), "p:{b}:next:7.1:operators");
        assert_eq!(
            keys.next_set("7.1", &Set::Members("x:operators".into())),
            "p:{b}:next:7.1:queue:x%3Aoperators"
        );
        assert_eq!(keys.sources(), "p:sources");
    }
}
