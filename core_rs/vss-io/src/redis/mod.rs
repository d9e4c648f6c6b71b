//! Status rows in Redis.
//!
//! # Layout
//!
//! - [`writer`]: the surface, and the loop around everything: connect, take the lease or stand by, write, begin anew.
//! - [`tenure`]: whether we may write, as a state machine; [`lead`]: writing while we may; [`answers`]: what Redis says to it.
//! - [`flush`]: changes of the board become one command; [`sent`]: commands under way; [`commands`]: the other commands.
//! - [`standing`]: what our sets hold; [`renewal`]: what stands is touched before its time is over.
//! - [`connect`]: the master's address, version and functions; [`trouble`]: why nothing is written, with the way out.
//! - [`keys`], [`library`], [`compress`], [`options`], [`status`]: what the others stand on.
//! - `library.lua`: what runs inside Redis.

mod answers;
mod commands;
mod compress;
mod connect;
mod flush;
mod keys;
mod lead;
mod library;
mod options;
mod renewal;
mod sent;
mod standing;
mod status;
mod tenure;
mod trouble;
mod writer;

pub use commands::Meta;
pub use compress::{Compression, ExpandError, expand_row};
pub use keys::{Keys, Set};
pub use library::REDIS_LIBRARY;
pub use options::{Endpoint, Login, OptionsError, Target, Tls, WriterOptions};
pub use status::{WriterState, WriterStatus};
pub use trouble::Trouble;
pub use writer::StatusWriter;
