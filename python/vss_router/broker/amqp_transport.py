"""Which of the two AMQP transports is used."""

import logging
from collections.abc import Callable
from typing import Literal

from vss_router.broker.endpoint import BrokerEndpoint
from vss_router.broker.transport import Transport

__all__ = ["AmqpLibrary", "amqp_transport"]

AmqpLibrary = Literal["lapin", "aio_pika"]

_log = logging.getLogger(__name__)


def amqp_transport(
    endpoint: BrokerEndpoint,
    *,
    random: Callable[[], float],
    library: AmqpLibrary = "lapin",
    name: str = "vss-router",
    outstanding: int = 4096,
) -> Transport:
    """A transport to this broker; without AMQP in the compiled core it is aio-pika's, and the log says so.

    `random`, `name` and `outstanding` are those of `LapinTransport`.

    Raises
    ------
    SettingsError
        A certificate of the endpoint cannot be read.
    """
    if library == "lapin":
        try:
            from vss_router.broker.lapin import LapinTransport
        except ImportError:
            _log.warning("this build has no AMQP in its core: RabbitMQ is spoken to through aio-pika, which is slower")
        else:
            return LapinTransport(endpoint, random=random, name=name, outstanding=outstanding)
    from vss_router.broker.aio_pika import AioPikaTransport

    return AioPikaTransport(endpoint, random=random, name=name, outstanding=outstanding)
