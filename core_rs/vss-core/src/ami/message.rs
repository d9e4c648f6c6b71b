//! The borrowed view of one message.

use std::borrow::Cow;

use memchr::memchr;

use super::encoding::Encoding;
use super::escape::{is_escaped, unescape};
use super::event::{EventList, MessageKind};
use super::frame::{MessageFrame, Span, key_tag};

/// One header as it stood on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Without the colon.
    pub key: &'a [u8],
    /// Without the space after the colon; line ends within the value are kept.
    pub value: &'a [u8],
}

/// One message, borrowed from the decoder's buffer. Keys are compared without case.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    raw: &'a [u8],
    spans: &'a [Span],
    tags: &'a [u8],
    kind: MessageKind,
    encoding: Encoding,
    body: (usize, usize),
}

impl<'a> Message<'a> {
    /// The view of `frame`, whose offsets are in these.
    #[inline]
    pub(super) fn of_frame(
        frame: MessageFrame,
        bytes: &'a [u8],
        spans: &'a [Span],
        tags: &'a [u8],
        encoding: Encoding,
    ) -> Self {
        let range = frame.first_span..frame.first_span + frame.span_count;
        Self {
            raw: &bytes[frame.start..frame.start + frame.len],
            spans: &spans[range.clone()],
            tags: &tags[range],
            kind: frame.kind,
            encoding,
            body: frame.body,
        }
    }

    /// What the message is.
    #[inline]
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The event's name, the response's status (`Success`, `Error`, `Goodbye`, `Follows`), the greeting's text;
    /// empty for any other message.
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        let key = match self.kind {
            MessageKind::Greeting => return self.raw,
            MessageKind::Event => "Event",
            MessageKind::Response => "Response",
            MessageKind::Other => return b"",
        };
        match self.spans.first() {
            Some(span) if (span.colon - span.key) as usize == key.len() => self.value_of(*span),
            _ => self.get(key).unwrap_or_default(),
        }
    }

    /// The value of the first header of this key.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.position(key).map(|index| self.value_of(self.spans[index]))
    }

    /// The values of every header of this key, in order.
    pub fn get_all<'k>(&self, key: &'k str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'k> {
        let message = *self;
        self.positions(key)
            .map(move |index| message.value_of(message.spans[index]))
    }

    /// The value of the first header of this key as text: decoded by the session's encoding, and without the
    /// escapes where Asterisk wrote some.
    #[inline]
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.position(key).map(|index| self.text_at(index))
    }

    /// The values of every header of this key as text, in order.
    pub fn text_all<'k>(&self, key: &'k str) -> impl Iterator<Item = Cow<'a, str>> + use<'a, 'k> {
        let message = *self;
        self.positions(key).map(move |index| message.text_at(index))
    }

    /// All headers in order, repeated ones too.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = Header<'a>> + use<'a> {
        let message = *self;
        self.spans.iter().map(move |span| Header {
            key: message.key_of(*span),
            value: message.value_of(*span),
        })
    }

    /// All headers in order as text: keys by the session's encoding, values as [`text`](Self::text) gives them.
    pub fn text_headers(&self) -> impl ExactSizeIterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        let message = *self;
        (0..self.spans.len()).map(move |index| {
            (
                message.encoding.decode(message.key_at(index)),
                message.text_at(index),
            )
        })
    }

    /// The bytes as they came, without the blank line that ended the message.
    #[inline]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The `ActionID`, which ties responses and the events of a list to the action.
    #[inline]
    pub fn action_id(&self) -> Option<&'a [u8]> {
        self.get("ActionID")
    }

    /// The place in the list an action is answered with.
    pub fn event_list(&self) -> Option<EventList> {
        self.get("EventList").and_then(EventList::parse)
    }

    /// What bytes that are not UTF-8 are taken for.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The lines of a `Command` answer: what stood before `--END COMMAND--` after `Response: Follows` (Asterisk 11
    /// and 13), or the `Output` headers (since 14).
    pub fn output(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let body = &self.raw[self.body.0..self.body.1];
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        let lines = body
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        // Without a body `split` would give one empty line.
        let lines = lines.take(if self.body.0 == self.body.1 { 0 } else { usize::MAX });
        lines.chain(self.get_all("Output"))
    }

    /// Where the first header of this key stands among the headers.
    #[inline]
    pub(super) fn position(&self, key: &str) -> Option<usize> {
        let key = key.as_bytes();
        let tag = key_tag(key);
        let mut from = 0;
        while let Some(offset) = memchr(tag, &self.tags[from..]) {
            let index = from + offset;
            let found = self.key_at(index);
            if found == key || found.eq_ignore_ascii_case(key) {
                return Some(index);
            }
            from = index + 1;
        }
        None
    }

    fn positions<'k>(&self, key: &'k str) -> impl Iterator<Item = usize> + use<'a, 'k> {
        let message = *self;
        (0..self.spans.len()).filter(move |index| message.key_at(*index).eq_ignore_ascii_case(key.as_bytes()))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.headers().map(|header| header.key)
    }

    #[inline]
    pub(super) fn key_at(&self, index: usize) -> &'a [u8] {
        self.key_of(self.spans[index])
    }

    #[inline]
    fn text_at(&self, index: usize) -> Cow<'a, str> {
        let value = self.value_of(self.spans[index]);
        if memchr(b'\\', value).is_some() && is_escaped(self, index) {
            return Cow::Owned(self.encoding.decode(&unescape(value)).into_owned());
        }
        self.encoding.decode(value)
    }

    #[inline]
    fn key_of(&self, span: Span) -> &'a [u8] {
        &self.raw[span.key as usize..span.colon as usize]
    }

    #[inline]
    fn value_of(&self, span: Span) -> &'a [u8] {
        let after_colon = &self.raw[span.colon as usize + 1..span.end as usize];
        after_colon.strip_prefix(b" ").unwrap_or(after_colon)
    }
}
