"""A private Redis on a free loopback port, without persistence."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.services.certificates import Certificates
from tests.services.programs import REDIS, needed
from tests.services.server_process import PortTakenError, ServerProcess, free_port, wait_until

__all__ = ["RedisServer"]

HOST: Final = "127.0.0.1"
_ATTEMPTS: Final = 5


class RedisServer:
    """One redis-server; `start` begins it, also again on the same port after `kill` or `stop`.

    `arguments` are further words of its command line, `configuration` a file that comes before them. `acl` is the text
    of an ACL file (the default user stands there too, else it may do everything); `password` is the default user's.
    With `tls` the port speaks TLS only.
    """

    def __init__(
        self,
        folder: Path,
        *,
        arguments: Sequence[str] = (),
        acl: str | None = None,
        password: str | None = None,
        tls: Certificates | None = None,
        port: int | None = None,
        configuration: Path | None = None,
    ) -> None:
        self._program = needed(REDIS)
        self._folder = folder
        self._configuration = [str(configuration)] if configuration is not None else []
        self._arguments = list(arguments)
        self._password = password
        self._fixed_port = port is not None
        self.tls = tls
        self.port = port if port is not None else free_port()
        if acl is not None:
            (folder / "users.acl").write_text(acl)
            self._arguments += ["--aclfile", "users.acl"]
        self.process = self._process()

    def _process(self) -> ServerProcess:
        words = ["--bind", HOST, "--save", "", "--appendonly", "no", "--enable-debug-command", "local"]
        # A full resync of a replica through memory and without waiting for others.
        words += ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--daemonize", "no"]
        if self.tls is None:
            words += ["--port", str(self.port)]
        else:
            files = {"cert": self.tls.certificate, "key": self.tls.key, "ca-cert": self.tls.ca}
            words += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "optional"]
            words += [word for name, file in files.items() for word in (f"--tls-{name}-file", str(file))]
        if self._password is not None:
            words += ["--requirepass", self._password]
        return ServerProcess([self._program, *self._configuration, *words, *self._arguments], self._folder)

    @property
    def address(self) -> tuple[str, int]:
        return (HOST, self.port)

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0`, with TLS `rediss://…?ca=FILE`, with the default user's password if it has one."""
        login = f":{self._password}@" if self._password is not None else ""
        if self.tls is not None:
            return f"rediss://{login}{HOST}:{self.port}/0?ca={self.tls.ca}"
        return f"redis://{login}{HOST}:{self.port}/0"

    def start(self) -> Self:
        for attempt in range(_ATTEMPTS):
            if attempt or not self.process.runs():
                self.process = self._process()
            try:
                self.process.start(self.answers)
            except PortTakenError:
                if self._fixed_port or attempt == _ATTEMPTS - 1:
                    raise
                self.port = free_port()
            else:
                self._fixed_port = True  # whoever knows the port must find us there again
                return self
        raise AssertionError("unreachable")

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def pause(self) -> None:
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def restart(self) -> None:
        """Kill it and start it again, empty, on the same port."""
        self.kill()
        self.start()

    def command(self, *words: str | int | bytes) -> Any:
        """Send one command as the default user and give back the answer as Redis words it, texts decoded."""
        with self.client() as client:
            client.response_callbacks.clear()
            return client.execute_command(*words)

    def client(self, *, decoded: bool = True) -> redis.Redis:
        """A blocking client for the test's own looks; close it, or use it in `with`. Answers are texts, or bytes."""
        tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(self.tls.ca)} if self.tls is not None else {}
        return redis.Redis(
            host=HOST,
            port=self.port,
            password=self._password,
            decode_responses=decoded,
            socket_timeout=10,
            socket_connect_timeout=5,
            retry=Retry(NoBackoff(), 0),
            **tls,
        )

    def flush(self) -> None:
        """Empty as after a start: no key, no function, nobody connected, no pause in force."""
        with self.client() as client:
            client.execute_command("CLIENT", "UNPAUSE")
            client.flushall()
            client.function_flush()
            for kind in ("normal", "pubsub", "replica"):
                client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    def answers(self) -> bool:
        try:
            return bool(self.command("PING"))
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def wait_for_replica(self) -> None:
        wait_until(lambda: "state=online" in str(self.command("INFO", "replication")), "a replica that follows")
