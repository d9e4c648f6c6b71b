"""`make load`: users of the read API and a flood of AMI events, everything started here and stopped again.

Prints p50, p95 and p99 of each journey beside those of a bare constant route asked in the same run. locust counts whole
milliseconds and adds some of its own, so this shows how the journeys get on with each other; the figure of one read
under load is that of `make bench ARGS="--only 'P5 HTTP'"`. Exits 0 whatever the figures are; with `--assert` 1 when a
request failed or the p99 of one operator is more than twice the bare route's.
"""

import argparse
import contextlib
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benches.inputs import ROOT
from benches.servers import bare_route, flood, redis_server, router

BARE: Final = "bare route"
HELD: Final = "/operators/{id}"
MOST_TIMES_BARE: Final = 2.0


class Journey(msgspec.Struct, frozen=True):
    """What locust counted for one name; milliseconds."""

    name: str
    requests: int
    failures: int
    per_second: float
    p50: float
    p95: float
    p99: float


def journeys(folder: Path) -> list[Journey]:
    """Read locust's table."""
    with (folder / "load_stats.csv").open(newline="") as file:
        return [
            Journey(
                name=line["Name"],
                requests=int(line["Request Count"]),
                failures=int(line["Failure Count"]),
                per_second=float(line["Requests/s"]),
                p50=float(line["50%"]),
                p95=float(line["95%"]),
                p99=float(line["99%"]),
            )
            for line in csv.DictReader(file)
            if line["Name"] != "Aggregated"
            and not line["Name"].endswith("(at the start)")
            and int(line["Request Count"])
        ]


def table_of(found: list[Journey]) -> Table:
    table = Table(title="the read API under load, milliseconds")
    for heading in ("journey", "requests", "a second", "failed", "p50", "p95", "p99", "p99 ÷ bare"):
        table.add_column(heading, justify="left" if heading == "journey" else "right")
    bare = next((journey for journey in found if journey.name == BARE), None)
    for journey in found:
        ratio = f"{journey.p99 / max(bare.p99, 1):.1f}" if bare else "–"
        numbers = [f"{journey.requests:,}", f"{journey.per_second:.1f}", f"{journey.failures:,}"]
        numbers += [f"{value:g}" for value in (journey.p50, journey.p95, journey.p99)]
        table.add_row(journey.name, *numbers, ratio)
    return table


def missed(found: list[Journey]) -> list[str]:
    """What `--assert` fails the run for."""
    by_name = {journey.name: journey for journey in found}
    failures = [f"{journey.name}: {journey.failures} requests failed" for journey in found if journey.failures]
    if BARE not in by_name or HELD not in by_name:
        return [*failures, "the run brought no figures: look at what locust said"]
    most = MOST_TIMES_BARE * max(by_name[BARE].p99, 1)
    if by_name[HELD].p99 > most:
        failures.append(f"{HELD}: the p99 of {by_name[HELD].p99:g} ms is over {most:g} ms, twice the bare route's")
    return failures


def load(events: float, users: int, seconds: float) -> list[Journey]:
    """Start everything, let the users work, stop everything.

    Raises
    ------
    RuntimeError
        locust gave up.
    """
    with contextlib.ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="vss-load-")))
        options = ["--database", "none"]
        server = running.enter_context(redis_server())
        if server is not None:
            options += ["--redis", server.url]
        bare = running.enter_context(bare_route())
        url = running.enter_context(router(running.enter_context(flood(events)), *options))
        command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "--only-summary"]
        command += ["--host", url, "--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds:g}s"]
        command += ["--csv", str(folder / "load"), "--loglevel", "WARNING", "--exit-code-on-error", "0"]
        # The users' first look around is not part of their journeys.
        command += ["--reset-stats"]
        environment = {**os.environ, "BARE_URL": bare}
        said = subprocess.run(
            command, cwd=ROOT, check=False, env=environment, capture_output=True, text=True, timeout=seconds + 60
        )
        if said.returncode:
            raise RuntimeError(f"locust did not get through: {said.stderr[-2_000:]}")
        return journeys(folder)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--events", type=float, default=5_000.0, help="AMI events a second")
    parser.add_argument("--users", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--assert", dest="holds", action="store_true", help="fail when the figures miss their bar")
    options = parser.parse_args()

    from vss_router._core import build_profile

    if build_profile != "release":
        print("the extension was built in debug: make clean, then make load builds it in release.", file=sys.stderr)
        return 2
    found = load(options.events, options.users, options.seconds)
    Console(width=None if sys.stdout.isatty() else 120).print(table_of(found))
    failures = missed(found)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures and options.holds else 0


if __name__ == "__main__":
    sys.exit(main())
