"""One server's process: started, watched, killed, paused, always ended by its pid."""

import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

__all__ = ["PortTakenError", "ServerProcess", "free_port", "wait_until"]

LONGEST_START: Final = 20.0  # seconds
LONGEST_STOP: Final = 10.0  # seconds
# Below the ports the system gives to outgoing connections: a server that is started again must find its own one free.
_PORTS: Final = range(10_240, 22_000)
_BUS_OFFSET: Final = 10_000
# Not the seeded one: the workers of a run would all draw the same ports.
_RANDOM: Final = random.SystemRandom()
# A process bound to its parent ends with the thread that began it; one of `asyncio.to_thread` ends with its loop.
_STARTER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="server-starter")


class PortTakenError(Exception):
    """Somebody was quicker to take the port."""


def free_port() -> int:
    """A loopback port that is free now, as is the one a Redis Cluster's bus takes beside it."""
    for _ in range(200):
        port = _RANDOM.choice(_PORTS)
        if is_free(port) and is_free(port + _BUS_OFFSET):
            return port
    raise PortTakenError("no free port found on the loopback address")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(true: Callable[[], bool], what: str, seconds: float = LONGEST_START) -> None:
    """Wait until something holds.

    Raises
    ------
    TimeoutError
        It did not; the message names what.
    """
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


class ServerProcess:
    """A server that runs `command` in `folder` and writes to `folder/server.log`.

    It ends with the process that started it, also when that is killed (where `setpriv` can see to it).
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        *,
        end_signal: signal.Signals = signal.SIGTERM,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        longest_start: float = LONGEST_START,
        longest_stop: float = LONGEST_STOP,
    ) -> None:
        self._command = [str(word) for word in command]
        self._end_signal = end_signal
        self._user = user
        self._environment = environment
        self._longest_start, self._longest_stop = longest_start, longest_stop
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "server.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, is_ready: Callable[[], bool]) -> None:
        """Start it and wait until it is ready.

        Raises
        ------
        PortTakenError
            Its port is taken.
        RuntimeError
            It ended; the message holds what it said.
        """
        assert not self.runs(), "it runs already"
        bound: list[str] = []
        if (setpriv := shutil.which("setpriv")) is not None:
            bound = [setpriv, "--pdeathsig", self._end_signal.name.removeprefix("SIG"), "--"]
        with self.log.open("ab") as sink:
            begin = sink.tell()
            self._process = _STARTER.submit(
                subprocess.Popen,
                [*bound, *self._command],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user is not None else None,
            ).result()
        deadline = time.monotonic() + self._longest_start
        while not is_ready():
            if not self.runs() or time.monotonic() > deadline:
                self.kill()
                said = self.log.read_bytes()[begin:].decode(errors="replace")
                if "ddress already in use" in said:
                    raise PortTakenError(said)
                raise RuntimeError(f"{self._command[0]} did not start:\n{said}")
            time.sleep(0.005)

    def kill(self) -> None:
        """End it as a power cut does: SIGKILL, no farewell to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(LONGEST_STOP)

    def stop(self) -> None:
        """End it as its operator does; if it does not end, kill it."""
        if self._process is None or not self.runs():
            return
        self._process.send_signal(signal.SIGCONT)  # one that is paused hears nothing else
        self._process.send_signal(self._end_signal)
        try:
            self._process.wait(self._longest_stop)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
