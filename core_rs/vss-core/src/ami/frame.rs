//! Where a message stands in the buffer, and what was too large to be one.

use super::event::MessageKind;

/// Bytes of a message, its last line end not counted. Far above the longest list row or `queue show`.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// Headers of a message. `Output` lines of a `Command` answer do not count: [`MAX_MESSAGE_BYTES`] bounds those.
pub const MAX_HEADERS: usize = 4096;

/// Bytes of a skipped message that are kept to tell it by.
pub(super) const MAX_OPENING_BYTES: usize = 80;

/// Why a message was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// Over [`MAX_MESSAGE_BYTES`].
    TooLong,
    /// Over [`MAX_HEADERS`].
    TooManyHeaders,
}

impl SkipReason {
    /// What was wrong, as a clause: `over 1048576 bytes`.
    pub fn describe(self) -> String {
        match self {
            Self::TooLong => format!("over {MAX_MESSAGE_BYTES} bytes"),
            Self::TooManyHeaders => format!("over {MAX_HEADERS} headers"),
        }
    }
}

/// A message that was skipped; the stream goes on at the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The limit it was over.
    pub reason: SkipReason,
    /// Its first line, or the first 80 bytes of it.
    pub opening: Box<[u8]>,
}

/// One header; offsets are from the start of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) key: u32,
    pub(crate) colon: u32,
    pub(crate) end: u32,
}

/// What tells most keys apart without looking at them: one byte made of the length and both ends.
/// Keys that differ in case only have the same tag.
#[inline]
pub(crate) const fn key_tag(key: &[u8]) -> u8 {
    match key {
        [] => 0,
        [first, ..] => {
            let last = key[key.len() - 1];
            (key.len() as u8).wrapping_mul(29)
                ^ (*first | 0x20).wrapping_mul(7)
                ^ (last | 0x20).wrapping_mul(3)
        }
    }
}

/// What was found between two places of the stream, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame {
    Message(MessageFrame),
    /// The next one of the framer's skips.
    Skipped,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageFrame {
    pub(crate) kind: MessageKind,
    /// Offset in the buffer.
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) first_span: usize,
    pub(crate) span_count: usize,
    /// The lines of a `Response: Follows`, from the start of the message; empty for all others.
    pub(crate) body: (usize, usize),
}

/// Whether a header's key can start so. Asterisk's do; JSON and other quoted text within a value does not.
#[inline]
pub(super) const fn may_open_key(first: u8) -> bool {
    first.is_ascii_alphanumeric() || first == b'_'
}

/// One line; offsets are in the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) start: usize,
    /// The first byte that no key can hold; the line feed at the latest.
    pub(crate) key_stop: usize,
    /// Where the line feed stands.
    pub(crate) feed: usize,
}

impl Line {
    /// Where the text ends. Only one CR belongs to the line end.
    #[inline]
    pub(crate) fn end(self, bytes: &[u8]) -> usize {
        let has_cr = self.feed > self.start && bytes[self.feed - 1] == b'\r';
        self.feed - usize::from(has_cr)
    }

    /// The colon that ends the key, when the line is a header: a key (a letter or digit first, no white space) before `": "`, or before
    /// a colon that ends the line. A channel's name in `ChanVariable(<channel>)` may hold white space and colons.
    pub(crate) fn colon(self, bytes: &[u8], end: usize) -> Option<usize> {
        let ends_key = |colon: usize| colon + 1 >= end || bytes[colon + 1] == b' ';
        let stop = self.key_stop;
        if !may_open_key(bytes[self.start]) {
            return None;
        }
        if stop < end && stop > self.start && bytes[stop] == b':' && ends_key(stop) {
            return Some(stop);
        }
        let text = &bytes[self.start..end];
        let opening = memchr::memchr(b'(', text)?;
        if !text[..opening].ends_with(b"ChanVariable") || stop < self.start + opening {
            return None;
        }
        memchr::memmem::find(text, b"): ").map(|closing| self.start + closing + 1)
    }
}
