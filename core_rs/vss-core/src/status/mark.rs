//! What every row carries besides its content: when it last changed, and its JSON once encoded.

use std::sync::Arc;

use serde::Serialize;

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
    body: Option<Arc<[u8]>>,
}

impl Mark {
    /// Encode `row`; true when it differs from what was encoded before.
    pub fn encode<T: Serialize>(&mut self, row: &T) -> bool {
        let body = body(row);
        if self.body.as_deref() == Some(&body[..]) {
            return false;
        }
        self.body = Some(body.into());
        true
    }

    /// The content changed: the next read encodes it anew.
    pub fn forget(&mut self) {
        self.body = None;
    }

    /// Whether the content has to be encoded before it can be written.
    pub fn is_stale(&self) -> bool {
        self.body.is_none()
    }

    /// Append the whole row as JSON. Nothing is appended while [`Self::is_stale`].
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Some(body) = &self.body {
            out.extend_from_slice(body);
            out.extend_from_slice(format!(",\"seq\":{},\"as_of\":\"{}\"}}", self.seq, self.as_of).as_bytes());
        }
    }
}

/// JSON of an object without its closing brace.
fn body<T: Serialize>(row: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(768);
    // Writing rows into memory cannot fail: no map keys that are not strings, no I/O.
    if serde_json::to_writer(&mut out, row).is_err() {
        out.clear();
        out.extend_from_slice(b"{}");
    }
    out.pop();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row {
        n: u32,
    }

    #[test]
    fn only_a_different_content_is_a_change() {
        let mut mark = Mark::default();
        assert!(mark.is_stale());
        assert!(mark.encode(&Row { n: 1 }));
        mark.seq = 9;
        assert!(!mark.encode(&Row { n: 1 }));
        assert!(mark.encode(&Row { n: 2 }));
        let mut out = Vec::new();
        mark.write(&mut out);
        assert_eq!(out, br#"{"n":2,"seq":9,"as_of":"1970-01-01T00:00:00.000Z"}"#);
    }
}
