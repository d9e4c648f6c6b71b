//! The buffer of one AMI session: push bytes, take messages.

use super::batch::MessageBatch;
use super::encoding::Encoding;
use super::frame::{Frame, Line, Skipped};
use super::framer::Framer;
use super::message::Message;
use super::scan::{BLOCK, Marks};

/// A line of a message that is being skipped is dropped from the front when it has grown to this.
const SKIPPED_LINE_BYTES: usize = 4096;
/// What stays of it: enough to see how it ends.
const SKIPPED_LINE_TAIL: usize = 64;

/// What the stream held, in order.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// A whole message.
    Message(Message<'a>),
    /// A message over a limit; the stream goes on after it.
    Skipped(&'a Skipped),
}

/// Turns the bytes of one AMI session into messages borrowed from its buffer.
///
/// Any split of the stream gives the same messages. Nothing that stands in the bytes is an error: what cannot be a
/// message is passed on as [`MessageKind::Other`](super::MessageKind::Other), what is over a limit as [`Decoded::Skipped`]. No byte is looked at
/// twice, and no message costs an allocation once the buffer has grown to the size of a chunk.
///
/// ```
/// use vss_core::ami::{AmiDecoder, Decoded};
///
/// let mut decoder = AmiDecoder::default();
/// decoder.push(b"Asterisk Call Manager/11.0.0\r\nEvent: Hangup\r\nCause: 16\r\n");
/// decoder.push(b"\r\n");
/// let mut causes = Vec::new();
/// while let Some(item) = decoder.next_message() {
///     if let Decoded::Message(message) = item {
///         causes.extend(message.get("cause").map(<[u8]>::to_vec));
///     }
/// }
/// assert_eq!(causes, [b"16"]);
/// ```
#[derive(Debug)]
pub struct AmiDecoder {
    encoding: Encoding,
    buffer: Vec<u8>,
    framer: Framer,
    /// Bytes up to here were looked at.
    scanned: usize,
    /// Where the line that has not ended yet starts.
    line_start: usize,
    /// The first byte of it that no key can hold.
    key_stop: Option<usize>,
    /// Frames and skips that were handed out.
    taken: usize,
    skips_taken: usize,
    messages: u64,
    skipped: u64,
}

impl Default for AmiDecoder {
    fn default() -> Self {
        Self::new(Encoding::default())
    }
}

impl AmiDecoder {
    /// A decoder at the start of a session. `encoding` is what bytes that are not UTF-8 are taken for.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            buffer: Vec::new(),
            framer: Framer::new(),
            scanned: 0,
            line_start: 0,
            key_stop: None,
            taken: 0,
            skips_taken: 0,
            messages: 0,
            skipped: 0,
        }
    }

    /// Takes the bytes of one socket read; [`next_message`](Self::next_message) then gives what they completed.
    pub fn push(&mut self, chunk: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(chunk);
        self.scan();
        self.framer.partial_line(&self.buffer, self.line_start);
        self.cut_skipped_line();
    }

    /// The next message, or `None` when more bytes are needed.
    #[inline]
    pub fn next_message(&mut self) -> Option<Decoded<'_>> {
        let frame = *self.framer.frames.get(self.taken)?;
        self.taken += 1;
        Some(match frame {
            Frame::Message(frame) => {
                self.messages += 1;
                let Framer { spans, tags, .. } = &self.framer;
                Decoded::Message(Message::of_frame(frame, &self.buffer, spans, tags, self.encoding))
            }
            Frame::Skipped => {
                self.skips_taken += 1;
                self.skipped += 1;
                Decoded::Skipped(&self.framer.skips[self.skips_taken - 1])
            }
        })
    }

    /// All messages and skips not taken yet, owned: the buffer goes with them, only the tail is copied.
    pub fn take_batch(&mut self) -> MessageBatch {
        self.compact();
        let keep_from = self.unfinished_start();
        let tail = self.buffer[keep_from..].to_vec();
        let bytes = std::mem::replace(&mut self.buffer, tail);
        let batch = self.framer.take_finished(bytes, keep_from, self.encoding);
        self.shift(keep_from);
        self.messages += batch.len() as u64;
        self.skipped += batch.skips().len() as u64;
        batch
    }

    /// Pushes `chunk` and hands every message it completed to `visit`.
    pub fn feed(&mut self, chunk: &[u8], mut visit: impl FnMut(Decoded<'_>)) {
        self.push(chunk);
        while let Some(item) = self.next_message() {
            visit(item);
        }
    }
}

