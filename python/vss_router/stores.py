"""What stands behind the boards of a router, Redis and the database, and the one reader over all of it.

```
 with PBXs      boards ─▶ StatusPublisher ─▶ Redis             reader: boards → Redis → database
                events ─▶ StatusRecording ─▶ database
 without any    Redis ─▶ ReplicaReader                         reader: replica → Redis → database
```
"""

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Literal, final

from prometheus_client import CollectorRegistry

from vss_router._core import StatusBoard, StatusWriter
from vss_router.ami.link_status import LinkStatus
from vss_router.api.links import CountedBoard
from vss_router.api.writers import Counters, RowCounter
from vss_router.event_fanout import EventFanout
from vss_router.publishing import StatusPublisher
from vss_router.settings import Settings
from vss_router.status.embedded_store import EmbeddedStore
from vss_router.status.fallback import FallbackReader
from vss_router.status.reader_protocols import StatusReader
from vss_router.status.redis.connection import RedisConnection
from vss_router.status.redis.endpoint import parse_redis_url
from vss_router.status.redis.reader import RedisReader
from vss_router.status.redis.replica import ReplicaReader
from vss_router.status.redis.store import RedisStore
from vss_router.status.store_protocols import StatusStore
from vss_router.store_metrics import RecorderCollector, WriterCollector

if TYPE_CHECKING:
    # Loading SQLAlchemy takes half a second, which a router without a database need not wait for.
    from vss_router.recording import StatusRecording

__all__ = ["StatusStores"]


@final
class StatusStores:
    """The stores that `settings` name, for the boards of one router.

    Parameters
    ----------
    memory
        The boards as a store; answers alone where no other store is named.
    links, is_stale
        The links' statuses, and whether a PBX's board is not in agreement with it, by source.
    environ
        Where the secrets of URLs are looked up.
    clock
        Unix seconds.
    writer_id
        What this process is called among the writers to Redis; by default host, process and a random number.

    Raises
    ------
    SettingsError
        A URL cannot be used.
    """

    reader: StatusReader
    """Boards or replica, then Redis, then the database, whichever there is."""
    store: StatusStore
    """Takes rows by hand: the boards, or without any the Redis."""
    boards: Mapping[str, CountedBoard]
    """What is shown: the router's own boards, or those of the replica."""
    recording: "StatusRecording | None"

    def __init__(
        self,
        settings: Settings,
        boards: Mapping[str, StatusBoard],
        memory: EmbeddedStore,
        *,
        links: Callable[[], Mapping[str, LinkStatus]],
        is_stale: Callable[[str], bool],
        environ: Mapping[str, str] | None,
        clock: Callable[[], float],
        writer_id: str | None,
    ) -> None:
        self.reader = self.store = memory
        self.boards = boards
        self.is_stale = is_stale
        self.replica: ReplicaReader | None = None
        self.publisher: StatusPublisher | None = None
        self.recording = None
        self._redis: RedisConnection | None = None
        self._counted: RedisStore | None = None
        if settings.redis:
            endpoint = parse_redis_url(settings.redis, environ)
            self._redis = RedisConnection(endpoint)
            self._counted = RedisStore(
                self._redis, settings.redis_prefix, ttl_seconds=settings.redis_ttl_seconds, now=clock
            )
            if boards:
                self.publisher = StatusPublisher(
                    boards, endpoint, settings, links=links, writer_id=writer_id or _writer_id()
                )
            else:
                self.replica = ReplicaReader(endpoint, settings.redis_prefix)
                self.boards, self.store, self.is_stale = self.replica.boards, self._counted, self.replica.is_stale
        if settings.database_url is not None:
            from vss_router.recording import StatusRecording

            self.recording = StatusRecording(
                settings.database_url,
                boards,
                is_watched=lambda source: not is_stale(source),
                records=self._records,
                # Who records removes what is old, too.
                days=settings.database_days if boards else 0.0,
                environ=environ,
                clock=clock,
            )
        if self._redis is not None or self.recording is not None:
            self.reader = FallbackReader(
                self.replica or memory,
                RedisReader(self._redis, settings.redis_prefix) if self._redis is not None else None,
                self.recording.reader if self.recording is not None else None,
            )

    async def start(self, stack: AsyncExitStack, fanout: EventFanout) -> None:
        """Start all; `stack` gets what ends them, in the reverse order. The recorder subscribes to `fanout`.

        Raises
        ------
        DatabaseError
            The database answers and refuses.
        """
        if self.recording is not None:
            stack.push_async_callback(self.recording.stop)
            await self.recording.start()
            fanout.subscribe(self.recording.recorder.handle)
        if self._redis is not None:
            stack.push_async_callback(self._redis.aclose)
        if self.publisher is not None:
            stack.push_async_callback(self.publisher.stop)
            self.publisher.start()
        if self.replica is not None:
            stack.push_async_callback(self.replica.aclose)
            self.replica.start()

    def register(self, registry: CollectorRegistry) -> None:
        """Add the metrics of what is there."""
        if self.publisher is not None:
            registry.register(WriterCollector(self.publisher.status))
        if self.recording is not None:
            recorder = self.recording.recorder
            registry.register(RecorderCollector(lambda: recorder.stats))

    def writers(self) -> Mapping[str, StatusWriter]:
        """The writers to Redis, by PBX."""
        return self.publisher.writers if self.publisher is not None else {}

    def counters(self) -> Counters:
        """Who counts the rows of each store."""
        counters: dict[Literal["redis", "database"], RowCounter] = {}
        if self._counted is not None:
            counters["redis"] = self._counted
        if self.recording is not None:
            counters["database"] = self.recording.counts
        return counters

    def followed(self) -> dict[str, bool]:
        """The PBXs that the replica follows, and whether their rows are kept live."""
        return {source: not self.is_stale(source) for source in self.boards}

    def speaks(self, source: str) -> bool | None:
        """Of two routers on one PBX the one publishes its events that writes to Redis; None while that is open."""
        return True if self.publisher is None else self.publisher.speaks(source)

    def _records(self, source: str) -> bool:
        """Of two routers on one PBX the one records that writes to Redis."""
        return self.publisher is None or self.publisher.records(source)


def _writer_id() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
