"""The contract of transports at a live RabbitMQ: what a test may have done to it."""

import asyncio
from collections.abc import Callable

from tests.contract.transport_rig import LONGEST, TransportRig
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.endpoint import BrokerEndpoint, parse_broker_url
from vss_router.broker.transport import Transport

__all__ = ["MakeTransport", "RabbitMqRig"]

MakeTransport = Callable[[BrokerEndpoint], Transport]


class RabbitMqRig(TransportRig):
    """A virtual host of its own, and a transport to it."""

    def __init__(self, server: RabbitMqServer, make: MakeTransport) -> None:
        self._server = server
        self._make = make
        self._endpoint = parse_broker_url(server.new_vhost())
        self.transport = make(self._endpoint)

    async def cut(self) -> None:
        await self._through(lambda: self._server.close_connections(self._endpoint.vhost))

    async def reopen(self) -> None:
        await self.transport.close()
        self.transport = self._make(self._endpoint)
        await self.transport.connect()

    async def restart(self) -> None:
        # In good order: what a kill takes with it, such as an ack just given, is for the tests of faults.
        await self._through(self._server.begin_again)

    async def _through(self, harm: Callable[[], object]) -> None:
        before = self.transport.status.connects
        await asyncio.to_thread(harm)
        async with asyncio.timeout(LONGEST):
            while self.transport.status.connects == before:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            await self.transport.ready()