/// What does not belong to taking messages.
impl AmiDecoder {
    /// The connection was lost: forget a half-received message and expect the greeting of a new session.
    /// Whole messages that were not taken yet stay.
    pub fn reset(&mut self) {
        self.drop_line();
        self.framer.reset();
    }

    /// Bytes were lost on the way here: forget a half-received message and what comes before the next whole one.
    pub fn lose_place(&mut self) {
        self.drop_line();
        self.framer.lose_place();
    }

    /// What bytes that are not UTF-8 are taken for.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Messages taken since the decoder was made.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Messages skipped since the decoder was made, because they were over a limit.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Bytes kept of the message that has not ended yet.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.unfinished_start()
    }

    fn drop_line(&mut self) {
        self.line_start = self.buffer.len();
        self.scanned = self.buffer.len();
        self.key_stop = None;
    }

    /// Drops what was taken from the front of the buffer, so that only the tail of a message is ever moved.
    fn compact(&mut self) {
        let untaken = self.framer.frames[self.taken..].iter().find_map(|frame| {
            if let Frame::Message(message) = frame {
                Some(message.start)
            } else {
                None
            }
        });
        let keep_from = untaken.unwrap_or_else(|| self.unfinished_start());
        if keep_from == 0 && self.taken == 0 {
            return;
        }
        self.buffer.drain(..keep_from);
        self.framer.forget(self.taken, self.skips_taken, keep_from);
        self.taken = 0;
        self.skips_taken = 0;
        self.shift(keep_from);
    }

    /// Where the message that has not ended starts, or the line.
    fn unfinished_start(&self) -> usize {
        self.framer.message_start().unwrap_or(self.line_start)
    }

    /// So many bytes were cut off the front of the buffer.
    fn shift(&mut self, bytes: usize) {
        self.scanned -= bytes;
        self.line_start -= bytes;
        self.key_stop = self.key_stop.map(|stop| stop - bytes);
    }

    /// Hands the framer every line that ends within the bytes not looked at yet.
    fn scan(&mut self) {
        let Self { buffer, framer, .. } = self;
        let bytes = buffer.as_slice();
        let mut line_start = self.line_start;
        let mut key_stop = self.key_stop;
        let mut base = self.scanned;
        while base < bytes.len() {
            let rest = &bytes[base..];
            let marks = rest
                .first_chunk::<BLOCK>()
                .map_or_else(|| Marks::of_tail(rest), Marks::of);
            let mut line_feeds = marks.line_feeds;
            let mut key_stops = marks.key_stops;
            loop {
                if key_stop.is_none() && key_stops != 0 {
                    key_stop = Some(base + key_stops.trailing_zeros() as usize);
                }
                if line_feeds == 0 {
                    break;
                }
                let bit = line_feeds.trailing_zeros();
                let line_feed = base + bit as usize;
                framer.line(
                    bytes,
                    Line {
                        start: line_start,
                        key_stop: key_stop.unwrap_or(line_feed),
                        feed: line_feed,
                    },
                );
                line_start = line_feed + 1;
                key_stop = None;
                line_feeds &= line_feeds - 1;
                key_stops &= (u64::MAX << bit) << 1;
            }
            base += BLOCK;
        }
        self.line_start = line_start;
        self.key_stop = key_stop;
        self.scanned = bytes.len();
    }

    /// Keeps an endless line of a skipped message from filling the memory.
    fn cut_skipped_line(&mut self) {
        let len = self.buffer.len();
        if self.framer.is_skipping() && len - self.line_start > SKIPPED_LINE_BYTES {
            self.buffer.drain(self.line_start..len - SKIPPED_LINE_TAIL);
            self.scanned = self.buffer.len();
            self.key_stop = None;
            self.framer.line_was_cut();
        }
    }
}
