//! Which lines make a message.
//!
//! ```text
//!        blank: nothing                                     header, or continues the value above
//!            ┌─┐                                                      ┌─┐
//!            │ │  first line of a message                             │ │    LF-only blank line
//!  Opening  ┌▼─┴────┐─────────────────────────────────────────────▶┌──▼─┴──┐ in a CRLF message ┌───────┐
//!  ────────▶│Between│◀─────────────────────────────────────────────│Headers│──────────────────▶│ Blank │
//!  greeting └▲─▲──▲─┘           blank line: a message              └───┬───┘◀──────────────────└───┬───┘
//!            │ │  │                                                    │ Response:   any other     │
//!            │ │  └───────── a message opens, or a CRLF blank line ────┼─ Follows  ────────────────┘
//!            │ │                                                       ▼
//!            │ └── blank line after --END COMMAND-- ── CommandBody ◀─ CommandHead
//!            │
//!            └──── blank line ── Skipping ◀── any state, over a limit
//! ```
//!
//! A line that is no header ([`Line::colon`]) continues the value above it: Asterisk writes some values as they are,
//! line ends included. A line within a value that looks like a header cannot be told from one, nor can a CRLF blank
//! line within a value from the end of the message.

use super::event::MessageKind;
use super::frame::{
    Frame, Line, MAX_HEADERS, MAX_MESSAGE_BYTES, MAX_OPENING_BYTES, MessageFrame, SkipReason, Skipped, Span,
    key_tag, may_open_key,
};

const END_COMMAND: &[u8] = b"--END COMMAND--";
const GREETING: &[u8] = b"Asterisk Call Manager";
const OUTPUT_TAG: u8 = key_tag(b"Output");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No line of the session was seen.
    Opening,
    Between,
    Headers,
    /// After an LF-only blank line (at `at`) in a CRLF message: part of a value, unless a message opens after it.
    Blank {
        at: usize,
    },
    /// In the headers of a `Response: Follows`.
    CommandHead,
    /// In its lines, which start at `body`; the line above ended in `--END COMMAND--` at `marker`.
    CommandBody {
        body: usize,
        marker: Option<usize>,
    },
    /// Over a limit: dropping what comes until the message ends.
    Skipping {
        is_command: bool,
        after_marker: bool,
        after_blank: bool,
    },
}

/// Puts lines together to messages. Offsets are in the decoder's buffer, which is handed in.
#[derive(Debug)]
pub(crate) struct Framer {
    pub(super) state: State,
    /// Where the message under construction starts.
    pub(super) start: usize,
    pub(super) first_span: usize,
    /// `spans` may not grow over this.
    pub(super) span_limit: usize,
    /// The first line of the message ended in CRLF.
    is_crlf: bool,
    pub(crate) spans: Vec<Span>,
    /// `key_tag` of each span's key.
    pub(crate) tags: Vec<u8>,
    pub(crate) frames: Vec<Frame>,
    /// What the `Frame::Skipped` speak of, in the same order.
    pub(crate) skips: Vec<Skipped>,
}

