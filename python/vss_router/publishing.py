"""Publishes the boards of a router to Redis: one writer per PBX, told what its link is doing.

The writers work in a thread of the compiled core and follow their boards by themselves; what crosses into Python is
their state, looked at a few times a second.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal, final

from vss_router._core import StatusBoard, StatusWriter, WriterStatus
from vss_router.ami.link_status import LinkStatus
from vss_router.settings import Settings
from vss_router.status.redis.endpoint import REDIS_URL, RedisEndpoint

__all__ = ["StatusPublisher"]

LOOK_SECONDS: Final = 0.2
UNKNOWN_SECONDS: Final = 5.0
"""How long it may stay open which of two routers speaks for a PBX."""
STOP_SECONDS: Final = 2.0
"""How long the last flush and giving the lease up may take."""

PublishedState = Literal["live", "resync", "down"]

_log = logging.getLogger(__name__)


@final
class StatusPublisher:
    """Writes the rows of `boards` to the Redis at `endpoint`, from `start` to `stop`.

    Parameters
    ----------
    links
        The links' statuses by source, for `meta`.
    writer_id
        What this process is called in leases and `meta`; no other process may use it.
    clock
        Monotonic seconds.

    Raises
    ------
    SettingsError
        A certificate file cannot be read.
    """

    def __init__(
        self,
        boards: Mapping[str, StatusBoard],
        endpoint: RedisEndpoint,
        settings: Settings,
        *,
        links: Callable[[], Mapping[str, LinkStatus]],
        writer_id: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self._links = links
        self.writers = {
            source: _writer(board, endpoint, settings, writer_id=writer_id) for source, board in boards.items()
        }
        """By PBX."""
        self._told: dict[str, tuple[PublishedState, str | None]] = {}
        self._logged: dict[str, tuple[str, str | None]] = {}
        self._speaks: dict[str, bool] = {}
        self._clock = clock
        self._started = clock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once, the writers connect by themselves for as long as it takes."""
        self._started = self._clock()
        for writer in self.writers.values():
            writer.start()
        self._task = asyncio.get_running_loop().create_task(self._look(), name="redis publisher")

    async def stop(self) -> None:
        """Write what is left and give the leases up, so that a stand-by takes over at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for source, writer in self.writers.items():
            writer.describe(state="down", asterisk_version=self._told.get(source, ("down", None))[1])
        await asyncio.gather(*(asyncio.to_thread(writer.stop, STOP_SECONDS) for writer in self.writers.values()))

    def status(self) -> dict[str, WriterStatus]:
        """How the writers are doing, by PBX."""
        return {source: writer.status() for source, writer in self.writers.items()}

    def records(self, source: str) -> bool:
        """Whether this router is the one of two that speaks for a PBX: who writes, or wrote when Redis was lost.

        As long as that is not known yet neither does; without a Redis to ask, after `UNKNOWN_SECONDS` it does.
        """
        return bool(self.speaks(source))

    def speaks(self, source: str) -> bool | None:
        """As `records`, and None as long as it is not known."""
        state = self.writers[source].status().state
        if state in {"writing", "standby"}:
            self._speaks[source] = state == "writing"
        known = self._speaks.get(source)
        if known is None and self._clock() >= self._started + UNKNOWN_SECONDS:
            return True
        return known

    async def _look(self) -> None:
        while True:
            for source, link in self._links().items():
                self._describe(source, link)
            for source, writer in self.writers.items():
                self.records(source)
                self._log(source, writer.status())
            await asyncio.sleep(LOOK_SECONDS)

    def _describe(self, source: str, link: LinkStatus) -> None:
        state: PublishedState = "live" if link.state == "live" else "resync" if link.state == "resync" else "down"
        told = (state, link.asterisk_version)
        if source in self.writers and self._told.get(source) != told:
            self._told[source] = told
            self.writers[source].describe(state=state, asterisk_version=link.asterisk_version)

    def _log(self, source: str, status: WriterStatus) -> None:
        seen = (status.state, status.trouble)
        if self._logged.get(source) == seen:
            return
        self._logged[source] = seen
        if status.trouble is None:
            _log.info("%s: Redis writer is %s", source, status.state, extra={"epoch": status.epoch})
        else:
            _log.warning("%s: Redis writer is %s: %s", source, status.state, status.trouble)


def _writer(board: StatusBoard, endpoint: RedisEndpoint, settings: Settings, *, writer_id: str) -> StatusWriter:
    return StatusWriter(
        board,
        mode=endpoint.mode,
        addresses=list(endpoint.addresses),
        master=endpoint.master,
        unix_path=endpoint.unix_path,
        database=endpoint.database,
        username=endpoint.username,
        password=endpoint.password.reveal() if endpoint.password else None,
        sentinel_username=endpoint.sentinel_username,
        sentinel_password=endpoint.sentinel_password.reveal() if endpoint.sentinel_password else None,
        tls=endpoint.tls,
        ca=REDIS_URL.pem("ca", endpoint.ca),
        certificate=REDIS_URL.pem("cert", endpoint.certificate),
        private_key=REDIS_URL.pem("key", endpoint.private_key),
        prefix=settings.redis_prefix,
        ttl_seconds=settings.redis_ttl_seconds,
        flush_rows=settings.redis_flush_rows,
        flush_seconds=settings.redis_flush_seconds,
        compress=settings.redis_compress,
        writer_id=writer_id,
    )
