"""The transports to a RabbitMQ, by name, and the test queue that takes everything."""

import random
from typing import Final

from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.topology import Binding, Exchange, Queue, Topology
from vss_router.broker.transport import Transport

__all__ = ["ALL", "QUEUE", "everything", "transport_to"]

QUEUE: Final = "test.everything"
ALL: Final = ["lapin", "aio_pika"]


def transport_to(url: str, kind: str, **options: float) -> Transport:
    """A transport of that kind; `options` are its times."""
    if kind == "lapin":
        return LapinTransport(parse_broker_url(url), random=random.random, **options)  # type: ignore[arg-type]
    from vss_router.broker.aio_pika import AioPikaTransport

    return AioPikaTransport(parse_broker_url(url), random=random.random, **options)  # type: ignore[arg-type]


def everything(*keys: str) -> Topology:
    """The queue without limits, bound to these keys of `vss.events`."""
    return Topology(
        exchanges=(Exchange(name="vss.events", kind="topic"),),
        queues=(Queue(name=QUEUE),),
        bindings=tuple(Binding(exchange="vss.events", queue=QUEUE, routing_key=key) for key in keys),
    )
