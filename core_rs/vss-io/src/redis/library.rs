//! The functions that run inside Redis.

/// The source of the function library `vss_router`, as `FUNCTION LOAD REPLACE` takes it. The contract of each function stands
/// at its head.
pub const REDIS_LIBRARY: &str = include_str!("library.lua");
