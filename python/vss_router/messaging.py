"""The broker's part of a router: transport, outbox, consumers, remote methods.

```
 events of the boards ─▶ AmiPublishing ─┐
 Router.publish ───────▶ Publisher ─────┴▶ Outbox ─▶ transport ─▶ broker ─▶ Consumers ─▶ handlers
 start   outbox file ─▶ gaps told ─▶ connected within a few seconds? (else tried for ever) ─▶ topology ─▶ consumers
 stop    consumers drained ─▶ outbox emptied or on disk ─▶ transport closed
```
"""

import asyncio
import functools
import logging
import os
import random as random_module
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, final

from vss_router._core import Batch, StatusBoard
from vss_router.broker.ami_publishing import AmiPublishing
from vss_router.broker.amqp_transport import duplex_amqp_transport
from vss_router.broker.consumers import Consumers, Inbox
from vss_router.broker.dead_letters import DeadLetters
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.logged_transport import LoggedTransport
from vss_router.broker.message_log import MessageLog, MessageLogStore
from vss_router.broker.outbox import Outbox
from vss_router.broker.publisher import Publisher
from vss_router.broker.rpc import RpcClient, RpcServer, add_status_methods
from vss_router.broker.transport import Transport
from vss_router.broker.vss_topology import EVENTS, vss_topology
from vss_router.errors import BrokerError
from vss_router.events import new_id
from vss_router.settings import Settings
from vss_router.status.reader_protocols import StatusReader

__all__ = ["RouterMessaging"]

VIRTUAL_HOST: Final = "/vss"
"""What messages are documented with where there is no virtual host."""
RPC_ROLE: Final = "router"
OUTBOX_FILE: Final = "outbox.db"
BROKER_FILE: Final = "broker.db"
START_SECONDS: Final = 5.0
"""How long a start waits for the broker; Asterisk is not kept waiting for longer."""
OUTBOX_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 2.0
_STARTED_AGAIN: Final = "the router was started again"

_log = logging.getLogger(__name__)


