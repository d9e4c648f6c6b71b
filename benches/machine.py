"""What a result needs to be read later: the machine, the versions, the commit."""

import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

from benches.inputs import ROOT
from benches.schema import Machine, Versions

RUST_PEERS: Final = {"asterisk-rs-ami", "memchr"}
PYTHON_PEERS: Final = ("aio-pika", "paho-mqtt", "panoramisk")


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def machine() -> Machine:
    cpuinfo = Path("/proc/cpuinfo")
    models = (
        [line.partition(": ")[2] for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if (cpuinfo.exists())
        else []
    )
    return Machine(
        cpu=models[0] if models else platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
    )


def versions() -> Versions:
    packages = json.loads(output("cargo", "metadata", "--format-version", "1", "--locked"))["packages"]
    peers = {package["name"]: package["version"] for package in packages if package["name"] in RUST_PEERS}
    peers |= {name: importlib.metadata.version(name) for name in PYTHON_PEERS}
    return Versions(
        vss_router=importlib.metadata.version("vss-router"),
        python=platform.python_version(),
        rustc=output("rustc", "--version"),
        peers=dict(sorted(peers.items())),
    )


def commit() -> str:
    """The commit measured, with a `+` when files were changed beside it."""
    changed = output("git", "status", "--porcelain", "--untracked-files=no")
    return output("git", "rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
