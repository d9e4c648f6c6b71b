"""The program as a person runs it: a process of its own, its exit code and what it says."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
import structlog

import vss_router.cli

TIMEOUT_SECONDS = 40
CAPTURE = Path(__file__).parents[1] / "data" / "asterisk-22.ami.gz"


class Ended(msgspec.Struct, frozen=True):
    """How a run ended."""

    code: int
    out: str
    err: str

    def assert_one_sentence(self, *parts: str, code: int) -> None:
        """Exit code `code`, nothing on stdout, one line on stderr with all `parts`, no traceback."""
        assert "Traceback" not in self.err, self.err
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("vss-router"), self.err
        for part in parts:
            assert part in lines[0], self.err
        assert self.code == code, self.err


Run: TypeAlias = Callable[..., Coroutine[Any, Any, Ended]]
RunHere: TypeAlias = Callable[..., Ended]
Background: TypeAlias = Callable[..., AbstractAsyncContextManager[asyncio.subprocess.Process]]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment without settings, with a state folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VSS_ROUTER_")}
    return kept | {"XDG_STATE_HOME": str(tmp_path / "state"), "LC_ALL": "C.UTF-8", "COLUMNS": "120"}


@asynccontextmanager
async def _started(arguments: tuple[object, ...], environ: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vss_router",
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    """`await run("serve", …, env={…})`: runs to the end."""

    async def run_to_the_end(*arguments: object, env: dict[str, str] | None = None) -> Ended:
        async with _started(arguments, environ | (env or {})) as process:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                out, err = await process.communicate()
            assert process.returncode is not None
            return Ended(process.returncode, out.decode(), err.decode())

    return run_to_the_end


@pytest.fixture
def run_here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> Iterator[RunHere]:
    """`run_here("serve", …)`: the same in this process, for what ends at once; a tenth of the time."""
    for name in [name for name in os.environ if name.startswith("VSS_ROUTER_")]:
        monkeypatch.delenv(name)
    for name in ("XDG_STATE_HOME", "LC_ALL", "COLUMNS"):
        monkeypatch.setenv(name, environ[name])
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run_to_the_end(*arguments: object) -> Ended:
        code = vss_router.cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    yield run_to_the_end
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def background(environ: dict[str, str]) -> Background:
    """`async with background("serve", …) as process`: killed at the end if it still runs."""

    def start(
        *arguments: object, env: dict[str, str] | None = None
    ) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
        return _started(arguments, environ | (env or {}))

    return start


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port somebody else listens on."""
    listening = socket.create_server(("127.0.0.1", 0))
    yield listening.getsockname()[1]
    listening.close()


@pytest.fixture
def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def capture() -> Path:
    """The everyday recording."""
    return CAPTURE
