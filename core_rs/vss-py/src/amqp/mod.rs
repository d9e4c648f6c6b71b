//! `AmqpClient` and what comes out of it, for Python: one crossing for many messages each way.

mod client;
mod message;
mod notes;
mod table;
mod topology;

pub(crate) use client::AmqpClient;
pub(crate) use notes::{
    AmqpCancelled, AmqpConfirms, AmqpDelivery, AmqpDone, AmqpFault, AmqpRefusal, AmqpStatus,
};
