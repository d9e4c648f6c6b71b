"""Which of the two AMQP transports is used."""

import functools
import logging
from collections.abc import Callable
from typing import Literal, Protocol

from vss_router.broker.duplex_transport import DuplexTransport
from vss_router.broker.endpoint import BrokerEndpoint
from vss_router.broker.transport import Transport
from vss_router.broker.trouble_log import TroubleLog

__all__ = ["AmqpLibrary", "amqp_transport", "duplex_amqp_transport"]

AmqpLibrary = Literal["lapin", "aio_pika"]

_log = logging.getLogger(__name__)


class _Make(Protocol):
    """What both make a transport with."""

    def __call__(
        self,
        endpoint: BrokerEndpoint,
        *,
        random: Callable[[], float],
        name: str,
        outstanding: int,
        troubles: TroubleLog | None = None,
    ) -> Transport: ...


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
    return _maker(library)(endpoint, random=random, name=name, outstanding=outstanding)


def duplex_amqp_transport(
    endpoint: BrokerEndpoint,
    *,
    random: Callable[[], float],
    library: AmqpLibrary = "lapin",
    name: str = "vss-router",
    outstanding: int = 4096,
) -> DuplexTransport:
    """Two connections to this broker, one of them for what is published; otherwise as `amqp_transport`.

    Raises
    ------
    SettingsError
        A certificate of the endpoint cannot be read.
    """
    # One who cannot be reached, or does not let us in, is told of once.
    make = functools.partial(_maker(library), endpoint, random=random, outstanding=outstanding, troubles=TroubleLog())
    return DuplexTransport(outgoing=make(name=f"{name} publishing"), incoming=make(name=name))


def _maker(library: AmqpLibrary) -> _Make:
    if library == "lapin":
        try:
            from vss_router.broker.lapin import LapinTransport
        except ImportError:
            _log.warning("this build has no AMQP in its core: RabbitMQ is spoken to through aio-pika, which is slower")
        else:
            return LapinTransport
    from vss_router.broker.aio_pika import AioPikaTransport

    return AioPikaTransport
