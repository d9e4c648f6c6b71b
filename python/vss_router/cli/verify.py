"""`vss-router verify`: the router's rows against Asterisk's own lists in a recording."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vss_router.cli.failure import FAILED

if TYPE_CHECKING:
    from rich.console import Console

    from vss_router.status.verify import Difference, Report

__all__ = ["verify"]

SHOWN_DIFFERENCES: Final = 20


def verify(
    capture: Annotated[Path, typer.Argument(help="Recording of an AMI session, plain or gzip.", metavar="CAPTURE")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of the table.")] = False,
    dump: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the snapshot just before each later list to DIR/<ActionID>.json."),
    ] = None,
) -> None:
    """Check the router against Asterisk's own lists in a recording.

    The status is seeded from the first complete set of lists (QueueStatus, CoreShowChannels, …) and then follows events
    alone. Before each later list it is compared with what Asterisk states there, field by field. Rows that changed
    while a list was being sent are told apart by the events right behind it.

    Exit codes: 0 no drift; 1 drift in a core field, which means a bug or lost events; 2 the recording is no AMI, holds
    fewer than two complete sets of lists, or nothing in it could be compared. Asterisk's own counters (calls_taken,
    in_call, …) change without events: their drift is shown and never fails.
    """
    import msgspec

    from vss_router.status.verify import verify as compare

    report = compare(capture, dump)
    if json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        from rich.console import Console

        _show(report, Console(soft_wrap=False))
    if report.drift:
        raise typer.Exit(FAILED)


def _show(report: "Report", console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    console.print(
        f"[bold]{escape(report.recording)}[/]: {report.messages:,} messages, {report.sets} complete sets of lists; "
        f"seeded from {escape(report.seeded_from[0])} …, {report.lists_compared} later lists compared."
    )
    table = Table(header_style="bold", caption="in flight: the row changed while the list was being sent")
    table.add_column("field", no_wrap=True)
    for title in ("rows compared", "drift", "in flight"):
        table.add_column(title, justify="right")
    table.add_column("")
    shown = [result for result in report.fields if result.compared]
    for at, result in enumerate(shown):
        word, style = ("DRIFT", "bold red") if result.core else ("not failed", "yellow")
        if not result.drift:
            word, style = "ok", "green"
        last_of_core = result.core and (at + 1 == len(shown) or not shown[at + 1].core)
        table.add_row(
            result.field,
            f"{result.compared:,}",
            f"{result.drift:,}",
            f"{result.in_flight:,}" if result.core else "–",
            f"[{style}]{word}[/]",
            end_section=last_of_core,
        )
    console.print(table)
    failing = [found for found in report.differences if found.core and found.in_flight is None]
    for found in failing[:SHOWN_DIFFERENCES]:
        console.print(_sentence(found), style="red", markup=False, highlight=False)
    drifted = sum(result.drift for result in report.fields if result.core)
    if drifted > SHOWN_DIFFERENCES:
        console.print(f"… and {drifted - SHOWN_DIFFERENCES:,} more (--json lists them).")
    for note in report.notes:
        console.print(f"Note: {note}", markup=False, highlight=False)
    if report.drift:
        console.print(f"[bold red]Drift[/] in {drifted:,} of {report.rows_compared:,} comparisons of core fields.")
    else:
        in_flight = sum(result.in_flight for result in report.fields)
        console.print(
            f"[bold green]No drift[/] in {report.rows_compared:,} comparisons of core fields "
            f"({in_flight} rows changed while a list was being sent)."
        )


def _sentence(found: "Difference") -> str:
    if found.field.endswith(".set") and isinstance(found.board, bool):
        only = "the router" if found.board else "Asterisk"
        return f"{found.action_id}: {found.field} {found.row}: only {only} has it"
    return f"{found.action_id}: {found.field} {found.row}: router {found.board!r}, Asterisk {found.asterisk!r}"
