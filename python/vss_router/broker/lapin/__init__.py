"""RabbitMQ through lapin, in the compiled core: the transport for `amqp://` and `amqps://`.

The only package that imports the AMQP classes of `vss_router._core`.
"""

from vss_router.broker.lapin.transport import LapinTransport

__all__ = ["LapinTransport"]
