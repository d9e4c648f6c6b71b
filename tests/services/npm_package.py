"""A package of npm, fetched once and held to its hash; only read, nothing of it is run."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import pytest

__all__ = ["read_from_npm"]

_LONGEST_FETCH: Final = 60.0  # seconds


class PackageMissingError(Exception):
    """The package is not to be had; the message says why."""


@cache
def fetched(name: str, version: str, sha256: str) -> Path:
    """The package's archive.

    Raises
    ------
    PackageMissingError
        There is no npm, it cannot fetch the package, or it brought another one.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise PackageMissingError(f"npm is missing, which fetches {name}")
    folder = Path(tempfile.gettempdir()) / f"vss-router-tests-npm-{os.getuid()}"
    folder.mkdir(exist_ok=True, mode=0o700)
    archive = folder / f"{name.strip('@').replace('/', '-')}-{version}.tgz"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            try:
                ended = subprocess.run(
                    [npm, "pack", f"{name}@{version}", "--silent", "--pack-destination", folder],
                    check=False,
                    capture_output=True,
                    text=True,
                    cwd=folder,
                    timeout=_LONGEST_FETCH,
                )
            except subprocess.TimeoutExpired:
                raise PackageMissingError(f"npm took longer than {_LONGEST_FETCH:.0f} s to fetch {name}") from None
            if ended.returncode != 0 or not archive.exists():
                said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
                raise PackageMissingError(f"npm could not fetch {name} {version}: {said}")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
        archive.unlink()
        raise PackageMissingError(f"{name} {version} is not the package that was looked at")
    return archive


def read_from_npm(name: str, version: str, sha256: str, path: str) -> bytes:
    """One file of a package; skips the test when it is not to be had, or fails it with REQUIRE_SERVICES=1."""
    try:
        archive = fetched(name, version, sha256)
    except PackageMissingError as missing:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(f"REQUIRE_SERVICES=1: {missing}", pytrace=False)
        pytest.skip(str(missing))
    with tarfile.open(archive) as package:
        file = package.extractfile(f"package/{path}")
        assert file is not None
        return file.read()
