"""One connection of aiormq: how it is made, asked, and given up when its broker does not answer."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar, final
from urllib.parse import quote

import aiormq
from yarl import URL

from vss_router.broker.aio_pika.channels import Confirming, ConfirmingChannel, WatchedChannel
from vss_router.broker.aio_pika.faults import ABSENT, SILENT, Fault, FaultError, fault_of
from vss_router.broker.aio_pika.silence import ours
from vss_router.broker.aio_pika.wire import WatchedConnection
from vss_router.broker.endpoint import BrokerEndpoint

__all__ = ["Session", "tls_context"]

T = TypeVar("T")
C = TypeVar("C", bound=WatchedChannel)


def tls_context(endpoint: BrokerEndpoint) -> ssl.SSLContext | None:
    """What TLS needs, when it is spoken. Raises OSError (`ssl.SSLError` is one) for files that cannot be used."""
    if not endpoint.tls:
        return None
    context = ssl.create_default_context(cafile=endpoint.ca)
    if endpoint.certificate is not None:
        context.load_cert_chain(endpoint.certificate, endpoint.private_key)
    return context


@final
class Session:
    """A connection that stands, or stood. `lost` is done with the fault that ended it."""

    def __init__(self, connection: WatchedConnection, answer_seconds: float) -> None:
        self.connection = connection
        self.lost: asyncio.Future[Fault] = asyncio.get_running_loop().create_future()
        self._answer_seconds = answer_seconds
        self._closing = connection.closing
        self._closing.add_done_callback(self._ended)

    @classmethod
    async def open(
        cls,
        endpoint: BrokerEndpoint,
        address: tuple[str, int],
        *,
        name: str,
        context: ssl.SSLContext | None,
        connect_seconds: float,
        answer_seconds: float,
    ) -> "Session":
        """Connect and log in. Raises FaultError."""
        host, port = address
        url = URL.build(
            scheme="amqps" if endpoint.tls else "amqp",
            user=endpoint.user,
            password=endpoint.password.reveal(),
            host=host,
            port=port,
            path=f"/{quote(endpoint.vhost, safe='')}",
            query={"name": name, "heartbeat": str(endpoint.heartbeat)},
        )
        connection = WatchedConnection(url, context=context, client_properties={"product": "vss-router"})
        connection.vhost = endpoint.vhost  # as it is: no reading of URLs in between
        try:
            with ours():
                async with asyncio.timeout(connect_seconds):
                    await connection.connect()
        except TimeoutError as error:
            raise FaultError(Fault("unreachable", text=f"no answer within {connect_seconds:g} s")) from error
        except (aiormq.exceptions.AMQPError, OSError, FaultError) as error:
            raise FaultError(fault_of(error, connecting=True)) from error
        return cls(connection, answer_seconds)

    @property
    def is_alive(self) -> bool:
        """Whether it still stands."""
        return self.connection.is_opened and not self.lost.done()

    async def answer(self, asked: Awaitable[T]) -> T:
        """Wait for an answer as long as one may take. Raises FaultError; a broker that is silent is given up."""
        try:
            with ours():
                async with asyncio.timeout(self._answer_seconds):
                    return await asked
        except TimeoutError as error:
            self.fail(SILENT)
            raise FaultError(SILENT) from error
        except asyncio.CancelledError as error:
            # aiormq cancels what waits for an answer when the connection goes.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise FaultError(self.lost.result() if self.lost.done() else ABSENT) from error
        except (aiormq.exceptions.AMQPError, OSError) as error:
            raise FaultError(fault_of(error)) from error

    async def channel(self) -> WatchedChannel:
        """A new channel."""
        return await self._opened(lambda: WatchedChannel(self.connection))

    async def confirming_channel(self, listener: Confirming) -> ConfirmingChannel:
        """A new channel that confirms what is published on it."""
        return await self._opened(lambda: ConfirmingChannel(self.connection, listener))

    async def _opened(self, make: Callable[[], C]) -> C:
        if not self.is_alive:  # nobody would end a channel that is made now
            raise FaultError(self.lost.result() if self.lost.done() else ABSENT)
        with ours():
            channel = make()
            await self.answer(channel.open())
        return channel

    def fail(self, fault: Fault) -> None:
        """It is of no use any more."""
        if not self.lost.done():
            self.lost.set_result(fault)

    async def close(self, seconds: float) -> None:
        """Say good-bye if that takes no longer than this, and end it in any case."""
        self.fail(ABSENT)
        closing = asyncio.ensure_future(self.connection.close())
        await asyncio.wait([closing], timeout=seconds)
        if not closing.done():
            for task in (self.connection._reader_task, self.connection._writer_task):  # noqa: SLF001 - no other way
                task.cancel()
            closing.cancel()
            await asyncio.wait([closing], timeout=seconds)

    def _ended(self, closing: "asyncio.Future[object]") -> None:
        error = None if closing.cancelled() else closing.exception()
        self.fail(fault_of(error))
