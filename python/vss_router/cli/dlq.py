"""`vss-router dlq`: dead letters on a broker, listed, shown, replayed, discarded."""

import asyncio
import logging
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self, TypeAlias, TypeVar

import typer

from vss_router.cli.failure import FAILED
from vss_router.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vss_router.broker.dead_letters import DeadLetters, Letter

__all__ = ["discard", "list_letters", "replay", "show"]

_T = TypeVar("_T")
_TITLES: Final = ("id", "failed at", "failed in", "message", "attempts", "reason")

BrokerOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The broker as serve is given it: amqp://user:password@host:5672/%2Fvss.",
        show_default="the setting broker",
    ),
]
QueueOption: TypeAlias = Annotated[
    str, typer.Option(metavar="QUEUE", help="The queue to look at, such as vss.commands.failed.")
]
IdOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--id", metavar="ID", help="A letter, by the id that list shows; repeatable.")
]
AllOption: TypeAlias = Annotated[bool, typer.Option("--all", help="All that are in the queue now.")]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ConfigOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="TOML file with the setting broker.")
]


def list_letters(
    *,
    broker: BrokerOption = None,
    queue: QueueOption = "vss.parked",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the oldest first.")] = 100,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the first dead letters of a queue: where each failed, how often, and why. They stay there."""
    found = _at_the_broker(broker, config, lambda letters: letters.list(queue, limit=limit))
    if json:
        _print_json(found)
        return
    for found_letter in found.letters:
        identity, failed_at, failed_queue, message, attempts, reason = _cells(found_letter)
        # Not a table: it would break an id over lines, and then nobody can copy it into `show` or `replay`.
        print(f"{identity}  {failed_at}  {message}")
        failed = f"{failed_queue}, {attempts} attempts: " if failed_queue else ""
        print(f"    {failed}{reason}")
    print(f"{queue}: {found.messages} messages, {len(found.letters)} shown.")


list_letters.__name__ = "list"  # as the command is called


def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="The letter, by the id that list shows.")],
    *,
    broker: BrokerOption = None,
    queue: QueueOption = "vss.parked",
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one dead letter with its headers and its body. Exit code 1 when it is not there."""
    found = _at_the_broker(broker, config, lambda letters: letters.show(queue, letter))
    if found is None:
        print(f"{queue}: no letter has the id {letter}.")
        raise typer.Exit(FAILED)
    if json:
        _print_json(found)
        return
    for name, value in zip(_TITLES, _cells(found.letter), strict=True):
        print(f"{name + ':':<11} {value}")
    for name, value in sorted(found.headers.items()):
        print(f"  {name}: {value}")
    print(found.body + ("…" if found.cut else ""))


def replay(
    *,
    broker: BrokerOption = None,
    queue: QueueOption = "vss.parked",
    letter: IdOption = None,
    everything: AllOption = False,
    to_exchange: Annotated[
        bool,
        typer.Option(
            "--to-exchange",
            help="To all who are bound for a letter, rather than to the queue in which it failed.",
        ),
    ] = False,
    per_second: Annotated[float, typer.Option(min=0.1, max=10_000, help="At most so many a second.")] = 50.0,
    config: ConfigOption = None,
) -> None:
    """Publish dead letters again, as they first were. What the broker confirmed leaves the queue.

    Exit code 1 when one of them was not found or stayed.
    """
    ids = _chosen(letter, everything)
    with _Progress("replayed") as progress:
        done = _at_the_broker(
            broker,
            config,
            lambda letters: letters.replay(
                queue, ids, to_exchange=to_exchange, per_second=per_second, on_progress=progress.told
            ),
        )
    print(f"{queue}: {done.replayed} replayed, {done.refused} stayed, {len(done.missing)} not found.")
    if done.trouble is not None:
        print(f"The last one stayed because {done.trouble}")
    if done.refused or done.missing:
        raise typer.Exit(FAILED)


def discard(
    *,
    broker: BrokerOption = None,
    queue: QueueOption = "vss.parked",
    letter: IdOption = None,
    everything: AllOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before all of a queue goes.")] = False,
    config: ConfigOption = None,
) -> None:
    """Take dead letters away for good. Exit code 1 when one of them was not found.

    With --all it asks on the terminal first; where there is none, it needs --yes.
    """
    ids = _chosen(letter, everything)
    if ids is None and not yes:
        _ask_before_all(broker, config, queue)
    with _Progress("discarded") as progress:
        done = _at_the_broker(broker, config, lambda letters: letters.discard(queue, ids, on_progress=progress.told))
    print(f"{queue}: {done.discarded} discarded, {len(done.missing)} not found.")
    if done.missing:
        raise typer.Exit(FAILED)


def _chosen(ids: list[str] | None, everything: bool) -> list[str] | None:
    if everything == bool(ids):
        raise SettingsError("no letters to work on: name some with --id, or all with --all, and not both")
    return None if everything else ids


def _ask_before_all(broker: str | None, config: Path | None, queue: str) -> None:
    if not sys.stdin.isatty():
        raise SettingsError(
            f"nobody is there to be asked whether all of {queue} may go for good: say so with --yes, or name letters "
            "with --id"
        )
    # Any queue can be named, one with work in it too: the number shows whether it is the one that was meant.
    found = _at_the_broker(broker, config, lambda letters: letters.list(queue, limit=0))
    typer.confirm(f"Take all {found.messages} messages of {queue} away for good?", abort=True, err=True)


def _at_the_broker(broker: str | None, config: Path | None, work: "Callable[[DeadLetters], Awaitable[_T]]") -> _T:
    from vss_router.broker.amqp_transport import amqp_transport
    from vss_router.broker.dead_letters import DeadLetters
    from vss_router.broker.endpoint import parse_broker_url
    from vss_router.settings import load_settings

    settings = load_settings({"broker": broker}, config=config, environ=os.environ)
    if settings.broker in {"embedded", "none"}:
        raise SettingsError(
            "no broker with dead letters: name one with --broker amqp://user@host:5672/%2Fvss, or broker in --config; "
            "a router with its own broker shows them at /api/dead-letters"
        )
    endpoint = parse_broker_url(settings.broker, os.environ)
    transport = amqp_transport(endpoint, random=random.random, name="vss-router dlq")

    async def working() -> _T:
        try:
            # A failure is told once, as the command's own; a transport would say that it goes on trying.
            broker_log = logging.getLogger("vss_router.broker")
            level = broker_log.level
            broker_log.setLevel(logging.ERROR)
            try:
                await transport.connect()
            finally:
                broker_log.setLevel(level)
            return await work(DeadLetters(transport))
        finally:
            await transport.close()

    return asyncio.run(working())


def _cells(letter: "Letter") -> tuple[str, ...]:
    return (
        letter.id,
        letter.failed_at or "",
        letter.failed_queue or "",
        f"{letter.routing_key} on {letter.exchange}" if letter.exchange else letter.routing_key,
        str(letter.attempts),
        letter.reason,
    )


def _print_json(found: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


class _Progress:
    """A bar on stderr while it is a terminal."""

    def __init__(self, word: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn(word),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(word, total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def told(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=max(done, total))
