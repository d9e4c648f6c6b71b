//! What is finished leaves the framer: dropped once it was handed out, or taken as an owned batch.

use super::batch::MessageBatch;
use super::encoding::Encoding;
use super::frame::Frame;
use super::framer::{Framer, State};

impl Framer {
    /// The first `taken` frames (with `skips_taken` skips) are done with, and `bytes` were cut off the buffer's front.
    pub(crate) fn forget(&mut self, taken: usize, skips_taken: usize, bytes: usize) {
        let spans_gone = self.frames[taken..]
            .iter()
            .find_map(|frame| {
                if let Frame::Message(message) = frame {
                    Some(message.first_span)
                } else {
                    None
                }
            })
            .unwrap_or(self.first_span);
        self.frames.drain(..taken);
        self.skips.drain(..skips_taken);
        self.spans.drain(..spans_gone);
        self.tags.drain(..spans_gone);
        self.shift(bytes, spans_gone);
        for frame in &mut self.frames {
            if let Frame::Message(message) = frame {
                message.start -= bytes;
                message.first_span -= spans_gone;
            }
        }
    }

    /// Hands out everything finished; `bytes` is what it stands in, of which the first `cut` are gone from the buffer.
    pub(crate) fn take_finished(&mut self, bytes: Vec<u8>, cut: usize, encoding: Encoding) -> MessageBatch {
        let spans = leave_from(&mut self.spans, self.first_span);
        let tags = leave_from(&mut self.tags, self.first_span);
        let skips = std::mem::take(&mut self.skips);
        let messages = self.frames.drain(..).filter_map(|frame| match frame {
            Frame::Message(message) => Some(message),
            Frame::Skipped => None,
        });
        let batch = MessageBatch {
            bytes,
            spans,
            tags,
            messages: messages.collect(),
            skips,
            encoding,
        };
        self.shift(cut, self.first_span);
        batch
    }

    /// So many bytes and spans were cut off the front.
    fn shift(&mut self, bytes: usize, spans_gone: usize) {
        self.first_span -= spans_gone;
        self.span_limit = self.span_limit.saturating_sub(spans_gone);
        self.start = self.start.saturating_sub(bytes);
        match &mut self.state {
            State::Blank { at } => *at -= bytes,
            State::CommandBody { body, marker } => {
                *body -= bytes;
                *marker = marker.map(|marker| marker - bytes);
            }
            _ => {}
        }
    }
}

/// Leaves the items from `at` on in `items` and hands out the whole.
fn leave_from<T: Copy>(items: &mut Vec<T>, at: usize) -> Vec<T> {
    let mut left = Vec::with_capacity(items.len());
    left.extend_from_slice(&items[at..]);
    std::mem::replace(items, left)
}
