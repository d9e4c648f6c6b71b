//! One flush: rows of the board become one command.

use redis::Cmd;
use vss_core::status::{Change, Table};

use super::commands::{Meta, millis};
use super::compress::Compression;
use super::keys::{Keys, Set};
use super::standing::{SetChange, SetChanges, Standing};

/// Keys, or keys and values, one after the other in one buffer.
#[derive(Debug, Default)]
struct Rows {
    bytes: Vec<u8>,
    /// Where each key ends, and where its value ends.
    ends: Vec<(usize, usize)>,
}

impl Rows {
    fn push(&mut self, keys: &Keys, table: Table, id: &str, value: &[u8]) {
        keys.write_row(table, id, &mut self.bytes);
        let key = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((key, self.bytes.len()));
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(key, value)| {
            let row = (&self.bytes[start..key], &self.bytes[key..value]);
            start = value;
            row
        })
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// What a flush says beside its rows.
#[derive(Debug)]
pub struct Header<'a> {
    /// Ours.
    pub lease: &'a str,
    /// Of rows and sets.
    pub ttl: std::time::Duration,
    /// The entry in the stream of changes; without one, `meta` stays as it is too.
    pub entry: Entry,
    /// What `meta` is to say.
    pub meta: &'a Meta,
    /// The time of the newest fact.
    pub as_of: &'a str,
    /// The rewrite under way whose sets are to be filled instead of those that readers see.
    pub rewrite: Option<&'a str>,
    /// How rows are stored.
    pub compression: Compression,
}

/// The entry of a flush in the stream of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// None.
    None,
    /// These rows.
    Rows {
        /// One more than the last entry told.
        seq_from: u64,
        /// The last number of these rows.
        seq_to: u64,
    },
    /// Everything was written anew.
    Everything {
        /// The last number written.
        seq_to: u64,
    },
}

/// A flush ready to be sent.
#[derive(Debug)]
pub struct Flush {
    /// The command.
    pub command: Cmd,
    /// The rows that were known to stand, in the order in which the answer counts them.
    pub known: Vec<(Table, Box<str>)>,
    /// Rows written and removed.
    pub rows: usize,
}

/// Gathers the rows of a flush; used again and again for its buffers.
#[derive(Debug, Default)]
pub struct Gathering {
    known: Rows,
    known_ids: Vec<(Table, Box<str>)>,
    fresh: Rows,
    tentative: Rows,
    gone: Rows,
    sets: SetChanges,
    /// By table: its ids as JSON texts with commas between.
    listed: [Vec<u8>; Table::COUNT],
}

impl Gathering {
    /// Take one change of the board.
    pub fn take(&mut self, change: Change<'_>, keys: &Keys, standing: &mut Standing) {
        match change {
            Change::Put {
                table,
                id,
                row,
                queues,
                tentative,
            } => {
                let known = standing.put(table, id, queues, &mut self.sets);
                if tentative {
                    self.tentative.push(keys, table, id, row);
                } else if known {
                    self.known.push(keys, table, id, row);
                    self.known_ids.push((table, id.into()));
                } else {
                    self.fresh.push(keys, table, id, row);
                }
                self.list(table, id);
            }
            Change::Remove { table, id } => {
                standing.remove(table, id, &mut self.sets);
                self.gone.push(keys, table, id, b"");
                self.list(table, id);
            }
        }
    }

    /// Put entries of sets right that may be missing.
    pub fn resolve_doubts(&mut self, standing: &mut Standing) {
        standing.resolve_doubts(&mut self.sets);
    }

    /// Nothing was gathered.
    pub fn is_empty(&self) -> bool {
        self.rows() == 0 && self.sets.is_empty()
    }

