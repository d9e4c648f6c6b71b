//! `Topology`, read from Python's structs.

use pyo3::prelude::*;
use vss_io::amqp::topology::{Binding, Exchange, Queue, Topology};

use super::table::table;

pub(super) fn topology(given: &Bound<'_, PyAny>) -> PyResult<Topology> {
    let mut topology = Topology::default();
    for exchange in given.getattr("exchanges")?.try_iter()? {
        let exchange = exchange?;
        topology.exchanges.push(Exchange {
            name: exchange.getattr("name")?.extract()?,
            kind: exchange.getattr("kind")?.extract()?,
            durable: exchange.getattr("durable")?.extract()?,
            auto_delete: exchange.getattr("auto_delete")?.extract()?,
        });
    }
    for queue in given.getattr("queues")?.try_iter()? {
        let queue = queue?;
        topology.queues.push(Queue {
            name: queue.getattr("name")?.extract()?,
            durable: queue.getattr("durable")?.extract()?,
            exclusive: queue.getattr("exclusive")?.extract()?,
            auto_delete: queue.getattr("auto_delete")?.extract()?,
            arguments: table(&queue.getattr("arguments")?)?,
        });
    }
    for binding in given.getattr("bindings")?.try_iter()? {
        let binding = binding?;
        topology.bindings.push(Binding {
            exchange: binding.getattr("exchange")?.extract()?,
            queue: binding.getattr("queue")?.extract()?,
            routing_key: binding.getattr("routing_key")?.extract()?,
            arguments: table(&binding.getattr("arguments")?)?,
        });
    }
    Ok(topology)
}
