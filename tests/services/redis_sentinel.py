"""A Sentinel that watches a master and its replica, all private."""

from pathlib import Path
from typing import Any, Final, Self

from tests.services.redis_server import HOST, RedisServer
from tests.services.server_process import wait_until

__all__ = ["RedisSentinel"]

MASTER: Final = "vss"
_DOWN_AFTER_MS: Final = 500


class RedisSentinel:
    """One Sentinel (quorum 1), one master, one replica; the master's name is `vss`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.servers = [RedisServer(self._made(name)) for name in ("first", "second")]
        self.sentinel = RedisServer(self._made("sentinel"))

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def start(self) -> Self:
        first, second = (server.start() for server in self.servers)
        second.command("REPLICAOF", HOST, first.port)
        first.wait_for_replica()
        self._start_sentinel(first)
        return self

    def _start_sentinel(self, master: RedisServer) -> None:
        configuration = self._folder / "sentinel" / "sentinel.conf"
        configuration.write_text(
            f"sentinel monitor {MASTER} {HOST} {master.port} 1\n"
            f"sentinel down-after-milliseconds {MASTER} {_DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {MASTER} 3000\n"
            "sentinel resolve-hostnames no\n"
        )
        self.sentinel = RedisServer(
            configuration.parent, arguments=["--sentinel"], port=self.sentinel.port, configuration=configuration
        )
        self.sentinel.start()
        wait_until(self._knows_the_replica, "a Sentinel that knows the replica")

    def _knows_the_replica(self) -> bool:
        replicas: list[Any] = self.sentinel.command("SENTINEL", "REPLICAS", MASTER)
        return len(replicas) == 1

    @property
    def url(self) -> str:
        return f"redis+sentinel://{HOST}:{self.sentinel.port}/{MASTER}/0"

    @property
    def master(self) -> RedisServer:
        """The server that the Sentinel now calls the master."""
        _, port = self.sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return next(server for server in self.servers if server.port == int(port))

    def fail_over(self) -> RedisServer:
        """Kill the master and wait for the new one."""
        old = self.master
        old.kill()
        wait_until(lambda: self.master is not old, "a new master")
        new = self.master
        wait_until(lambda: "role:master" in str(new.command("INFO", "replication")), "a replica promoted to master")
        return new

    def stop(self) -> None:
        for server in (self.sentinel, *self.servers):
            server.stop()
