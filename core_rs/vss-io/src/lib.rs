//! What leaves the process without passing through Python: status rows to Redis.
//!
//! # Layout
//!
//! - [`board`]: a board that one side feeds and tasks of the runtime read.
//! - [`redis`]: the writer of status rows, its functions inside Redis, its lease.
//!
//! Everything runs on a tokio runtime that the caller owns; nothing here knows of an interpreter.

#![forbid(unsafe_code)]

pub mod board;
pub mod redis;

pub use board::SharedBoard;
