"""A Redis Cluster of three masters, all private."""

import shutil
import subprocess
from pathlib import Path
from typing import Final, Self

import redis

from tests.services.programs import REDIS, needed
from tests.services.redis_server import HOST, RedisServer
from tests.services.server_process import wait_until

__all__ = ["RedisCluster"]

_NODE_TIMEOUT_MS: Final = 2000
_LONGEST_CREATE: Final = 30.0  # seconds


class RedisCluster:
    """Three masters without replicas; `partial` lets the others answer for their own slots when one is lost."""

    def __init__(self, folder: Path, *, partial: bool = False) -> None:
        self._folder = folder
        self._partial = partial
        self.nodes = [self._node(number) for number in range(3)]

    def _node(self, number: int) -> RedisServer:
        folder = self._folder / f"node-{number}"
        folder.mkdir()
        words = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]
        words += ["--cluster-node-timeout", str(_NODE_TIMEOUT_MS)]
        words += ["--cluster-require-full-coverage", "no" if self._partial else "yes"]
        return RedisServer(folder, arguments=words)

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    def start(self) -> Self:
        addresses = [f"{HOST}:{node.start().port}" for node in self.nodes]
        # redis-cli stands beside redis-server in every package of it.
        cli = shutil.which("redis-cli") or str(needed(REDIS).parent / "redis-cli")
        subprocess.run(
            [cli, "--cluster", "create", *addresses, "--cluster-replicas", "0", "--cluster-yes"],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_CREATE,
        )
        wait_until(self.is_whole, "a cluster whose nodes all know each other")
        return self

    def is_whole(self) -> bool:
        """Whether every node says that all slots are served."""
        try:
            told = [str(node.command("CLUSTER", "INFO")) for node in self.nodes]
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        return all("cluster_state:ok" in text and "cluster_known_nodes:3" in text for text in told)

    def node_of(self, key: str) -> RedisServer:
        """The node that keeps the key."""
        slot = int(self.nodes[0].command("CLUSTER", "KEYSLOT", key))
        for first, last, (_, port, *_), *_ in self.nodes[0].command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise LookupError(f"no node serves slot {slot}")

    def flush(self) -> None:
        for node in self.nodes:
            node.flush()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()
