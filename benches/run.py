"""`make bench`: measure ours and the peers in one run, print one table, write it to benches/results/.

Exits 1 when a ratio misses its first bar, 2 when the extension was built in debug. Absolute figures (P5 HTTP, P7, P9)
are printed with their bar; `--assert` holds them to it as well, for a quiet machine. Rows that need a Redis (P4, P7,
parts of P5) or a RabbitMQ (P6) are left out where none is to be had.
"""

import argparse
import datetime
import sys
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benches import http_reads, memory, publishing, reads, rust, topics, visible, writes
from benches.inputs import EVERYDAY, ROOT, unpacked
from benches.machine import commit, machine, versions
from benches.python import pytest_sides
from benches.rows import PLANS, row_of
from benches.schema import Bar, Comparison, Report, Row, Side

RESULTS: Final = ROOT / "benches" / "results"


def measured(row: str) -> list[Side]:
    """All sides of one row."""
    if row == "P1":
        return [*rust.criterion_sides("decoder", "P1"), *pytest_sides(["bench_peers.py"])]
    if row == "P2":
        return [*rust.criterion_sides("status", "P2"), *pytest_sides(["bench_peers.py", "bench_board.py"])]
    sides = {
        "P3": topics.sides,
        "P4": writes.sides,
        "P5": reads.sides,
        "P5 HTTP": http_reads.sides,
        "P6": publishing.sides,
        "P7": visible.sides,
        "P8": rust.growth_sides,
        "P9": memory.sides,
    }
    return sides[row]()


def shown_side(side: Side) -> str:
    if side.unit == "bytes":
        return f"{side.median / 1e6:.1f} MB"
    if side.unit in {"s/row", "s/message"}:
        return f"{1 / side.median:,.0f} {side.unit.removeprefix('s/')}s/s"
    if side.unit in {"s/event", "s/read", "s/match"}:
        return f"{side.median * 1e6:.3g} µs/{side.unit.removeprefix('s/')}"
    if side.unit == "s":
        return f"{side.median * 1e3:.2f} ms"
    rate = f", {side.bytes / side.median / 1e6:,.0f} MB/s" if side.bytes else ""
    return f"{side.median * 1e3:.1f} ms{rate}"


def shown_bar(bar: Bar | None, value: float | None) -> str:
    if bar is None or value is None:
        return "–"
    return f"{'≥' if bar.sense == 'at_least' else '≤'} {value:g}{'×' if bar.unit == 'x' else ' ' + bar.unit}"


def shown_verdict(comparison: Comparison) -> str:
    words = {True: "[green]yes[/]", False: "[bold red]NO[/]", None: "–"}
    return words[comparison.ok] + (" [green]+ goal[/]" if comparison.goal_ok else "")


def table_of(rows: list[Row]) -> Table:
    table = Table(title="vss-router beside its peers: medians of one run")
    for heading in ("id", "what", "ours", "beside", "ratio", "first bar", "goal", "ok"):
        table.add_column(heading, justify="right" if heading == "ratio" else "left")
    for row in rows:
        sides = {side.name: side for side in row.sides}
        for comparison in row.comparisons:
            bar = comparison.bar
            table.add_row(
                row.id,
                row.what,
                f"{comparison.ours}: {shown_side(sides[comparison.ours])}",
                f"{comparison.beside}: {shown_side(sides[comparison.beside])}" if comparison.beside else "–",
                f"{comparison.value:.2f}{'×' if bar is None or bar.unit == 'x' else ' ' + bar.unit}",
                shown_bar(bar, bar.first if bar else None),
                shown_bar(bar, bar.goal if bar else None),
                shown_verdict(comparison),
            )
    return table


def write(rows: list[Row]) -> Path:
    now = datetime.datetime.now(datetime.UTC)
    report = Report(
        date=now.isoformat(timespec="seconds"),
        commit=commit(),
        build_profile="release",
        machine=machine(),
        versions=versions(),
        rows=rows,
    )
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%dT%H%M%SZ}-{report.commit.rstrip('+')}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return path


def missed(rows: list[Row], *, absolute: bool) -> list[str]:
    """The lines that fail the run: ratios below their first bar, absolute figures only when asked for."""
    return [
        f"{row.id} {comparison.ours}: {comparison.value:.2f} misses its first bar"
        for row in rows
        for comparison in row.comparisons
        if comparison.ok is False and comparison.bar and (absolute or comparison.bar.unit == "x")
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=[plan.id for plan in PLANS], help="a row; repeatable")
    parser.add_argument("--assert", dest="absolute", action="store_true", help="hold absolute figures to their bar too")
    options = parser.parse_args()

    from vss_router._core import build_profile

    if build_profile != "release":
        print("the extension was built in debug: make clean, then make bench builds it in release.", file=sys.stderr)
        return 2
    unpacked(EVERYDAY)
    rows = []
    for plan in PLANS:
        if not options.only or plan.id in options.only:
            print(f"» {plan.id}: {plan.what}", flush=True)
            rows.append(row_of(plan, measured(plan.id)))
    Console(width=None if sys.stdout.isatty() else 200).print(table_of(rows))
    print(f"written to {write(rows).relative_to(ROOT)}")
    failures = missed(rows, absolute=options.absolute)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
