//! The hot path of vss-router: bytes of the Asterisk Manager Interface in, live status and typed events out.
//!
//! # Layout
//!
//! - [`ami`]: what stands on the wire. Bytes become messages, actions become bytes.
//! - [`routing`]: where a message goes. A routing key becomes the targets of the bindings that match it.
//! - [`status`]: what it means. Messages become rows of operators, channels, calls and queues, and typed events.
//!
//! Nothing here knows Python, sockets or the clock: time is always an argument.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod ami;
pub mod routing;
pub mod status;
