"""A private PostgreSQL on a free loopback port, with a fresh database for each test."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final, Self

import pytest

from tests.services.programs import POSTGRES, needed
from tests.services.server_process import PortTakenError, ServerProcess, free_port, wait_until

__all__ = ["PostgresServer"]

HOST: Final = "127.0.0.1"
_ATTEMPTS: Final = 5
_LONGEST_COMMAND: Final = 60.0  # seconds
_SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "60",
    # Nothing here outlives the machine, so nothing is forced to the disk; a killed server finds its data all the same.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "log_min_messages": "warning",
}


def running_user() -> str | None:
    """Whom the server runs as: PostgreSQL refuses root, so then it is the user that its package made."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        why = "PostgreSQL refuses to run as root and there is no user postgres: run the tests as somebody else"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(f"REQUIRE_SERVICES=1: {why}", pytrace=False)
        pytest.skip(why)


def is_alive(pid: int) -> bool:
    try:
        # The state stands after the name, which is in brackets and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class PostgresServer:
    """One PostgreSQL with the superuser `vss`, no password asked.

    `settings` are further ones of `postgresql.conf`. `start` begins it, also again on the same port after `kill` or
    `stop`, with its data. `remove` ends it for good.
    """

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        self._program = needed(POSTGRES)
        self._user = running_user()
        # pytest's own folders are closed to other users, and this one is another's.
        self._folder = Path(tempfile.mkdtemp(prefix="vss-router-postgres-"))
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._settings = _SETTINGS | (settings or {})
        self._names = count(1)
        self._templates: dict[str, str] = {}
        self._initialized = self._fixed_port = False
        self.port = free_port()
        self.process = self._process()

    def _process(self) -> ServerProcess:
        words = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        return ServerProcess(
            [self._program, "-D", self._folder / "data", "-p", str(self.port), *words],
            self._folder,
            end_signal=signal.SIGINT,  # "fast": connections are cut, nobody is waited for
            user=self._user,
        )

    def url(self, database: str = "postgres") -> str:
        """`postgresql://vss@127.0.0.1:PORT/DATABASE`."""
        return f"postgresql://vss@{HOST}:{self.port}/{database}"

    def start(self) -> Self:
        if not self._initialized:
            words = ["--username", "vss", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
            self._run("initdb", "--pgdata", self._folder / "data", *words)
            self._initialized = True
        for _ in range(_ATTEMPTS):
            self.process = self._process()
            try:
                self.process.start(self.answers)
            except PortTakenError:
                if self._fixed_port:
                    raise
                self.port = free_port()
            else:
                self._fixed_port = True  # whoever knows the port must find us there again
                return self
        raise PortTakenError(f"no port found in {_ATTEMPTS} attempts")

    def answers(self) -> bool:
        words = ["--quiet", "--host", HOST, "--port", str(self.port), "--dbname", "postgres", "--username", "vss"]
        return self._ended("pg_isready", *words).returncode == 0

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement and give back what it selects, a line per row, columns between `|`."""
        words = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]
        return self._run("psql", *words, "--dbname", self.url(database), "--command", statement).strip()

    def template(self, name: str, prepare: Callable[[str], object]) -> str:
        """The database `name`, made once and then copied by `fresh_database`; `prepare(url)` fills it.

        It must close its connections: PostgreSQL copies no database that somebody uses.
        """
        if name not in self._templates:
            self.sql(f'CREATE DATABASE "{name}"')
            prepare(self.url(name))
            self._templates[name] = name
        return name

    def fresh_database(self, template: str = "template1") -> str:
        """A new database, a copy of the template; gives back its URL."""
        name = f"test_{next(self._names)}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop it, also while somebody is connected."""
        self.sql(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def kill(self) -> None:
        """End it as a power cut does, its children too."""
        children = self._children()
        self.process.kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # Until the last of them is gone, a new server finds the shared memory in use.
        wait_until(lambda: not any(is_alive(pid) for pid in children), "the end of the server's children")

    def stop(self) -> None:
        self.process.stop()

    def pause(self) -> None:
        """Let it hang, its children too: connections stay open and nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        for pid in (self.process.pid, *self._children()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _children(self) -> list[int]:
        pid = self.process.pid
        if pid is None or not self.process.runs():
            return []
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *words: str | Path) -> str:
        ended = self._ended(program, *words)
        if ended.returncode != 0:
            raise RuntimeError(f"{program} ended with {ended.returncode}: {ended.stderr.strip()}")
        return ended.stdout

    def _ended(self, program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program.parent / program, *words],
            cwd=self._folder,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_COMMAND,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user is not None else None,
        )
