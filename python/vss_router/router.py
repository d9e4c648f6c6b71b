"""The composition root: builds boards, links, stores and REST out of the settings, starts and stops them in order.

```
 start   data folder ─▶ database ─▶ Redis ─▶ REST ─▶ links ─▶ running   (a port in use is found before a PBX is asked)
 stop    links logged off ─▶ REST closed ─▶ subscribers drained ─▶ Redis ─▶ database ─▶ data folder
```

Without a PBX but with a Redis it is a reader: it follows what other routers publish there and serves that.

Embedded in a program of your own:

```python
async with Router.embedded(Settings(ami=["main=router:secret@pbx:5038"])) as router:
    router.on_events(lambda source, events: print(source, events))
    await router.synchronized()
    print(router.memory.operator("1001"))
```
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self, TypeVar, final
from urllib.parse import quote

import msgspec

from vss_router._core import Batch, StatusBoard
from vss_router.ami.endpoint import AmiEndpoint, parse_endpoint
from vss_router.ami.filter import event_filters
from vss_router.ami.io_thread import IoThread
from vss_router.ami.link import AmiLink
from vss_router.ami.link_status import LinkStatus
from vss_router.ami.timings import LinkTimings
from vss_router.ami_events import AmiEvents, AmiHandler, check_name
from vss_router.api import HttpServer, build_app
from vss_router.api.feeds import BoardFeed
from vss_router.api.metrics import metrics_registry
from vss_router.api.server import check_bind
from vss_router.broker.topology_view import topology_view
from vss_router.data_folder import locked_folder
from vss_router.errors import AmiGreetingError, AmiLoginError, AmiTlsError, SettingsError
from vss_router.event_fanout import EventFanout, EventHandler, FanoutCollector, SubscriberStats
from vss_router.messaging import RouterMessaging
from vss_router.messaging_metrics import MessagingCollector
from vss_router.messaging_surface import MessagingSurface
from vss_router.settings import Settings, load_settings
from vss_router.status.embedded_store import EmbeddedStore
from vss_router.status.reader import StatusReader
from vss_router.stores import StatusStores

__all__ = ["Router"]

AmiHandlerT = TypeVar("AmiHandlerT", bound=AmiHandler)

TURNED_AWAY: Final = (AmiGreetingError, AmiTlsError, AmiLoginError)
"""Failures of a first attempt that no waiting cures: a setting is wrong, here or on the PBX."""
DATABASE_FILE: Final = "vss-router.db"
_LOOK_SECONDS: Final = 0.1

_log = logging.getLogger(__name__)


@final
class Router(MessagingSurface):
    """One router: a board and a link per PBX of `settings.ami`, and REST where `settings.http` says.

    Parameters
    ----------
    settings
        See `Settings`; the endpoints are read at once.
    environ
        Where the secrets of `secret_env` are looked up.
    rest, lock
        Whether to serve REST, and to hold the data folder against other processes.
    clock
        Unix time in seconds.
    writer_id
        What this process is called among the writers to Redis; by default host, process and a random number.

    Raises
    ------
    SettingsError
        An endpoint or setting cannot be used, or two PBXs have one name.
    """

    reader: StatusReader
    """Ready-JSON reads: of the boards, then of Redis, then of the database, whichever there is."""

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str] | None = None,
        rest: bool = True,
        lock: bool = False,
        timings: LinkTimings | None = None,
        clock: Callable[[], float] = time.time,
        writer_id: str | None = None,
    ) -> None:
        self.settings = settings
        self.endpoints = _endpoints(settings.ami, environ)
        self.boards: dict[str, StatusBoard] = {
            endpoint.source: _board(endpoint, settings) for endpoint in self.endpoints
        }
        self.links: dict[str, AmiLink] = {}
        self.memory = EmbeddedStore(self.boards, self._is_stale, publish=self._on_batch, now=clock)
        """The boards of this process: ready-JSON reads at once, and rows by hand."""
        self._stores = StatusStores(
            settings,
            self.boards,
            self.memory,
            links=self.status,
            is_stale=self._is_stale,
            environ=environ,
            clock=clock,
            writer_id=writer_id,
        )
        self.reader = self._stores.reader
        self._rest = rest
        self._lock = lock
        self._timings = timings or LinkTimings(resync_seconds=settings.resync_seconds)
        self._clock = clock
        self._fanout = EventFanout()
        self._ami_events = AmiEvents()
        recording = self._stores.recording
        super().__init__(
            None
            if settings.broker == "none"
            else RouterMessaging(
                settings,
                folder=settings.data_folder if lock else None,
                publishes=self._stores.speaks,
                reader=self.reader,
                inbox=recording.inbox if recording is not None else None,
                log_store=recording.message_log if recording is not None else None,
                environ=environ,
                clock=clock,
            )
        )
        self._server: HttpServer | None = None
        self._running: AsyncExitStack | None = None
        self._started = False

    @classmethod
    def from_settings(cls, settings: Settings | None = None, *, environ: Mapping[str, str] | None = None) -> "Router":
        """The router of a process of its own: REST, the data folder held, and without `database` SQLite in it.

        Without `settings` it has those of the environment, and of the file that `VSS_ROUTER_CONFIG` names there. One
        without a PBX of its own keeps nothing on disk, so that several may run beside each other.

        Raises
        ------
        SettingsError
            A setting cannot be used.
        """
        if settings is None:
            environ = os.environ if environ is None else environ
            settings = load_settings(environ=environ)
        if not settings.ami:
            return cls(settings, environ=environ)
        if settings.database is None:
            url = f"sqlite:///{quote(str(settings.data_folder.absolute() / DATABASE_FILE))}"
            settings = msgspec.structs.replace(settings, database=url)
        return cls(settings, environ=environ, lock=True)

    @classmethod
    def embedded(cls, settings: Settings | None = None, *, environ: Mapping[str, str] | None = None) -> "Router":
        """The router inside another program: no REST, and nothing on disk unless `data_dir` is set."""
        settings = settings or Settings()
        return cls(settings, environ=environ, rest=False, lock=settings.data_dir is not None)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start all parts; the links go on connecting in the background.

        Raises
        ------
        ServeError
            The data folder is in use by another process, or the port of `settings.http` is.
        SettingsError
            It was started before: a router is for one life.
        """
        if self._started:
            raise SettingsError("this router was started before: make another one")
        if self._rest:
            check_bind(self.settings.http_listen[0], self.settings.http_token)
        async with AsyncExitStack() as stack:
            if self._lock:
                stack.enter_context(locked_folder(self.settings.data_folder))
            await self._stores.start(stack, self._fanout)
            if self._messaging is not None:
                stack.push_async_callback(self._messaging.stop)
                await self._messaging.start()
                self._fanout.subscribe(self._messaging.ami, name="broker")
            stack.push_async_callback(self._fanout.close)
            if self._messaging is not None:
                for source, batch in self._messaging.gaps(self.boards):
                    self._on_batch(source, batch)
            if self._rest:
                await self._start_rest(stack)
            for board in self.boards.values():
                for name in self._ami_events.names:
                    board.watch(name)
            self._ami_events.start()
            stack.push_async_callback(self._ami_events.close)
            io = IoThread()
            io.start()
            stack.push_async_callback(io.stop)
            for endpoint in self.endpoints:
                link = AmiLink(
                    endpoint,
                    self.boards[endpoint.source],
                    io=io,
                    on_batch=self._on_batch,
                    timings=self._timings,
                    filters=event_filters(self._ami_events.names),
                    clock=self._clock,
                )
                self.links[endpoint.source] = link
                link.start()
            stack.push_async_callback(self._stop_links)
            self._running = stack.pop_all()
            self._started = True
        _log.info("router started", extra={"sources": list(self.boards), "http": self.http_address})

    async def stop(self) -> None:
        """Stop all parts in the reverse order; the boards keep what they knew. A second call does nothing."""
        running, self._running = self._running, None
        if running is not None:
            await running.aclose()
            _log.info("router stopped")

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set.

        Raises
        ------
        AmiLoginError, AmiGreetingError, AmiTlsError
            The very first attempt at a PBX was turned away. Unreachable PBXs, and whatever happens after a first
            success, are tried for ever instead.
        """
        undecided = set(self.links.values())
        while undecided and not stop.is_set():
            for link in tuple(undecided):
                if isinstance(link.failure, TURNED_AWAY):
                    raise link.failure
                if link.failure is not None or link.status.connected:
                    undecided.discard(link)
            try:
                await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
            except TimeoutError:
                continue
        await stop.wait()

    async def synchronized(self) -> None:
        """Wait until every board agrees with its Asterisk."""
        await asyncio.gather(*(link.synchronized() for link in self.links.values()))

    def on_events(self, handler: EventHandler) -> Callable[[], None]:
        """Call `handler(source, events)` with each batch of typed events; the answer ends the subscription.

        An event is (`seq`, routing key, JSON object). A handler that raises or is slow is logged and counted
        (`subscribers()`), and holds nobody up.
        """
        return self._fanout.subscribe(handler)

    def on_ami(self, name: str) -> Callable[[AmiHandlerT], AmiHandlerT]:
        """A decorator: call `handler(source, event)` for each AMI event of this name, such as `UserEvent`, as it came.

        ```python
        @router.on_ami("UserEvent")
        async def sold(source: str, event: AmiMessage) -> None:
            print(event.get("UserEvent"), event.get("Amount"))
        ```

        Case does not matter. Events of a name that nobody asked for never reach Python. What the event filter leaves
        out (RTCP, CDR, channel variables, …) is left in once it is asked for.

        Raises
        ------
        SettingsError
            The router runs already: Asterisk has been told what to send. Or it is no name, or the handler does not
            take two arguments.
        """
        check_name(name)
        if self._running is not None:
            raise SettingsError(f'on_ami("{name}") comes too late: ask for AMI events before the router is started')

        def register(handler: AmiHandlerT) -> AmiHandlerT:
            self._ami_events.add(name, handler)
            return handler

        return register

    def subscribers(self) -> list[SubscriberStats]:
        """What became of each subscriber's batches, those of `on_ami` included."""
        return [*self._fanout.stats(), *self._ami_events.stats()]

    def status(self) -> dict[str, LinkStatus]:
        """The links by PBX; empty before `start`."""
        return {source: link.status for source, link in self.links.items()}

    @property
    def http_address(self) -> str | None:
        """Where REST listens, `http://host:port`; None without it."""
        return self._server.url if self._server else None

    async def _start_rest(self, stack: AsyncExitStack) -> None:
        host, port = self.settings.http_listen
        token = self.settings.http_token
        stores, messaging = self._stores, self._messaging
        registry = metrics_registry(stores.boards, self.status)
        registry.register(FanoutCollector(self.subscribers))
        stores.register(registry)
        if messaging is not None:
            registry.register(MessagingCollector(messaging))
        app = build_app(
            self.reader,
            boards=stores.boards,
            links=self.status,
            token=token,
            registry=registry,
            store=stores.store,
            feed=BoardFeed(stores.boards, stores.is_stale),
            history=stores.recording.history if stores.recording else None,
            analytics=stores.recording.analytics if stores.recording else None,
            writers=stores.writers,
            counters=stores.counters(),
            comparing=self.links,
            followed=stores.followed if stores.replica else None,
            topology=topology_view(messaging.topology, virtual_host=messaging.virtual_host) if messaging else None,
            inspector=messaging.transport if messaging else None,
            dead_letters=messaging.dead_letters if messaging else None,
            clock=self._clock,
        )
        self._server = HttpServer(app, host=host, port=port, token=token)
        await self._server.start()
        stack.push_async_callback(self._server.stop)

    async def _stop_links(self) -> None:
        await asyncio.gather(*(link.stop() for link in self.links.values()))

    def _on_batch(self, source: str, batch: Batch) -> None:
        self._fanout.publish(source, batch.events)
        if batch.watched:
            self._ami_events.publish(source, batch.watched)

    def _is_stale(self, source: str) -> bool:
        link = self.links.get(source)
        return link is None or not link.is_synchronized


def _endpoints(texts: Sequence[str], environ: Mapping[str, str] | None) -> list[AmiEndpoint]:
    endpoints = [parse_endpoint(text, environ) for text in texts]
    names = [endpoint.source for endpoint in endpoints]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f'two PBXs are called "{name}": give each --ami a name of its own, such as b=user:…')
    return endpoints


def _board(endpoint: AmiEndpoint, settings: Settings) -> StatusBoard:
    return StatusBoard(
        endpoint.source,
        encoding=endpoint.encoding,
        trunks=settings.trunks,
        wrapup_seconds=settings.wrapup_seconds,
        ended_seconds=settings.ended_seconds,
        window_seconds=settings.window_seconds,
    )
