//! Handles of rows: small, copyable, and never mistaken for a later row in the same place.

use slotmap::new_key_type;

new_key_type! {
    /// A channel.
    pub struct ChannelKey;
    /// A call.
    pub struct CallKey;
    /// An operator.
    pub struct OperatorKey;
    /// A queue.
    pub struct QueueKey;
}
