//! What is declared.

use lapin::types::FieldTable;

/// An exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// `topic`, `direct`, `fanout` or `headers`.
    pub kind: String,
    /// It survives the broker.
    pub durable: bool,
    /// It goes with its last binding.
    pub auto_delete: bool,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// It survives the broker.
    pub durable: bool,
    /// It belongs to our connection.
    pub exclusive: bool,
    /// It goes with its last consumer.
    pub auto_delete: bool,
    /// The arguments of its declaration.
    pub arguments: FieldTable,
}

/// A queue is bound to an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The exchange's name.
    pub exchange: String,
    /// The queue's name.
    pub queue: String,
    /// The binding pattern.
    pub routing_key: String,
    /// What a headers exchange compares.
    pub arguments: FieldTable,
}

/// Exchanges, queues and bindings, declared in that order.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Exchanges.
    pub exchanges: Vec<Exchange>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// Bindings.
    pub bindings: Vec<Binding>,
}

impl Topology {
    /// Add what another one declares; of two objects of a name the newer one counts.
    pub fn add(&mut self, other: Self) {
        for exchange in other.exchanges {
            self.exchanges.retain(|known| known.name != exchange.name);
            self.exchanges.push(exchange);
        }
        for queue in other.queues {
            self.queues.retain(|known| known.name != queue.name);
            self.queues.push(queue);
        }
        for binding in other.bindings {
            if !self.bindings.contains(&binding) {
                self.bindings.push(binding);
            }
        }
    }

    /// Forget a queue and its bindings.
    pub fn forget_queue(&mut self, name: &str) {
        self.queues.retain(|queue| queue.name != name);
        self.bindings.retain(|binding| binding.queue != name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(queue: &str, key: &str) -> Binding {
        Binding {
            exchange: "e".into(),
            queue: queue.into(),
            routing_key: key.into(),
            arguments: FieldTable::default(),
        }
    }

    #[test]
    fn declarations_add_up_once_and_a_deleted_queue_takes_its_bindings_along() {
        let part = |queue: &str| Topology {
            exchanges: Vec::new(),
            queues: vec![Queue {
                name: queue.into(),
                durable: true,
                exclusive: false,
                auto_delete: false,
                arguments: FieldTable::default(),
            }],
            bindings: vec![binding(queue, "a")],
        };
        let mut all = Topology::default();
        all.add(part("q"));
        all.add(part("q"));
        all.add(part("r"));
        assert_eq!((all.queues.len(), all.bindings.len()), (2, 2));
        all.forget_queue("q");
        assert_eq!(all.queues[0].name, "r");
        assert_eq!(all.bindings, [binding("r", "a")]);
    }
}
