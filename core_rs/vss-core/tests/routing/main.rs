//! Routing by the rules of AMQP: the hard cases by name, and everything else beside an obvious matcher.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod properties;
mod reference;
mod rules;
