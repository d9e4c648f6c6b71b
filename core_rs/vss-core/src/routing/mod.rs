//! Where a message goes: routing keys, binding patterns, and the tables of a topic and of a direct exchange.
//!
//! The rules are those of AMQP 0-9-1 as RabbitMQ keeps them. A key is words separated by dots; empty words are words
//! (`a..b` has three), the empty key has none. In a pattern `*` is exactly one word and `#` zero or more, anywhere and
//! repeatedly; inside a word (`a*`) both are plain characters. A key or pattern has at most 255 bytes.
//!
//! - [`RoutingKey`] and [`Pattern`]: one of each, read and compared.
//! - [`DirectTable`]: a direct exchange, the key as a whole.
//! - [`TopicMatcher`]: a topic exchange, all its bindings at once; [`Matches`] is the buffer of its answers.
//!
//! ```
//! use vss_core::routing::{Matches, TopicMatcher};
//!
//! let mut matcher = TopicMatcher::default();
//! matcher.add("call.*", 1)?;
//! matcher.add("#", 2)?;
//! let mut matches = Matches::default();
//! assert_eq!(matcher.find("call.start", &mut matches)?, [1, 2]);
//! # Ok::<(), vss_core::routing::RoutingError>(())
//! ```

mod bloom;
mod direct;
mod error;
mod key;
mod matcher;
mod pattern;
mod sieve;
mod spelling;
mod trie;

pub use direct::DirectTable;
pub use error::RoutingError;
pub use key::{MAX_KEY_BYTES, RoutingKey};
pub use matcher::{Matches, TopicMatcher};
pub use pattern::{Pattern, Word};

/// What a binding leads to, such as the number of a queue.
pub type Target = u64;
