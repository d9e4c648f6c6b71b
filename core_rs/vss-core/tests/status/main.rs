//! The state machine against scripted and recorded Asterisk: one scenario per test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod calls;
mod devices;
mod exits;
mod generated;
mod journal;
mod order;
mod pause;
mod pbx;
mod properties;
mod queue_call;
mod recorded_lists;
mod recordings;
mod resync;
