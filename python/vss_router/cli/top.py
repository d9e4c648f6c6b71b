"""`vss-router top`: the wallboard of a running router."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vss_router.cli.words import LANGUAGES, Language, language_of, words_in
from vss_router.errors import ServeError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vss_router.cli.wallboard import Frame
    from vss_router.cli.wallboard_rest import RestFrames

__all__ = ["language_from", "top"]


def top(
    *,
    url: Annotated[str, typer.Option(metavar="URL", help="The router's REST interface.")] = "http://127.0.0.1:3000",
    token: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", help="Its token; rather than here, in VSS_ROUTER_HTTP_TOKEN or a file."),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(metavar="FILE", help="First line: the token.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Print one frame, every row of it, and exit.")] = False,
    width: Annotated[int | None, typer.Option(min=40, help="Columns of --once.", show_default="the terminal's")] = None,
    lang: Annotated[str | None, typer.Option(metavar="en|ru", help="Language.", show_default="from the locale")] = None,
) -> None:
    """Show a live wallboard: queues, who waits, operators by state. Ctrl-C ends it.

    The longest wait turns red when it is over the queue's service level. Into a pipe it prints one frame, as with
    [green]--once[/].
    """
    from rich.console import Console

    from vss_router.cli.running import run_command
    from vss_router.cli.wallboard_live import print_once, show_live
    from vss_router.cli.wallboard_rest import RestFrames
    from vss_router.settings import load_settings

    words = words_in(language_from(lang))
    given = {"http_token": token, "http_token_file": str(token_file) if token_file else None}
    if token is None and token_file is None:
        given["http_token"] = os.environ.get("VSS_ROUTER_HTTP_TOKEN")
    secret = load_settings(given).http_token
    console = Console(width=width)

    async def watching(stop: asyncio.Event) -> None:
        async with RestFrames(url, secret) as frames:
            first = await frames.read()
            if once or not sys.stdout.isatty():
                print_once(first, console, words)
            else:
                await show_live(_unbroken(frames, first), stop, console, words, note=f"{url} · Ctrl-C")

    run_command(watching)


def _unbroken(frames: "RestFrames", first: "Frame") -> "Callable[[], Awaitable[Frame]]":
    """Frames for ever: while the router is away the last one stands there, marked as old."""
    import msgspec

    last = first

    async def read() -> "Frame":
        nonlocal last
        try:
            last = await frames.read()
        except ServeError as error:
            lines = [msgspec.structs.replace(line, state="down", trouble=str(error)) for line in last.lines]
            return msgspec.structs.replace(last, lines=lines)
        return last

    return read


def language_from(lang: str | None) -> Language:
    """The language of `--lang`, or the locale's.

    Raises
    ------
    SettingsError
        There is no such language here.
    """
    if lang is None:
        return language_of()
    for known in LANGUAGES:
        if lang == known:
            return known
    raise SettingsError(f'the language "{lang}" of --lang is not known here: choose one of {", ".join(LANGUAGES)}')
