"""The processes of a measurement: a flooding PBX, the router, a bare route, Redis, RabbitMQ; ended by their pids."""

import contextlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benches.bare import PATH
from benches.inputs import ROOT
from tests.services.programs import EPMD, ERL_CALL, RABBITMQ, REDIS, ProgramMissingError, located
from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.redis_server import RedisServer
from tests.services.server_process import free_port

__all__ = ["HOST", "bare_route", "flood", "rabbitmq_server", "redis_server", "router"]

HOST: Final = "127.0.0.1"
SECRET: Final = "bench"
LONGEST_START: Final = 60.0  # seconds; the simulator works a while before anybody hears of it
LONGEST_STOP: Final = 15.0


@contextlib.contextmanager
def process(*command: str, reads_port: bool = False) -> Iterator[str]:
    """A Python module in a process of its own; gives the first line it prints when `reads_port`.

    Raises
    ------
    RuntimeError
        It ended before it said anything.
    """
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.PIPE if reads_port else said, stderr=said
        )
        try:
            first = running.stdout.readline().decode().strip() if running.stdout else ""
            if reads_port and not first:
                running.wait(LONGEST_STOP)
                said.seek(0)
                raise RuntimeError(f"{command[0]} ended before it said anything: {said.read().decode()[-2_000:]}")
            yield first
        finally:
            running.terminate()
            try:
                running.wait(LONGEST_STOP)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait(LONGEST_STOP)
            if running.stdout:
                running.stdout.close()


def wait_for(url: str) -> None:
    """Wait until `url` is answered with 200.

    Raises
    ------
    TimeoutError
        It was not, for a minute.
    """
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise TimeoutError(f"{url} was not there within {LONGEST_START:g} s")


@contextlib.contextmanager
def flood(events: float, *options: str) -> Iterator[int]:
    """A simulated PBX that tells so many events a second; gives its port."""
    with process("benches.flood", "--events", f"{events:g}", *options, reads_port=True) as port:
        yield int(port)


@contextlib.contextmanager
def router(ami_port: int, *options: str) -> Iterator[str]:
    """`vss-router serve` for that PBX, in step with it; gives the URL of its REST interface, without a last slash."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="vss-bench-") as folder:
        words = ["--ami", f"main=bench:{SECRET}@127.0.0.1:{ami_port}", "--http", f"127.0.0.1:{port}"]
        words += ["--data-dir", folder, "--resync-seconds", "0", "--log-level", "warning", *options]
        with process("vss_router", "serve", *words):
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/ready")
            yield url


@contextlib.contextmanager
def bare_route() -> Iterator[str]:
    """The bare route's server; gives its URL, without the path."""
    port = free_port()
    with process("benches.bare", str(port)):
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}{PATH}")
        yield url


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer | None]:
    """A private Redis; None when there is none to be had, and then it is said why."""
    try:
        located(REDIS)
    except ProgramMissingError as missing:
        print(f"  without Redis: {missing}", file=sys.stderr, flush=True)
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="vss-bench-redis-") as folder:
        server = RedisServer(Path(folder)).start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def rabbitmq_server() -> Iterator[RabbitMqServer | None]:
    """A private RabbitMQ with the settings it has by itself; None when there is none to be had, and it is said why."""
    try:
        located(RABBITMQ)
        located(EPMD)
        located(ERL_CALL)
    except ProgramMissingError as missing:
        print(f"  without RabbitMQ: {missing}", file=sys.stderr, flush=True)
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="vss-bench-rabbitmq-") as folder:
        server = RabbitMqServer(Path(folder), settings={"collect_statistics_interval": "5000"}, modest=False)
        try:
            yield server.start()
        finally:
            server.remove()
