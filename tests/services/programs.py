"""The servers' programs: found, or installed from the system's packages when we may, or said to be missing.

`python -m tests.services.programs` looks for all of them ahead of a test run.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

__all__ = ["EPMD", "ERL_CALL", "POSTGRES", "RABBITMQ", "REDIS", "Program", "ProgramMissingError", "needed"]

_LONGEST_INSTALL: Final = 300.0  # seconds


class ProgramMissingError(Exception):
    """A server that is neither here nor to be had; the message says which and why."""


@dataclass(frozen=True)
class Program:
    """A server's program, the package that has it, and where that puts it when it is not in the PATH.

    `version_in_path`: it does not tell its version, the path does; one in the PATH is only a way to that.
    """

    name: str
    package: str
    oldest: int
    elsewhere: str | None = None
    version_in_path: bool = False

    def path(self) -> Path | None:
        if self.version_in_path:
            versions = {path: version_in(path) for path in Path("/").glob(self.elsewhere or self.name)}
            newest = max(versions, key=versions.__getitem__, default=None)
            return newest if newest is not None and versions[newest] >= self.oldest else None
        # A link is followed to where the other programs of the package stand, unless it leads to one of another name.
        here = shutil.which(self.name)
        found = []
        if here is not None:
            there = Path(here).resolve()
            found = [there if there.name == self.name else Path(here)]
        if self.elsewhere is not None:
            # The newest version first.
            found += sorted(Path("/").glob(self.elsewhere), key=lambda path: -major_version(path))
        return next((path for path in found if major_version(path) >= self.oldest), None)


REDIS: Final = Program("redis-server", "redis-server", oldest=7)
POSTGRES: Final = Program("postgres", "postgresql", oldest=13, elsewhere="usr/lib/postgresql/*/bin/postgres")
# What the PATH has is a wrapper that starts the machine's own server, whatever it is asked.
RABBITMQ: Final = Program(
    "rabbitmq-server",
    "rabbitmq-server",
    oldest=3,
    elsewhere="usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server",
    version_in_path=True,
)
EPMD: Final = Program(
    "epmd", "erlang-base", oldest=10, elsewhere="usr/lib/erlang/erts-*/bin/epmd", version_in_path=True
)
ERL_CALL: Final = Program(
    "erl_call", "erlang-base", oldest=10, elsewhere="usr/lib/erlang/erts-*/bin/erl_call", version_in_path=True
)


def version_in(path: Path) -> int:
    number = re.search(r"-(\d+)\.\d+", str(path))
    return int(number[1]) if number else 0


@cache
def major_version(program: Path) -> int:
    told = subprocess.run([program, "--version"], check=False, capture_output=True, text=True, timeout=10).stdout
    number = re.search(r"(\d+)\.\d+", told)
    return int(number[1]) if number else 0


@cache
def located(program: Program) -> Path:
    """The program's path; installs its package when there is none and this process may.

    Raises
    ------
    ProgramMissingError
        There is none and it cannot be installed.
    """
    if (path := program.path()) is not None:
        return path
    wanted = f"{program.name} (version {program.oldest} or newer)"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ProgramMissingError(
            f"{wanted} is missing and only root may install it with apt-get: install {program.package}"
        )
    # The workers of one run ask at the same time; one installs, the others wait and find it.
    with (Path(tempfile.gettempdir()) / "vss-router-tests-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (path := program.path()) is not None:
            return path
        said = install(program.package)
    if (path := program.path()) is not None:
        return path
    raise ProgramMissingError(f"{wanted} is missing and apt-get install {program.package} did not bring it: {said}")


def install(package: str) -> str:
    """Install a package; the last line apt-get said."""
    print(f"tests: installing {package} with apt-get", file=sys.__stderr__, flush=True)
    # In run level 1 the package starts no server of its own.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command = ["apt-get", "install", "--yes", "--no-install-recommends", "--quiet=2", package]
    said = ""
    for arguments in (command, ["apt-get", "update", "--quiet=2"], command):
        try:
            ended = subprocess.run(
                arguments,
                check=False,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_LONGEST_INSTALL,
            )
        except subprocess.TimeoutExpired:
            return f"it took longer than {_LONGEST_INSTALL:.0f} s"
        said = (ended.stdout.strip().splitlines() or ["it said nothing"])[-1]
        if ended.returncode == 0 and arguments is command:
            break
    return said


def needed(program: Program) -> Path:
    """The program's path; skips the test when it is not to be had, or fails it with REQUIRE_SERVICES=1."""
    try:
        return located(program)
    except ProgramMissingError as missing:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(f"REQUIRE_SERVICES=1: {missing}", pytrace=False)
        pytest.skip(str(missing))


if __name__ == "__main__":
    for program in (REDIS, POSTGRES, RABBITMQ, EPMD, ERL_CALL):
        try:
            print(f"{program.name}: {located(program)}")  # noqa: T201 - what was asked for
        except ProgramMissingError as missing:
            print(f"{program.name}: {missing}")  # noqa: T201 - what was asked for
