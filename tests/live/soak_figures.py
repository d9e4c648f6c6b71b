"""What a soak measured: one table for people, one JSON file for those who compare."""

import io
import platform
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from tests.live.list_check import Drifted
from vss_router.status.verify.report import FieldResult

RESULTS: Final = Path(__file__).with_name("results")


class Outage(msgspec.Struct):
    """A `core restart now` or `module reload app_queue`. Seconds.

    `until_live` counts from the command until the board agreed with Asterisk again; `after_boot` from when Asterisk
    took connections again.
    """

    what: str
    until_live: float
    after_boot: float | None = None
    drift: dict[str, int] = msgspec.field(default_factory=dict)
    """What the resync found, where the board was held to be true before it."""


class Visit(msgspec.Struct):
    """A link of another account during the soak: seconds until live, and drift of a resync later on."""

    account: str
    fence: str
    until_live: float
    drift: dict[str, int]


class SoakFigures(msgspec.Struct, kw_only=True):
    """One soak against one Asterisk."""

    asterisk: str
    seconds: float
    machine: str = msgspec.field(default_factory=lambda: f"{platform.machine()} {platform.release()}")
    rounds: int
    lists: int
    fields: list[FieldResult]
    rows_compared: int
    drift: int
    in_flight: int
    unexplained_but_settled: int
    drifted: list[Drifted]
    events: int
    events_per_second: float
    board: dict[str, int]
    resyncs: int
    resyncs_failed: int
    reasons: dict[str, int]
    gaps: int
    reconnects: int
    overflows: int
    outages: list[Outage]
    visits: list[Visit]
    accepted: dict[str, int]
    refused: dict[str, int]

    def write(self) -> Path:
        """Keep it as `results/soak-<version>.json`, over an older one."""
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"soak-{self.asterisk.split('.', 1)[0].split('~', 1)[0]}.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        return file

    def table(self) -> str:
        """For the terminal."""
        out = io.StringIO()
        console = Console(file=out, width=110)
        console.print(
            f"Asterisk {self.asterisk}: {self.seconds:.0f} s, {self.events} events, {self.rounds} rounds, "
            f"{self.lists} lists"
        )
        fields = Table()
        for column in ("field", "compared", "in flight", "drift"):
            fields.add_column(column, justify="left" if column == "field" else "right")
        for result in self.fields:
            if result.compared:
                name = result.field if result.core else f"({result.field})"
                fields.add_row(name, str(result.compared), str(result.in_flight), str(result.drift))
        fields.add_section()
        fields.add_row("core fields", str(self.rows_compared), str(self.in_flight), str(self.drift))
        console.print(fields)
        figures = Table(show_header=False)
        figures.add_row("events/s", f"{self.events_per_second:.1f}")
        figures.add_row("resyncs (failed)", f"{self.resyncs} ({self.resyncs_failed}) {_counts(self.reasons)}")
        figures.add_row("gaps, reconnects, overflows", f"{self.gaps}, {self.reconnects}, {self.overflows}")
        for outage in self.outages:
            boot = "" if outage.after_boot is None else f", {outage.after_boot:.2f} s after it took connections"
            figures.add_row(outage.what, f"live after {outage.until_live:.2f} s{boot} {_counts(outage.drift)}")
        for visit in self.visits:
            said = f"fence {visit.fence}, live after {visit.until_live:.2f} s, then drift {_counts(visit.drift) or 0}"
            figures.add_row(f"account {visit.account}", said)
        figures.add_row("actions accepted", _counts(self.accepted))
        figures.add_row("actions refused", _counts(self.refused))
        figures.add_row("unexplained, gone at a second look", str(self.unexplained_but_settled))
        console.print(figures)
        for found in self.drifted[:20]:
            console.print(f"drift: {found.difference} found again: {found.found_again}", markup=False)
        return out.getvalue()


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
