"""A broker in this process, with RabbitMQ's semantics; durable where it is given a file.

- `transport.py`: the surface of all transports, the journal behind it, publishing that waits for its commit.
- `broker.py`: exchanges, queues and bindings by name; what a message that is published goes through.
- `declarations.py`: when a declaration is that of what is there.
- `exchange.py`: which queues a routing key reaches. `headers_match.py`: the rule of headers exchanges.
- `embedded_queue.py`: one queue: its limits, its consumers, what is out. `ready_messages.py`: what waits, in order.
- `consumer.py`: one consumer. `dead_letter.py`: `x-death` and the rule of cycles.
- `store.py`: what stands in the journal. `changes.py`: what is to be written to it next.

Everything but the journal runs in the event loop, so nothing in here is locked.
"""

from vss_router.broker.embedded.transport import EmbeddedTransport

__all__ = ["EmbeddedTransport"]
