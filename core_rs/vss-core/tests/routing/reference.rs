//! The rules as they are told, word by word, and a table that asks every binding. Slow, and exponential in `#`.

use std::collections::BTreeSet;

/// Words of a key or pattern: the empty one has none.
pub fn words(text: &str) -> Vec<&str> {
    if text.is_empty() {
        Vec::new()
    } else {
        text.split('.').collect()
    }
}

/// Whether a pattern matches a key.
pub fn matches(pattern: &[&str], key: &[&str]) -> bool {
    match pattern {
        [] => key.is_empty(),
        ["#", rest @ ..] => (0..=key.len()).any(|taken| matches(rest, &key[taken..])),
        ["*", rest @ ..] => !key.is_empty() && matches(rest, &key[1..]),
        [word, rest @ ..] => key.first() == Some(word) && matches(rest, &key[1..]),
    }
}

/// The bindings of a topic exchange.
#[derive(Default)]
pub struct Table(pub BTreeSet<(String, u64)>);

impl Table {
    pub fn add(&mut self, pattern: &str, target: u64) -> bool {
        self.0.insert((pattern.to_owned(), target))
    }

    pub fn remove(&mut self, pattern: &str, target: u64) -> bool {
        self.0.remove(&(pattern.to_owned(), target))
    }

    pub fn find(&self, key: &str) -> Vec<u64> {
        let key = words(key);
        let hit = self
            .0
            .iter()
            .filter(|(pattern, _)| matches(&words(pattern), &key));
        hit.map(|(_, target)| *target)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}
