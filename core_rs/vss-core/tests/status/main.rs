//! The state machine against scripted and recorded Asterisk: one scenario per test.
// Scripts are text put together, and one story is one test, however long.
#![allow(clippy::format_push_string, clippy::format_collect, clippy::too_many_lines)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod by_hand;
mod calls;
mod changes;
mod devices;
mod dialects;
mod exits;
mod fences;
mod generated;
mod journal;
mod local_members;
mod order;
mod pause;
mod pbx;
mod properties;
mod queue_call;
mod reading;
mod recorded_lists;
mod recordings;
mod resync;
mod watching;
