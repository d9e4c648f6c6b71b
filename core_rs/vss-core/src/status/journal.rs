//! Sequence numbers, and the JSON of typed events.

use super::ident::{EventId, source_hash};
use super::json::ToJson;
use super::moment::Moment;

/// One typed event: `{"event": key, "timestamp": …, fields…, "id": …, "source": …, "seq": …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Sequence number, strictly increasing.
    pub seq: u64,
    /// Routing key.
    pub key: &'static str,
    /// One flat JSON object.
    pub json: Vec<u8>,
}

/// Hands out sequence numbers and writes events.
#[derive(Clone, Debug)]
pub struct Journal {
    source: String,
    source_json: Vec<u8>,
    hash: u64,
    first: Option<u64>,
    /// The first number is not below this one.
    least: u64,
    seq: u64,
    emitted: u64,
}

impl Journal {
    /// A journal of `source` that begins with `first`, or with the clock in microseconds (see [`Self::begin`]).
    pub fn new(source: &str, first: Option<u64>) -> Self {
        let mut source_json = Vec::new();
        source.write_json(&mut source_json);
        Self {
            source: source.to_owned(),
            source_json,
            hash: source_hash(source),
            first,
            least: 0,
            seq: 0,
            emitted: 0,
        }
    }

    /// The last sequence number handed out.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Events written so far.
    pub fn emitted(&self) -> u64 {
        self.emitted
    }

    /// Let the numbers begin with our own clock, unless they have a beginning: the stamp of the first fact is
    /// Asterisk's, and a router that starts anew while that clock is ahead would go back.
    pub fn begin(&mut self, now: Moment) {
        if self.first.is_none() {
            self.first = Some((now.0.max(0) as u64 * 1000 + 1).max(self.least));
        }
    }

    /// The next sequence number; the time only matters for the very first of a journal that was not begun.
    pub fn next(&mut self, now: Moment) -> u64 {
        self.seq = match (self.seq, self.first) {
            (0, Some(first)) => first.max(1),
            (0, None) => now.0.max(0) as u64 * 1000 + 1,
            (seq, _) => seq + 1,
        };
        self.seq
    }

    /// Go on from `seq` when that is above the last number; true when it is.
    pub fn raise(&mut self, seq: u64) -> bool {
        if self.seq > 0 || self.first.is_some_and(|first| seq >= first) {
            let above = seq > self.seq;
            self.seq = self.seq.max(seq);
            return above;
        }
        self.least = self.least.max(seq + 1);
        false
    }

    /// Write an event with the next sequence number; `fields` appends `"name":value,…` without braces.
    pub fn write(&mut self, key: &'static str, now: Moment, fields: impl FnOnce(&mut Vec<u8>)) -> Event {
        let seq = self.next(now);
        self.write_as(seq, key, now, fields)
    }

    /// Write an event with a sequence number handed out before.
    pub fn write_as(
        &mut self,
        seq: u64,
        key: &'static str,
        now: Moment,
        fields: impl FnOnce(&mut Vec<u8>),
    ) -> Event {
        let mut json = Vec::with_capacity(2048);
        json.extend_from_slice(b"{\"event\":");
        key.write_json(&mut json);
        json.extend_from_slice(b",\"timestamp\":");
        now.write_json(&mut json);
        json.push(b',');
        let start = json.len();
        fields(&mut json);
        if json.len() > start {
            json.push(b',');
        }
        json.extend_from_slice(b"\"id\":\"");
        EventId::new(self.hash, seq, now).write(&mut json);
        json.extend_from_slice(b"\",\"source\":");
        json.extend_from_slice(&self.source_json);
        json.extend_from_slice(b",\"seq\":");
        seq.write_json(&mut json);
        json.push(b'}');
        self.emitted += 1;
        Event { seq, key, json }
    }

    /// The PBX's name.
    pub fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_object() {
        let mut journal = Journal::new("main", Some(5));
        let event = journal.write("call.start", Moment(1000), |out| {
            out.extend_from_slice(b"\"a\":1");
        });
        let value: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
        assert_eq!((event.seq, event.key), (5, "call.start"));
        assert_eq!(value["event"], "call.start");
        assert_eq!(value["timestamp"], "1970-01-01T00:00:01.000Z");
        assert_eq!(
            (
                value["a"].as_u64(),
                value["seq"].as_u64(),
                value["source"].as_str()
            ),
            (Some(1), Some(5), Some("main"))
        );
        let bare = journal.write("sync.gap", Moment(1000), |_| ());
        assert!(serde_json::from_slice::<serde_json::Value>(&bare.json).is_ok());
    }

    #[test]
    fn the_first_number_is_the_clock_in_microseconds_unless_told() {
        let mut journal = Journal::new("main", None);
        assert_eq!(journal.next(Moment(1_795_290_561_084)), 1_795_290_561_084_001);
        assert_eq!(journal.next(Moment(0)), 1_795_290_561_084_002);
    }
}