@final
class RouterMessaging:
    """Messages of one router, as `settings.broker` says.

    Parameters
    ----------
    folder
        Where the outbox, and the queues of the embedded broker, are kept; None keeps them in memory.
    publishes
        Whether this router publishes a PBX's events: of two on one PBX, one does; None while that is open.
    reader
        Answers the remote methods `status.…`.
    inbox, log_store
        Where handled commands are remembered and sampled messages are logged; the database has both.
    environ
        Where the password of `?password_env=` is looked up.
    clock, random, entropy
        Unix time in seconds, numbers in [0, 1), random bytes.

    Raises
    ------
    SettingsError
        The broker's URL or a queue's settings cannot be used.
    """

    transport: Transport
    """The way to the broker, or the broker inside; what is published through it is logged where that is asked for."""

    def __init__(
        self,
        settings: Settings,
        *,
        folder: Path | None,
        publishes: Callable[[str], bool | None],
        reader: StatusReader,
        inbox: Inbox | None = None,
        log_store: MessageLogStore | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        instance = settings.instance or socket.gethostname()
        ids = functools.partial(_new_id, clock, entropy)
        self.topology = vss_topology(settings.broker_queues)
        self._folder = folder
        self._drain_seconds = settings.drain_seconds
        self._clock = clock
        self.log = (
            MessageLog(log_store, fraction=settings.message_log, service=instance, clock=clock, random=random)
            if log_store is not None and settings.message_log
            else None
        )
        endpoint = None if settings.broker == "embedded" else parse_broker_url(settings.broker, environ)
        transport: Transport
        if endpoint is None:
            path = folder / BROKER_FILE if folder is not None else None
            transport = EmbeddedTransport(path, clock=clock, random=random, disk_bytes=settings.outbox_disk_bytes)
        else:
            library, name = settings.broker_transport, f"vss-router {instance}"
            transport = duplex_amqp_transport(endpoint, random=random, library=library, name=name)
        self._is_embedded = endpoint is None
        self.virtual_host = endpoint.vhost if endpoint is not None else VIRTUAL_HOST
        self.transport = LoggedTransport(transport, self.log)
        self.outbox = Outbox(
            self.transport,
            path=folder / OUTBOX_FILE if folder is not None else None,
            memory_messages=settings.outbox_messages,
            disk_bytes=settings.outbox_disk_bytes,
            clock=clock,
            random=random,
        )
        self.publisher = Publisher(self.outbox, ids=ids, clock=clock, instance=instance)
        self.ami = AmiPublishing(
            self.outbox,
            publishes=publishes,
            ids=ids,
            clock=clock,
            # Most events are rows that changed, for which nobody may have bound a queue.
            takes=functools.partial(transport.takes, EVENTS) if isinstance(transport, EmbeddedTransport) else None,
        )
        self.consumers = Consumers(
            self.transport,
            topology=self.topology,
            inbox=inbox,
            instance=instance,
            clock=clock,
            random=random,
            consumed=self.log.consumed if self.log is not None else None,
        )
        self.dead_letters = DeadLetters(self.transport)
        # All routers of one broker share a queue of requests: who knows no PBX would answer a part of them with that.
        self.rpc_server = RpcServer(self.transport, role=RPC_ROLE) if endpoint is None or _reads(settings) else None
        if self.rpc_server is not None:
            add_status_methods(self.rpc_server, reader, instance=instance)
        self._rpc = RpcClient(self.transport, name=instance, ids=ids)
        self._calling = asyncio.Lock()
        self._can_call = False
        self._connecting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the outbox, connect, declare, consume; a broker that is away is waited for elsewhere.

        Raises
        ------
        JournalError, BrokerRefusedError
            A file in the data folder cannot be used.
        """
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        if self.log is not None:
            self.log.start()
        await self.outbox.start()
        self._connecting = asyncio.get_running_loop().create_task(self._connect(), name="broker")
        await asyncio.wait({self._connecting}, timeout=START_SECONDS)
        if self._connecting.done():
            self._connecting.result()

    async def stop(self) -> None:
        """Let handlers end, publish what waits or leave it on disk, close."""
        self.ami.close()
        if self._connecting is not None:
            # First of all: it would start consumers behind the drain's back.
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self.rpc_server is not None:
            await self.rpc_server.stop()
        await self._rpc.stop()
        drained = await self.consumers.drain(self._drain_seconds)
        if drained.requeued:
            _log.info("messages went back to their queues", extra={"times": drained.requeued})
        await self.outbox.stop(OUTBOX_SECONDS)
        await self.transport.close(CLOSE_SECONDS)
        if self.log is not None:
            await self.log.stop()

    async def rpc(self) -> RpcClient:
        """The client of remote methods; its reply queue is made at the first use.

        Raises
        ------
        TopologyError
            The reply queue cannot be declared: no right to it.
        """
        async with self._calling:
            if not self._can_call:
                await self._rpc.start()
                self._can_call = True
        return self._rpc

    def gaps(self, boards: Mapping[str, StatusBoard]) -> list[tuple[str, Batch]]:
        """What of each PBX's events may have been lost when the process before us ended, told by its board."""
        now = self._clock()
        return [
            (source, boards[source].report_gap(mark.seq, mark.as_of, _STARTED_AGAIN, now))
            for source, mark in self.outbox.marks().items()
            if source in boards
        ]

    async def _connect(self) -> None:
        # Before the connection: the outbox sends as soon as there is one, and then its queues must stand.
        await self.transport.declare(self.topology)
        try:
            await self.transport.connect()
        except BrokerError:
            if self._is_embedded:
                raise
            # Why was just logged by the transport.
            _log.warning("the broker cannot be used yet; it is tried again for as long as the router runs")
        for part in (self.consumers, self.rpc_server):
            try:
                if part is not None:
                    await part.start()
            except BrokerError as error:
                _log.warning("%s", error)


def _reads(settings: Settings) -> bool:
    """Whether it has a PBX to tell of, its own or one in Redis."""
    return bool(settings.ami) or settings.redis is not None


def _new_id(clock: Callable[[], float], entropy: Callable[[int], bytes]) -> str:
    return new_id(clock(), entropy)
