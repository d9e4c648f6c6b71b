"""The part of `_core` that writes to Redis. There is no such module at run time: import from `vss_router._core`."""

from collections.abc import Sequence
from typing import Literal, final

from vss_router._core import StatusBoard

__all__ = ["StatusWriter", "WriterStatus"]

@final
class StatusWriter:
    """Writes the rows of a board to Redis, in a thread that never takes the interpreter.

    It finds Redis, takes the lease of this PBX's writer or stands by while another has it, writes the whole board and
    then what changes, and begins anew after whatever happens to Redis: nothing it meets there ends it or raises.

    `mode` and `addresses` say where Redis is: one server (its address, or `unix_path`), Sentinels that watch `master`,
    or nodes of a Cluster. `ca`, `certificate` and `private_key` are PEM. A row stands for `ttl_seconds`; what is live
    is touched in time. Flushes begin at least `flush_seconds` apart unless `flush_rows` changes wait; up to `in_flight`
    of them wait for answers. `writer_id` must differ between processes: the lease is known by it.

    Raises
    ------
    SettingsError
        An option cannot be used.
    """

    def __new__(
        cls,
        board: StatusBoard,
        *,
        mode: Literal["standalone", "sentinel", "cluster"],
        addresses: Sequence[tuple[str, int]] = (),
        master: str | None = None,
        unix_path: str | None = None,
        database: int = 0,
        username: str | None = None,
        password: str | None = None,
        sentinel_username: str | None = None,
        sentinel_password: str | None = None,
        tls: bool = False,
        ca: bytes | None = None,
        certificate: bytes | None = None,
        private_key: bytes | None = None,
        prefix: str = "queue",
        ttl_seconds: float = 3600.0,
        flush_rows: int = 512,
        flush_seconds: float = 0.002,
        in_flight: int = 4,
        lease_seconds: float = 2.0,
        compress: Literal["none", "zstd"] = "none",
        writer_id: str,
        connect_seconds: float = 1.0,
        answer_seconds: float = 2.0,
    ) -> StatusWriter: ...
    def start(self) -> None:
        """Begin. A second call does nothing; a stopped writer does not begin again."""
    def stop(self, seconds: float = 1.0) -> None:
        """Write what is left, give the lease up so that a stand-by takes over at once, end. Waits for it so long."""
    def rewrite(self) -> int:
        """Ask for the whole board to be written anew and what is not on it to go; the number of this request, which
        `WriterStatus.rewrites_done` reaches when it is done."""
    def describe(self, *, state: Literal["live", "resync", "down"], asterisk_version: str | None = None) -> None:
        """What `meta` is to say about the PBX."""
    def status(self) -> WriterStatus: ...

@final
class WriterStatus:
    """How a writer is doing. Counters count since the start."""

    @property
    def state(self) -> Literal["idle", "connecting", "standby", "writing", "refused", "stopped"]:
        """`standby`: another writer has the lease. `refused`: a person has to change something about Redis."""
    @property
    def trouble(self) -> str | None:
        """Why nothing is written, as one sentence with the way out; None when nothing is wrong."""
    @property
    def epoch(self) -> int:
        """The number of our last lease, 0 before the first."""
    @property
    def holder(self) -> str | None:
        """The lease of whoever writes, `<epoch>:<writer id>`, as far as known."""
    @property
    def seq(self) -> int:
        """Readers of Redis see everything up to this sequence number of the board."""
    @property
    def behind(self) -> int:
        """How far the board's sequence is ahead of `seq`."""
    @property
    def rows(self) -> int:
        """Rows that stand in Redis."""
    @property
    def rows_written(self) -> int:
        """Rows written and removed."""
    @property
    def flushes(self) -> int:
        """Flushes that Redis took."""
    @property
    def last_flush_seconds(self) -> float:
        """From the last flush's sending to its answer."""
    @property
    def connects(self) -> int:
        """Connections made."""
    @property
    def failures(self) -> int:
        """Connections lost or not made."""
    @property
    def leases(self) -> int:
        """Times that the lease was taken."""
    @property
    def fenced(self) -> int:
        """Batches refused by Redis because the lease was not ours any more."""
    @property
    def rewrites(self) -> int:
        """Rewrites of the whole board that ended."""
    @property
    def rewrites_done(self) -> int:
        """The greatest number given by `rewrite()` that has been served."""
    @property
    def renewed(self) -> int:
        """Keys whose time to live began anew because they still stand for something."""
    @property
    def missing(self) -> int:
        """Rows that stood in Redis and that somebody else had removed."""
