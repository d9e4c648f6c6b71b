//! The messages of one read, owned: for whoever keeps them longer than the decoder's buffer stands still.

use super::encoding::Encoding;
use super::frame::{MessageFrame, Skipped, Span};
use super::message::Message;

/// The messages and skips that one read completed, with the bytes they stand in.
///
/// One allocation serves them all; keeping one message keeps the bytes of its whole read.
#[derive(Debug)]
pub struct MessageBatch {
    pub(super) bytes: Vec<u8>,
    pub(super) spans: Vec<Span>,
    pub(super) tags: Vec<u8>,
    pub(super) messages: Vec<MessageFrame>,
    pub(super) skips: Vec<Skipped>,
    pub(super) encoding: Encoding,
}

impl MessageBatch {
    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The message at `index`, in the order they came.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Message<'_>> {
        let frame = self.messages.get(index)?;
        Some(Message::of_frame(
            *frame,
            &self.bytes,
            &self.spans,
            &self.tags,
            self.encoding,
        ))
    }

    /// What was over a limit.
    pub fn skips(&self) -> &[Skipped] {
        &self.skips
    }
}
