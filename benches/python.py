"""Runs the pytest-benchmark files and reads the rounds they took."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benches.inputs import ROOT
from benches.schema import Side


class Stats(msgspec.Struct):
    data: list[float]


class Benchmark(msgspec.Struct):
    stats: Stats
    extra_info: dict[str, Any]


class Outcome(msgspec.Struct):
    """pytest-benchmark's file."""

    benchmarks: list[Benchmark]


def pytest_sides(files: list[str]) -> list[Side]:
    """Run files of benches/ under pytest-benchmark; each bench names its side in `extra_info`."""
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch) / "rounds.json"
        command = [sys.executable, "-m", "pytest", "--quiet", "--no-header", "-p", "no:randomly"]
        command += ["--override-ini=addopts=--import-mode=importlib", "--override-ini=timeout=900"]
        command += ["--override-ini=python_files=bench_*.py", "--override-ini=python_functions=bench_*"]
        command += ["--benchmark-only", "--benchmark-save-data", "--benchmark-disable-gc", "--benchmark-quiet"]
        # Per core is what the rows ask for, and the processor's time says that on a busy machine too.
        command += ["--benchmark-timer=time.process_time"]
        command += [f"--benchmark-json={written}", *(f"benches/{name}" for name in files)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=1_800)
        outcome = msgspec.json.decode(written.read_bytes(), type=Outcome)
    return [
        Side(
            name=benchmark.extra_info["side"],
            harness="pytest-benchmark",
            unit="s/pass",
            rounds=benchmark.stats.data,
            messages=benchmark.extra_info["messages"],
            bytes=benchmark.extra_info["bytes"],
        )
        for benchmark in outcome.benchmarks
    ]
