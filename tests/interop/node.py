"""Node with amqplib, installed once per worker into a folder of its own, and the guide's programs run by it."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Final, Self

import pytest

__all__ = ["Guide", "NodeFolder", "installed"]

_HERE: Final = Path(__file__).parent
_LONGEST_INSTALL: Final = 180.0  # seconds
_LONGEST_RUN: Final = 90.0
_OLDEST_NODE: Final = 18
_TOLD: Final = ">> "


def installed(folder: Path) -> "NodeFolder":
    """The guide's programs with what they need in `folder`; skips (or fails, REQUIRE_SERVICES=1) where that fails."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _missing("node and npm are not installed")
        raise AssertionError("unreachable")
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True, timeout=30).stdout
    if int(version.strip().removeprefix("v").partition(".")[0]) < _OLDEST_NODE:
        _missing(f"node is {version.strip()}, older than {_OLDEST_NODE}")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_HERE / name, folder)
    shutil.copytree(_HERE / "guide", folder / "guide")
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_INSTALL,
        )
    except subprocess.TimeoutExpired:
        _missing(f"npm ci took longer than {_LONGEST_INSTALL:.0f} s")
        raise AssertionError("unreachable") from None
    if ended.returncode != 0:
        said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        _missing(f"npm ci could not install amqplib: {said}")
    return NodeFolder(folder, Path(node))


def _missing(why: str) -> None:
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"REQUIRE_SERVICES=1: {why}", pytrace=False)
    pytest.skip(why)


class NodeFolder:
    """Where the programs lie, and what runs them."""

    def __init__(self, folder: Path, node: Path) -> None:
        self.folder = folder
        self.node = node

    def start(self, program: str, *words: str, **environment: str) -> "Guide":
        return Guide([self.node, f"guide/{program}", *words], self.folder, environment)

    def run(self, program: str, *words: str, **environment: str) -> "Guide":
        """Run one to its end."""
        with self.start(program, *words, **environment) as running:
            running.ended()
        return running


class Guide:
    """One of the guide's programs while it runs. Its surroundings tell what it does as lines behind `>> `."""

    def __init__(self, command: list[str | Path], folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.lines: list[str] = []
        self._coming: queue.Queue[str | None] = queue.Queue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._coming.put(line.rstrip("\n"))
        self._coming.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._reading.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def told(self) -> list[Any]:
        """What its surroundings told so far."""
        return [json.loads(line.removeprefix(_TOLD)) for line in self.lines if line.startswith(_TOLD)]

    def told_of(self, what: str) -> list[Any]:
        return [rest for name, *rest in self.told if name == what]

    def await_told(self, what: str, times: int = 1) -> list[Any]:
        """Wait until its surroundings told `what` so often."""
        deadline = time.monotonic() + _LONGEST_RUN
        while len(self.told_of(what)) < times:
            assert self._take(deadline), f"it ended without telling {what} {times} times:\n{self.output}"
        return self.told_of(what)

    def ended(self) -> None:
        """Wait for its end, which must be a good one."""
        deadline = time.monotonic() + _LONGEST_RUN
        while self._take(deadline):
            pass
        code = self._process.wait(10)
        assert code == 0, f"it ended with {code}:\n{self.output}"

    def _take(self, deadline: float) -> bool:
        try:
            line = self._coming.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"nothing more came within {_LONGEST_RUN:.0f} s:\n{self.output}") from None
        if line is not None:
            self.lines.append(line)
        return line is not None
