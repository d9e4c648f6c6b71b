"""Keeps a wallboard on the terminal until asked to stop."""

import asyncio
from collections.abc import Awaitable, Callable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from vss_router.cli.running import ended_within
from vss_router.cli.wallboard import Frame
from vss_router.cli.wallboard_view import wallboard
from vss_router.cli.words import Words

__all__ = ["print_once", "show_live"]

REFRESH_SECONDS = 0.5


def print_once(frame: Frame, console: Console, words: Words) -> None:
    """One frame as plain output, every row of it."""
    console.print(wallboard(frame, words, console.width))


async def show_live(
    read: Callable[[], Awaitable[Frame]],
    stop: asyncio.Event,
    console: Console,
    words: Words,
    *,
    seconds: float | None = None,
    note: str = "",
) -> None:
    """Draw `read()` twice a second on the whole screen, until `stop` or for `seconds`; `note` stands beneath."""
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            frame = await read()
            board = wallboard(frame, words, console.width, console.height - 1)
            live.update(Group(board, Text(f" {note}", style="dim", no_wrap=True, overflow="ellipsis")), refresh=True)
            left = REFRESH_SECONDS if end is None else min(REFRESH_SECONDS, end - loop.time())
            if left <= 0 or await ended_within(stop, left):
                return
