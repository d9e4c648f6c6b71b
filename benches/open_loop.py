"""Runs the compiled client of open_loop.rs: requests at a fixed rate, latencies from when each was due."""

import subprocess
from functools import cache
from pathlib import Path

import msgspec

from benches.inputs import ROOT
from benches.rust import TARGET

CONNECTIONS = 16


class Latency(msgspec.Struct, frozen=True):
    """Seconds."""

    p50: float
    p95: float
    p99: float
    p999: float
    max: float


class Outcome(msgspec.Struct, frozen=True):
    """One run. `refused` counts answers other than 200."""

    requests: int
    refused: int
    since_due: Latency
    since_sent: Latency


@cache
def client() -> Path:
    """Build the client, in release."""
    command = ["cargo", "build", "--quiet", "--locked", "--release", "--package", "vss-benches", "--bin", "open-loop"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1_800)
    return TARGET / "release" / "open-loop"


def ask(url: str, paths: list[str], *, rate: float, seconds: float) -> Outcome:
    """GET the paths in turn at `rate` a second.

    Raises
    ------
    RuntimeError
        An answer was not 200.
    """
    address = url.removeprefix("http://")
    command = [str(client()), address, f"{rate:g}", f"{seconds:g}", str(CONNECTIONS), *paths]
    said = subprocess.run(command, check=True, capture_output=True, timeout=seconds + 60).stdout
    outcome = msgspec.json.decode(said, type=Outcome)
    if outcome.refused:
        raise RuntimeError(f"{outcome.refused} of {outcome.requests} requests to {url} were not answered with 200")
    return outcome
