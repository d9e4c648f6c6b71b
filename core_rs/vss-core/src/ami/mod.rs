//! What stands on the wire of the Asterisk Manager Interface: bytes become messages, actions become bytes.
//!
//! # Layout
//!
//! - [`decoder`]: [`AmiDecoder`], the buffer of one session; push bytes, take messages.
//! - `scan`: where lines end and where keys end, 64 bytes at a time.
//! - `framer`: which lines make a message; `frame` is where it stands in the buffer, and what is too large to be one.
//! - `finished`: how finished messages leave the framer again.
//! - [`message`]: [`Message`], the borrowed view of one message; `escape` undoes Asterisk's C escapes in it.
//! - [`batch`]: [`MessageBatch`], the messages of one read with the bytes they stand in, to be kept.
//! - [`event`]: the parts of a message with a fixed vocabulary (its kind, its place in a list).
//! - [`encoding`]: text of a PBX that may not be UTF-8.
//! - [`action`]: [`AmiAction`], what we send, refused when Asterisk would misread it.
//! - [`error`]: the errors of actions and settings. Bytes from the wire never raise one.

pub mod action;
pub mod batch;
pub mod decoder;
pub mod encoding;
pub mod error;
mod escape;
pub mod event;
mod finished;
mod frame;
mod framer;
pub mod message;
mod scan;
#[cfg(test)]
mod tests;

pub use action::{AmiAction, MAX_ACTION_HEADERS, MAX_ACTION_LINE_BYTES};
pub use batch::MessageBatch;
pub use decoder::{AmiDecoder, Decoded};
pub use encoding::Encoding;
pub use error::{ActionError, EncodingError};
pub use event::{EventList, MessageKind};
pub use frame::{MAX_HEADERS, MAX_MESSAGE_BYTES, SkipReason, Skipped};
pub use message::{Header, Message};
