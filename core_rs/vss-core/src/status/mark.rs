//! What every row carries besides its content: when it last changed, and its JSON once encoded.

use super::json::ToJson;
use super::moment::Moment;

/// The mark of one row. The encoded content is kept without `seq` and `as_of`, so that an encoding that is equal
/// shows that nothing changed.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    /// The sequence number of the row's last change.
    pub seq: u64,
    /// The time of the fact that changed it last.
    pub as_of: Moment,
    /// Whether the row waits to be settled at the end of the message.
    pub touched: bool,
    /// The row's JSON without its closing brace; empty when it has to be encoded anew.
    body: Vec<u8>,
}

impl Mark {
    /// Take `json`, the whole object, as the row's content; true when it differs from what stood here.
    pub fn replace(&mut self, json: &[u8]) -> bool {
        let body = json.strip_suffix(b"}").unwrap_or(json);
        if self.body == body {
            return false;
        }
        self.body.clear();
        self.body.extend_from_slice(body);
        true
    }

    /// The content changed: the next read encodes it anew.
    pub fn forget(&mut self) {
        self.body.clear();
    }

    /// Whether the content has to be encoded before it can be written.
    pub fn is_stale(&self) -> bool {
        self.body.is_empty()
    }

    /// Append the whole row as JSON. Nothing is appended while [`Self::is_stale`].
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.body.is_empty() {
            return;
        }
        out.extend_from_slice(&self.body);
        out.extend_from_slice(b",\"seq\":");
        self.seq.write_json(out);
        out.extend_from_slice(b",\"as_of\":");
        self.as_of.write_json(out);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_different_content_is_a_change() {
        let mut mark = Mark::default();
        assert!(mark.is_stale());
        assert!(mark.replace(br#"{"n":1}"#));
        mark.seq = 9;
        assert!(!mark.replace(br#"{"n":1}"#));
        assert!(mark.replace(br#"{"n":2}"#));
        let mut out = Vec::new();
        mark.write(&mut out);
        assert_eq!(out, br#"{"n":2,"seq":9,"as_of":"1970-01-01T00:00:00.000Z"}"#);
    }
}
