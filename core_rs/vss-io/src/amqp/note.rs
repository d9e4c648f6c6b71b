//! What crosses to Python, through the mailbox.

use super::fault::Fault;
use super::message::{Failure, Incoming};

/// One thing to know.
// Deliveries are the most of them: an allocation for each would only make the others smaller.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Note {
    /// All messages of a batch are answered for: confirmed, but for these.
    Confirms {
        /// The number `publish` gave.
        batch: u64,
        /// Places in the batch.
        failures: Vec<(usize, Failure)>,
    },
    /// A message for a consumption.
    Delivery {
        /// The consumption's number.
        consumer: u64,
        /// The message.
        message: Incoming,
    },
    /// An order is done.
    Done {
        /// The order's number.
        order: u64,
        /// What came of it.
        answer: Answer,
    },
    /// The broker ended a consumer: its queue was deleted.
    Cancelled {
        /// The consumption's number.
        consumer: u64,
    },
    /// The status changed.
    Status,
}

/// What comes of an order.
#[derive(Debug)]
pub enum Answer {
    /// It is done.
    Done,
    /// Some objects were refused, the others declared.
    Declared(Vec<Refusal>),
    /// A message, or none was there.
    Message(Option<Box<Incoming>>),
    /// Ready messages and consumers of a queue, none when there is no such queue.
    Counts(Option<(u32, u32)>),
    /// So many messages.
    Purged(u32),
    /// It failed.
    Failed(Fault),
}

/// An object that the broker did not declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `exchange`, `queue` or `binding`.
    pub object: &'static str,
    /// Its name; of a binding, the queue's.
    pub name: String,
    /// Why.
    pub fault: Fault,
}
