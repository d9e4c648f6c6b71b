"""RabbitMQ through aio-pika: the fallback where the extension was built without AMQP, or a setting asks for it.

The only package that imports aio-pika or aiormq, the protocol layer that aio-pika stands on. aio-pika's `robust_*`
classes are not used: they hide why a connection fails, wait without jitter, find returned messages by a `message_id`
that they write themselves, and do not consume again after a queue was deleted. So connections, channels and frames are
aiormq's, and what is done with them over connections is ours, as with lapin. So is the reading of frames (`decoding`),
and what aiormq logs of the ends of our connections is left to our own sentences (`silence`).
"""

from vss_router.broker.aio_pika.transport import AioPikaTransport

__all__ = ["AioPikaTransport"]
