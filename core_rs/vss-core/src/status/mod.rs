//! What the events mean: live rows of operators, channels, calls and queues, and typed events about their changes.
//!
//! # Layout
//!
//! - [`board`]: [`StatusBoard`], the surface: bytes in, events and rows out.
//! - [`facts`]: the tables, and what each AMI event changes in them.
//! - [`operator`], [`membership`], [`channel`], [`call`], [`queue`], [`bridge`]: one row each, with its diagram.
//! - [`dialect`]: the dialects of Asterisk 11 to 23 as data.
//! - [`resync`]: the shadow board, the fence and the swap; [`difference`] is what the swap publishes.
//! - [`changes`]: which rows changed since when; [`overlay`]: rows that did not come from Asterisk.
//! - [`journal`]: sequence numbers and typed events; [`ident`] makes their ids, [`json`] writes them and the rows.
//! - [`moment`], [`window`], [`mark`], [`keys`], [`options`], [`error`]: what the others stand on.

pub mod board;
pub mod bridge;
pub mod call;
pub mod changes;
pub mod channel;
pub mod dialect;
pub mod difference;
pub mod error;
pub mod facts;
pub mod ident;
pub mod journal;
pub mod json;
pub mod keys;
pub mod mark;
pub mod membership;
pub mod moment;
pub mod operator;
pub mod options;
pub mod overlay;
pub mod queue;
pub mod resync;
pub mod window;

pub use board::{Batch, Notice, NoticeReason, Response, Session, StatusBoard};
pub use changes::{Change, Span};
pub use error::StatusError;
pub use facts::Table;
pub use journal::Event;
pub use moment::Moment;
pub use options::BoardOptions;
pub use overlay::{Origin, RowByHand};
