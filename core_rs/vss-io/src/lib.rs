//! What leaves the process without passing through Python: status rows to Redis.
//!
//! # Layout
//!
//! - `amqp`: RabbitMQ through lapin; a cargo feature of that name. [`mailbox`]: how things cross to the other thread.
//! - [`backoff`]: waits between tries.
//! - [`board`]: a board that one side feeds and tasks of the runtime read.
//! - [`redis`]: the writer of status rows, its functions inside Redis, its lease.
//!
//! Everything runs on a tokio runtime that the caller owns; nothing here knows of an interpreter.

#![forbid(unsafe_code)]

#[cfg(feature = "amqp")]
pub mod amqp;
pub mod backoff;
pub mod board;
#[cfg(feature = "amqp")]
pub mod mailbox;
pub mod redis;

pub use board::SharedBoard;
