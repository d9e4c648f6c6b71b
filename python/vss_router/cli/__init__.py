"""The command line, one file per command.

Commands import what they need when they run, so that `vss-router --help` loads neither web framework nor event loop.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from vss_router import __version__
from vss_router.cli.asyncapi import asyncapi
from vss_router.cli.demo import demo
from vss_router.cli.dlq import discard as dlq_discard
from vss_router.cli.dlq import list_letters as dlq_list
from vss_router.cli.dlq import replay as dlq_replay
from vss_router.cli.dlq import show as dlq_show
from vss_router.cli.failure import report
from vss_router.cli.record import record
from vss_router.cli.replay import replay
from vss_router.cli.serve import serve
from vss_router.cli.simulate import simulate
from vss_router.cli.top import top
from vss_router.cli.topology import apply as topology_apply
from vss_router.cli.topology import diff as topology_diff
from vss_router.cli.topology import verify as topology_verify
from vss_router.cli.verify import verify

__all__ = ["app", "main", "run"]

_HELP = (
    "Live call-centre status and typed events from Asterisk.\n\n"
    "[bold]vss-router[/] reads one or more PBXs over the Asterisk Manager Interface, keeps operators, channels, calls "
    "and queues true to what Asterisk itself reports, and serves them over REST and in the terminal."
)
_EXAMPLES = (
    ("vss-router demo", "a recorded call centre comes alive, REST on 127.0.0.1:3000"),
    ("vss-router serve --ami main=router:secret@pbx:5038", "the status of a PBX"),
    ("vss-router serve --config router.toml", "the same, set up in a file"),
    ("vss-router top --url http://127.0.0.1:3000", "the wallboard of a running router"),
    ("vss-router replay day.ami.gz --listen 127.0.0.1:5038", "a recording as a fake Asterisk"),
)
_SETTINGS = (
    "Every option of [green]serve[/] has the same name in the file of [green]--config[/] and in the environment: "
    "[green]--log-level[/], [green]log_level[/], [green]VSS_ROUTER_LOG_LEVEL[/]; "
    "the command line wins, then the environment."
)
_EPILOG = "\n\n".join(
    [
        "[bold]Examples[/]",
        *(f"[green]{command}[/]  [dim]{meaning}[/]" for command, meaning in _EXAMPLES),
        " ",
        "[bold]Settings[/]",
        _SETTINGS,
        " ",
        "[bold]Exit codes[/]",
        "0 done · 1 failed, one sentence on stderr says why · 2 an option, setting or recording cannot be used.",
    ]
)

app = typer.Typer(
    name="vss-router",
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _register(panel: str, *commands: Callable[..., None], group: typer.Typer = app) -> None:
    for command in commands:
        # typer keeps the line breaks of a docstring; the terminal's width is to decide.
        paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
        text = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
        group.command(help=text, rich_help_panel=panel)(command)


def _group(panel: str, name: str, summary: str, *commands: Callable[..., None]) -> None:
    """`vss-router NAME COMMAND`, for commands about one thing."""
    group = typer.Typer(
        name=name,
        help=summary,
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    _register("Commands", *commands, group=group)
    app.add_typer(group, rich_help_panel=panel)


_register("Run and watch", demo, serve, top)
_register("Recordings and test PBXs", record, verify, replay, simulate)
_register("Messages", asyncapi)
_group(
    "Messages",
    "topology",
    "Exchanges, queues, bindings and limits on a RabbitMQ: brought there, checked, compared.",
    topology_apply,
    topology_verify,
    topology_diff,
)
_group(
    "Messages",
    "dlq",
    "Dead letters on a RabbitMQ: listed, shown, replayed, discarded.",
    dlq_list,
    dlq_show,
    dlq_replay,
    dlq_discard,
)


class _Invocation:
    """What stands before the command; read after it failed, when typer's context is gone."""

    debug = False


def _show_version(asked: bool) -> None:
    if asked:
        print(f"vss-router {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when a command fails.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    _Invocation.debug = debug


def run(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name); its exit code. Errors are printed, not raised."""
    _Invocation.debug = False
    try:
        code = app(list(arguments), prog_name="vss-router", standalone_mode=False)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the last line: whatever it was becomes a sentence
        return report(error, debug=_Invocation.debug)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the `vss-router` program."""
    sys.exit(run(sys.argv[1:]))
