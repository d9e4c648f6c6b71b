//! How the client stands.

use super::fault::Fault;
use super::note::Refusal;
use super::topology::Topology;

/// Where it is on its way.
///
/// ```text
///  New ── start ──▶ Connecting ── topology and consumers stand ──▶ Ready
///                        ▲                                          │
///                        └───────────── connection lost ────────────┘
///   close from anywhere ──▶ Closed
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not started.
    #[default]
    New,
    /// No connection, or its topology does not stand yet.
    Connecting,
    /// Everything stands.
    Ready,
    /// The end.
    Closed,
}

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Connecting => "connecting",
            Self::Ready => "ready",
            Self::Closed => "closed",
        }
    }
}

/// How the client stands.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Where it is on its way.
    pub state: State,
    /// Why the last connection failed or was lost; none while one stands.
    pub fault: Option<Fault>,
    /// The address of the last attempt.
    pub address: String,
    /// Objects that the broker refused to declare the last time.
    pub refusals: Vec<Refusal>,
    /// Connections made.
    pub connects: u64,
    /// Connections lost or not made.
    pub failures: u64,
    /// Times everything was declared again because another connection held a part of it for itself.
    pub redeclares: u64,
    /// Why the broker takes no publishes now.
    pub blocked: Option<String>,
}

impl Status {
    /// Of what was declared now only what was refused now stands refused.
    pub(super) fn renew(&mut self, declared: &Topology, refused: &[Refusal]) {
        self.refusals.retain(|old| match old.object {
            "exchange" => declared.exchanges.iter().all(|new| new.name != old.name),
            "queue" => declared.queues.iter().all(|new| new.name != old.name),
            _ => declared.bindings.iter().all(|new| new.queue != old.name),
        });
        self.refusals.extend_from_slice(refused);
    }
}