impl Framer {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Opening,
            start: 0,
            first_span: 0,
            span_limit: 0,
            is_crlf: true,
            spans: Vec::new(),
            tags: Vec::new(),
            frames: Vec::new(),
            skips: Vec::new(),
        }
    }

    /// Forget the message under construction and expect a greeting.
    pub(crate) fn reset(&mut self) {
        self.drop_headers();
        self.state = State::Opening;
    }

    /// Bytes were lost: go on at the next message. It may begin right here, for a stream that was quiet after the loss
    /// goes on with a whole one, and that one may be what somebody waits for.
    pub(crate) fn lose_place(&mut self) {
        self.drop_headers();
        self.state = State::Skipping {
            is_command: false,
            after_marker: false,
            after_blank: true,
        };
    }

    /// Where the message under construction starts; `None` between messages and while skipping.
    pub(crate) fn message_start(&self) -> Option<usize> {
        match self.state {
            State::Opening | State::Between | State::Skipping { .. } => None,
            _ => Some(self.start),
        }
    }

    pub(crate) fn is_skipping(&self) -> bool {
        matches!(self.state, State::Skipping { .. })
    }

    /// Takes one whole line.
    #[inline]
    pub(crate) fn line(&mut self, bytes: &[u8], line: Line) {
        let end = line.end(bytes);
        let colon = line.key_stop;
        let is_plain_header = self.state == State::Headers
            && colon + 1 < end
            && bytes[colon] == b':'
            && bytes[colon + 1] == b' '
            && colon > line.start
            && may_open_key(bytes[line.start])
            && end - self.start <= MAX_MESSAGE_BYTES
            && self.spans.len() < self.span_limit;
        if is_plain_header {
            self.push_header(bytes, line.start, colon, end);
        } else {
            self.other_line(bytes, line, end);
        }
    }

    /// Looks at the bytes after the last line feed (from `start`): they may already be too much, however they go on.
    pub(crate) fn partial_line(&mut self, bytes: &[u8], start: usize) {
        let end = bytes.len() - usize::from(bytes.ends_with(b"\r") && bytes.len() > start);
        if end == start {
            return;
        }
        let opens_message = opens_message(&bytes[start..end]);
        match self.state {
            State::Opening | State::Between => self.start = start,
            State::Skipping {
                after_blank: true, ..
            } if opens_message => {
                self.state = State::Between;
                self.start = start;
            }
            State::Skipping { .. } => return,
            State::Blank { at } if opens_message => {
                self.finish(bytes, at);
                self.start = start;
            }
            _ => {}
        }
        if end - self.start > MAX_MESSAGE_BYTES {
            self.skip(bytes, SkipReason::TooLong);
        }
    }

    /// The front of a line being skipped was cut off, so what is left of it cannot open a message.
    pub(crate) fn line_was_cut(&mut self) {
        if let State::Skipping { after_blank, .. } = &mut self.state {
            *after_blank = false;
        }
    }

    #[inline]
    fn push_header(&mut self, bytes: &[u8], key: usize, colon: usize, end: usize) {
        let tag = key_tag(&bytes[key..colon]);
        if tag == OUTPUT_TAG && &bytes[key..colon] == b"Output" {
            self.span_limit += 1;
        }
        self.tags.push(tag);
        let origin = self.start;
        self.spans.push(Span {
            key: (key - origin) as u32,
            colon: (colon - origin) as u32,
            end: (end - origin) as u32,
        });
    }

    /// Takes a line that is no plain header within a message.
    fn other_line(&mut self, bytes: &[u8], line: Line, end: usize) {
        let is_blank = end == line.start;
        let ends_in_crlf = end < line.feed;
        match self.state {
            State::Opening | State::Between => self.first_line(bytes, line, end),
            State::Headers if is_blank => {
                if ends_in_crlf || !self.is_crlf || bytes[..line.start].ends_with(b"\r\n") {
                    self.finish(bytes, line.start);
                } else {
                    self.state = State::Blank { at: line.start };
                }
            }
            State::Blank { at } if is_blank && ends_in_crlf => self.finish(bytes, at),
            State::Blank { .. } if is_blank => {}
            State::Blank { at } if opens_message(&bytes[line.start..end]) => {
                self.finish(bytes, at);
                self.first_line(bytes, line, end);
            }
            State::Headers | State::Blank { .. } => {
                self.state = State::Headers;
                self.header_or_continuation(bytes, line, end);
            }
            State::CommandHead => match line.colon(bytes, end) {
                Some(colon) if self.is_command_header(bytes, &bytes[line.start..colon]) => {
                    self.header_or_continuation(bytes, line, end);
                }
                _ => self.command_line(bytes, line.start, end, line.start),
            },
            State::CommandBody {
                body,
                marker: Some(marker),
            } if is_blank => {
                let span = (body - self.start, marker - self.start);
                self.finish_as(MessageKind::Response, line.start, span);
            }
            State::CommandBody { body, .. } => self.command_line(bytes, line.start, end, body),
            State::Skipping {
                is_command,
                after_marker,
                after_blank,
            } => {
                let text = &bytes[line.start..end];
                if after_blank && opens_message(text) {
                    self.first_line(bytes, line, end);
                } else if is_blank && (!is_command || after_marker) {
                    self.state = State::Between;
                } else {
                    let after_marker = text.ends_with(END_COMMAND);
                    self.state = State::Skipping {
                        is_command,
                        after_marker,
                        after_blank: is_blank,
                    };
                }
            }
        }
    }

    /// Takes the first line of the session or after a message.
    fn first_line(&mut self, bytes: &[u8], line: Line, end: usize) {
        if end == line.start {
            return;
        }
        let is_first_of_session = self.state == State::Opening;
        self.state = State::Headers;
        self.start = line.start;
        self.first_span = self.spans.len();
        self.span_limit = self.first_span + MAX_HEADERS;
        self.is_crlf = end < line.feed;
        if end - line.start > MAX_MESSAGE_BYTES {
            self.skip(bytes, SkipReason::TooLong);
            return;
        }
        // There is no value that this line could continue, so `Key:value` is a header here.
        let tight_colon =
            line.key_stop > line.start && bytes[line.key_stop] == b':' && may_open_key(bytes[line.start]);
        let colon = line
            .colon(bytes, end)
            .or_else(|| tight_colon.then_some(line.key_stop));
        if bytes[line.start..end].starts_with(GREETING) || (is_first_of_session && colon.is_none()) {
            self.finish_as(MessageKind::Greeting, end, (0, 0));
        } else if let Some(colon) = colon {
            self.push_header(bytes, line.start, colon, end);
            let is_follows = bytes[line.start..colon].eq_ignore_ascii_case(b"Response")
                && bytes[colon + 1..end]
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"Follows");
            if is_follows {
                self.state = State::CommandHead;
            }
        }
    }

    fn header_or_continuation(&mut self, bytes: &[u8], line: Line, end: usize) {
        if end - self.start > MAX_MESSAGE_BYTES {
            self.skip(bytes, SkipReason::TooLong);
        } else if let Some(colon) = line.colon(bytes, end) {
            if self.spans.len() < self.span_limit || &bytes[line.start..colon] == b"Output" {
                self.push_header(bytes, line.start, colon, end);
            } else {
                self.skip(bytes, SkipReason::TooManyHeaders);
            }
        } else if let Some(above) = self.spans[self.first_span..].last_mut() {
            above.end = (end - self.start) as u32;
        }
    }

    /// Takes a line of a `Response: Follows` after its headers.
    fn command_line(&mut self, bytes: &[u8], start: usize, end: usize, body: usize) {
        if end > start && end - self.start > MAX_MESSAGE_BYTES {
            self.skip(bytes, SkipReason::TooLong);
        } else {
            let marker = bytes[start..end]
                .ends_with(END_COMMAND)
                .then(|| end - END_COMMAND.len());
            self.state = State::CommandBody { body, marker };
        }
    }

    /// `Response: Follows` is followed by these at most, once each; what comes next is output, however it looks.
    fn is_command_header(&self, bytes: &[u8], key: &[u8]) -> bool {
        let is_known = key.eq_ignore_ascii_case(b"Privilege") || key.eq_ignore_ascii_case(b"ActionID");
        let message = &bytes[self.start..];
        is_known
            && !self.spans[self.first_span..]
                .iter()
                .any(|span| message[span.key as usize..span.colon as usize].eq_ignore_ascii_case(key))
    }

    fn finish(&mut self, bytes: &[u8], end: usize) {
        let message = &bytes[self.start..];
        let mut kind = MessageKind::Other;
        for span in &self.spans[self.first_span..] {
            let key = &message[span.key as usize..span.colon as usize];
            if key.eq_ignore_ascii_case(b"Event") {
                kind = MessageKind::Event;
                break;
            } else if kind == MessageKind::Other && key.eq_ignore_ascii_case(b"Response") {
                kind = MessageKind::Response;
                if span.key == 0 {
                    break;
                }
            }
        }
        self.finish_as(kind, end, (0, 0));
    }

    fn finish_as(&mut self, kind: MessageKind, end: usize, body: (usize, usize)) {
        self.frames.push(Frame::Message(MessageFrame {
            kind,
            start: self.start,
            len: end - self.start,
            first_span: self.first_span,
            span_count: self.spans.len() - self.first_span,
            body,
        }));
        self.first_span = self.spans.len();
        self.state = State::Between;
    }

    #[cold]
    fn skip(&mut self, bytes: &[u8], reason: SkipReason) {
        let is_command = matches!(self.state, State::CommandHead | State::CommandBody { .. });
        let message = &bytes[self.start..];
        let message = &message[..message.len().min(MAX_OPENING_BYTES)];
        let line = message.split(|byte| *byte == b'\n').next().unwrap_or_default();
        self.skips.push(Skipped {
            reason,
            opening: line.strip_suffix(b"\r").unwrap_or(line).into(),
        });
        self.frames.push(Frame::Skipped);
        self.drop_headers();
        self.state = State::Skipping {
            is_command,
            after_marker: false,
            after_blank: false,
        };
    }

    fn drop_headers(&mut self) {
        self.spans.truncate(self.first_span);
        self.tags.truncate(self.first_span);
    }
}

/// A line that starts a message beyond doubt, where only what comes next can tell.
fn opens_message(line: &[u8]) -> bool {
    line.starts_with(b"Event: ") || line.starts_with(b"Response: ") || line.starts_with(GREETING)
}