    /// The command; what was gathered is gone then.
    pub fn flush(&mut self, keys: &Keys, header: &Header<'_>) -> Flush {
        let rows = self.rows();
        let sets: Vec<_> = self
            .sets
            .iter()
            .flat_map(|(set, change)| targets(keys, header.rewrite, set, change))
            .collect();
        let size: usize = [&self.known, &self.fresh, &self.tentative, &self.gone]
            .iter()
            .map(|rows| rows.bytes.len())
            .sum();
        let mut cmd = Cmd::with_capacity(32 + 2 * rows + 4 * sets.len(), size + 4096);
        cmd.arg("FCALL").arg("vss_flush").arg(3 + rows + sets.len());
        cmd.arg(keys.lease()).arg(keys.meta()).arg(keys.changes());
        for rows in [&self.known, &self.fresh, &self.tentative, &self.gone] {
            for (key, _) in rows.iter() {
                cmd.arg(key);
            }
        }
        for (key, ..) in &sets {
            cmd.arg(key);
        }
        cmd.arg(header.lease).arg(millis(header.ttl));
        for rows in [&self.known, &self.fresh, &self.tentative, &self.gone] {
            cmd.arg(rows.ends.len());
        }
        cmd.arg(sets.len());
        match header.entry {
            Entry::None => cmd.arg(0).arg(0).arg(""),
            Entry::Everything { seq_to } => cmd.arg(1).arg(seq_to).arg("*"),
            Entry::Rows { seq_from, seq_to } => cmd.arg(seq_from).arg(seq_to).arg(self.listing()),
        };
        cmd.arg(&header.meta.state)
            .arg(header.as_of)
            .arg(&header.meta.asterisk_version);
        for rows in [&self.known, &self.fresh, &self.tentative] {
            for (_, value) in rows.iter() {
                match header.compression {
                    Compression::None => cmd.arg(value),
                    // A row that cannot be compressed, for want of memory, is a row all the same.
                    Compression::Zstd => match zstd::bulk::compress(value, zstd::DEFAULT_COMPRESSION_LEVEL) {
                        Ok(frame) => cmd.arg(frame),
                        Err(_) => cmd.arg(value),
                    },
                };
            }
        }
        for (_, added, removed) in &sets {
            cmd.arg(added.len()).arg(removed.len());
            for id in added.iter().chain(removed) {
                cmd.arg(*id);
            }
        }
        let known = std::mem::take(&mut self.known_ids);
        self.clear();
        Flush {
            command: cmd,
            known,
            rows,
        }
    }

    /// Forget what was gathered.
    pub fn clear(&mut self) {
        for rows in [
            &mut self.known,
            &mut self.fresh,
            &mut self.tentative,
            &mut self.gone,
        ] {
            rows.clear();
        }
        self.known_ids.clear();
        self.sets.clear();
        self.listed.iter_mut().for_each(Vec::clear);
    }

    fn rows(&self) -> usize {
        [&self.known, &self.fresh, &self.tentative, &self.gone]
            .iter()
            .map(|rows| rows.ends.len())
            .sum()
    }

    fn list(&mut self, table: Table, id: &str) {
        let out = &mut self.listed[super::standing::place(table)];
        if !out.is_empty() {
            out.push(b',');
        }
        // A text always becomes JSON, and a buffer takes it.
        let _ = serde_json::to_writer(out, id);
    }

    fn listing(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(64 + self.listed.iter().map(Vec::len).sum::<usize>());
        for (place, table) in Table::ALL.into_iter().enumerate() {
            json.push(if place == 0 { b'{' } else { b',' });
            json.extend_from_slice(format!("\"{}\":[", table.name()).as_bytes());
            json.extend_from_slice(&self.listed[place]);
            json.push(b']');
        }
        json.push(b'}');
        json
    }
}

/// A set's key, the ids that come, the ids that go.
type Target<'a> = (String, Vec<&'a str>, Vec<&'a str>);

