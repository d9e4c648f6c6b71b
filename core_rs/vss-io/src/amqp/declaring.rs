//! Topology on a connection: everything that can be declared is, and what the broker refuses is named.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::fault::{Fault, FaultKind};
use super::note::Refusal;
use super::session::Session;
use super::topology::{Binding, Exchange, Queue, Topology};

/// Declare all of it. A refusal closes the channel; the next object gets another one.
///
/// # Errors
/// The connection is of no use any more.
pub(super) async fn declare(
    session: &Session,
    channel: &mut Channel,
    topology: &Topology,
) -> Result<Vec<Refusal>, Fault> {
    let mut refusals = Vec::new();
    for exchange in &topology.exchanges {
        if let Err(fault) = declare_exchange(session, channel, exchange).await {
            refusals.push(refused(session, channel, "exchange", &exchange.name, fault).await?);
        }
    }
    for queue in &topology.queues {
        if let Err(fault) = declare_queue(session, channel, queue).await {
            refusals.push(refused(session, channel, "queue", &queue.name, fault).await?);
        }
    }
    for binding in &topology.bindings {
        if let Err(fault) = bind(session, channel, binding).await {
            refusals.push(refused(session, channel, "binding", &binding.queue, fault).await?);
        }
    }
    Ok(refusals)
}

/// A name as it goes over the wire.
pub(super) fn name(text: &str) -> Result<ShortString, Fault> {
    ShortString::try_new(text).map_err(|_| Fault {
        kind: FaultKind::Answered,
        code: 0,
        text: format!("a name has at most 255 bytes, this one {}", text.len()),
    })
}

async fn refused(
    session: &Session,
    channel: &mut Channel,
    object: &'static str,
    name: &str,
    fault: Fault,
) -> Result<Refusal, Fault> {
    if fault.kind != FaultKind::Answered || !session.is_alive() {
        return Err(fault);
    }
    if !channel.status().connected() {
        *channel = session.channel().await?;
    }
    Ok(Refusal {
        object,
        name: name.to_owned(),
        fault,
    })
}

async fn declare_exchange(session: &Session, channel: &Channel, exchange: &Exchange) -> Result<(), Fault> {
    if exchange.name.is_empty() {
        return Ok(());
    }
    let kind = match exchange.kind.as_str() {
        "direct" => ExchangeKind::Direct,
        "fanout" => ExchangeKind::Fanout,
        "headers" => ExchangeKind::Headers,
        "topic" => ExchangeKind::Topic,
        other => ExchangeKind::Custom(other.to_owned()),
    };
    let options = ExchangeDeclareOptions {
        durable: exchange.durable,
        auto_delete: exchange.auto_delete,
        ..ExchangeDeclareOptions::default()
    };
    session
        .answer(channel.exchange_declare(name(&exchange.name)?, kind, options, FieldTable::default()))
        .await
}

async fn declare_queue(session: &Session, channel: &Channel, queue: &Queue) -> Result<(), Fault> {
    let options = QueueDeclareOptions {
        durable: queue.durable,
        exclusive: queue.exclusive,
        auto_delete: queue.auto_delete,
        ..QueueDeclareOptions::default()
    };
    session
        .answer(channel.queue_declare(name(&queue.name)?, options, queue.arguments.clone()))
        .await
        .map(|_| ())
}

async fn bind(session: &Session, channel: &Channel, binding: &Binding) -> Result<(), Fault> {
    if binding.exchange.is_empty() {
        // Every queue is bound to the default exchange, and to nothing else there.
        return Ok(());
    }
    let (queue, exchange) = (name(&binding.queue)?, name(&binding.exchange)?);
    let key = name(&binding.routing_key)?;
    session
        .answer(channel.queue_bind(
            queue,
            exchange,
            key,
            QueueBindOptions::default(),
            binding.arguments.clone(),
        ))
        .await
}
