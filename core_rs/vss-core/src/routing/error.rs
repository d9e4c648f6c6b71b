//! What a key or a pattern can have wrong. Each message names the thing and the way out.

use thiserror::Error;

use super::key::MAX_KEY_BYTES;

/// A key or a pattern that no broker takes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// A routing key that does not fit into AMQP's short string.
    #[error("the routing key `{start}…` has {bytes} bytes, over {MAX_KEY_BYTES}: shorten it")]
    KeyTooLong {
        /// How it begins.
        start: String,
        /// How long it is.
        bytes: usize,
    },
    /// A binding pattern that does not fit into AMQP's short string.
    #[error("the binding pattern `{start}…` has {bytes} bytes, over {MAX_KEY_BYTES}: shorten it")]
    PatternTooLong {
        /// How it begins.
        start: String,
        /// How long it is.
        bytes: usize,
    },
}

/// The beginning of a text that is too long to be shown.
pub(super) fn start_of(text: &str) -> String {
    text.chars().take(40).collect()
}