/// The sets that a change goes to. While a rewrite fills new ones, what is gone leaves the old ones too: their rows are deleted
/// now, and the old sets are still read.
fn targets<'a>(
    keys: &Keys,
    rewrite: Option<&str>,
    set: &Set,
    change: &'a SetChange,
) -> impl Iterator<Item = Target<'a>> {
    let (comes, goes) = (change.ids(true), change.ids(false));
    let (first, second) = match rewrite {
        None => ((keys.set(set), comes, goes), None),
        Some(rewrite) => {
            let old = (!goes.is_empty()).then(|| (keys.set(set), Vec::new(), goes.clone()));
            ((keys.next_set(rewrite, set), comes, goes), old)
        }
    };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn words(flush: &Flush) -> Vec<String> {
        let args = flush.command.args_iter().map(|arg| match arg {
            redis::Arg::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => "?".to_owned(),
        });
        args.collect()
    }

    fn put<'a>(id: &'a str, row: &'a [u8], queues: &'a [&'a str], tentative: bool) -> Change<'a> {
        Change::Put {
            table: Table::Operators,
            id,
            row,
            queues,
            tentative,
        }
    }

    fn header<'a>(meta: &'a Meta, entry: Entry, rewrite: Option<&'a str>) -> Header<'a> {
        Header {
            lease: "7:w",
            ttl: Duration::from_secs(60),
            entry,
            meta,
            as_of: "T",
            rewrite,
            compression: Compression::None,
        }
    }

    #[test]
    fn a_flush_is_one_command_of_keys_counts_values_and_set_changes() {
        let (keys, mut standing, mut gathering) =
            (Keys::new("q", "m"), Standing::default(), Gathering::default());
        let meta = Meta {
            state: "live".into(),
            asterisk_version: "22".into(),
        };
        gathering.take(put("a", b"1", &[], false), &keys, &mut standing);
        gathering.flush(&keys, &header(&meta, Entry::None, None));
        gathering.take(put("a", b"2", &[], false), &keys, &mut standing);
        gathering.take(put("b", b"3", &["x"], false), &keys, &mut standing);
        gathering.take(put("\"c", b"4", &[], true), &keys, &mut standing);
        let gone = Change::Remove {
            table: Table::Calls,
            id: "9",
        };
        gathering.take(gone, &keys, &mut standing);
        let entry = Entry::Rows {
            seq_from: 5,
            seq_to: 8,
        };
        let flush = gathering.flush(&keys, &header(&meta, entry, None));
        let expected = "FCALL vss_flush 11 q:{m}:writer q:{m}:meta q:{m}:changes q:{m}:operator:a q:{m}:operator:b \
            q:{m}:operator:\"c q:{m}:call:9 q:{m}:operators q:{m}:calls q:{m}:queue:x:operators q:{m}:staffed \
            7:w 60000 1 1 1 1 4 5 8 \
            {\"operators\":[\"a\",\"b\",\"\\\"c\"],\"channels\":[],\"queues\":[],\"calls\":[\"9\"]} live T 22 \
            2 3 4 2 0 b \"c 0 1 9 1 0 b 1 0 x";
        assert_eq!(words(&flush).join(" "), expected);
        assert_eq!((flush.rows, flush.known.len()), (4, 1));
        assert!(gathering.is_empty());
    }

    #[test]
    fn a_rewrite_fills_new_sets_and_empties_the_old_of_what_is_gone() {
        let (keys, mut standing, mut gathering) =
            (Keys::new("q", "m"), Standing::default(), Gathering::default());
        let meta = Meta::default();
        gathering.take(put("a", b"1", &[], false), &keys, &mut standing);
        let gone = Change::Remove {
            table: Table::Operators,
            id: "z",
        };
        gathering.take(gone, &keys, &mut standing);
        let flush = gathering.flush(&keys, &header(&meta, Entry::None, Some("7.1")));
        let words = words(&flush);
        assert_eq!(&words[8..10], ["q:{m}:next:7.1:operators", "q:{m}:operators"]);
        assert_eq!(words[words.len() - 7..], ["1", "1", "a", "z", "0", "1", "z"]);
    }
}
