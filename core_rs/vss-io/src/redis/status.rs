//! How the writer is doing, for whoever asks.

/// What the writer is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriterState {
    /// Not started.
    #[default]
    Idle,
    /// Looking for Redis.
    Connecting,
    /// Another writer has the lease.
    Standby,
    /// Writing.
    Writing,
    /// Redis cannot be used as it is: a person has to change something.
    Refused,
    /// Ended.
    Stopped,
}

impl WriterState {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Standby => "standby",
            Self::Writing => "writing",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
        }
    }
}

/// How the writer is doing. Counters count since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriterStatus {
    /// What it is at.
    pub state: WriterState,
    /// Why it does not write, and the way out.
    pub trouble: Option<String>,
    /// The epoch of our last lease.
    pub epoch: u64,
    /// The lease of whoever writes, as far as known.
    pub holder: Option<String>,
    /// Everything up to this sequence number stands in Redis.
    pub seq: u64,
    /// Rows that stand in Redis.
    pub rows: u64,
    /// Rows written and removed.
    pub rows_written: u64,
    /// Flushes that Redis took.
    pub flushes: u64,
    /// How long the last flush took from its sending to its answer, seconds.
    pub last_flush_seconds: f64,
    /// Flushes under way.
    pub in_flight: u64,
    /// Connections made.
    pub connects: u64,
    /// Connections lost or not made.
    pub failures: u64,
    /// Times that a lease was taken.
    pub leases: u64,
    /// Flushes refused because the lease was not ours.
    pub fenced: u64,
    /// Rewrites of the whole board ended.
    pub rewrites: u64,
    /// The greatest number of `rewrite()` that has been served.
    pub rewrites_done: u64,
    /// Keys whose time to live began anew.
    pub renewed: u64,
    /// Rows that somebody else had removed, or whose queues somebody else may have changed.
    pub missing: u64,
}
