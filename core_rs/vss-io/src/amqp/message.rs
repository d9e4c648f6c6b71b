//! What is published and what is delivered.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::ShortString;

use std::sync::Arc;

use super::fault::Fault;
use super::settling::Line;

/// A message on its way to the broker.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Empty for the default exchange.
    pub exchange: ShortString,
    /// The routing key.
    pub routing_key: ShortString,
    /// It comes back when no queue takes it.
    pub mandatory: bool,
    /// The body.
    pub body: Vec<u8>,
    /// Its properties.
    pub properties: BasicProperties,
}

/// What became of a published message that was not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The broker nacked it.
    Nacked,
    /// No queue takes it.
    Returned,
    /// The broker can never take it.
    Refused(Fault),
    /// Nobody knows whether the broker has it.
    Lost,
}

/// What a consumer decides about a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done.
    Ack,
    /// Back into the queue.
    Requeue,
    /// Dead-lettered, or gone.
    Reject,
}

/// A message out of a queue.
#[derive(Debug)]
pub struct Incoming {
    /// Its number on its channel.
    pub tag: u64,
    /// The exchange it was published to.
    pub exchange: String,
    /// The key it was published with.
    pub routing_key: String,
    /// The broker has delivered it before.
    pub redelivered: bool,
    /// The body.
    pub body: Vec<u8>,
    /// Its properties.
    pub properties: BasicProperties,
    /// How many messages the queue still had, where the broker tells.
    pub waiting: Option<u32>,
    /// Where it is settled.
    pub line: Arc<Line>,
}

impl Incoming {
    pub(super) fn new(delivery: Delivery, waiting: Option<u32>, line: Arc<Line>) -> Self {
        Self {
            tag: delivery.delivery_tag,
            exchange: delivery.exchange.into(),
            routing_key: delivery.routing_key.into(),
            redelivered: delivery.redelivered,
            body: delivery.data,
            properties: delivery.properties,
            waiting,
            line,
        }
    }

    /// Settle it. False when its channel is gone: it will be redelivered.
    pub fn settle(&self, how: Settlement) -> bool {
        self.line.settle(self.tag, how)
    }
}
