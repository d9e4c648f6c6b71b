"""`vss-router demo`: a call centre, the router and REST in one process, out of the box."""

import asyncio
import contextlib
import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vss_router.cli.options import speed_from
from vss_router.cli.top import language_from
from vss_router.cli.words import words_in
from vss_router.errors import AmiConnectionError, ServeError

if TYPE_CHECKING:
    from vss_router.router import Router

__all__ = ["demo"]

PROGRESS_SECONDS: Final = 2.0
SYNCHRONIZED_SECONDS: Final = 15.0
LAST_RESYNC_SECONDS: Final = 10.0
_RECORDED_WRAPUP_SECONDS: Final = 3
"""Of the queues that were recorded."""
_SECRET: Final = "demo"  # noqa: S105 - of the fake Asterisk in this very process


def demo(
    *,
    duration: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="End by itself.", show_default="until Ctrl-C"),
    ] = None,
    speed: Annotated[str, typer.Option(metavar="N|max", help="Times real time, or as fast as possible.")] = "1",
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Endless simulated traffic instead of the recording.")
    ] = False,
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where REST listens.")] = "127.0.0.1:3000",
    lang: Annotated[
        str | None, typer.Option(metavar="en|ru", help="Language of the wallboard.", show_default="from the locale")
    ] = None,
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = "warning",
    log_format: Annotated[str, typer.Option(metavar="FORMAT", help="text or json.")] = "text",
) -> None:
    """Watch a recorded call centre of a real Asterisk 22 come alive.

    A fake Asterisk plays the recording over AMI, the router reads it, REST answers on 127.0.0.1:3000, and the
    terminal shows the wallboard (into a pipe: one line every two seconds). Nothing else is needed.
    """
    from rich.console import Console

    from vss_router.cli.running import ended_within, run_command
    from vss_router.cli.wallboard_live import show_live
    from vss_router.cli.wallboard_router import RouterFrames, progress_line
    from vss_router.log import configure_logging
    from vss_router.router import Router
    from vss_router.settings import load_settings

    words = words_in(language_from(lang))
    pace = speed_from(speed)
    console = Console()
    on_terminal = sys.stdout.isatty()
    settings = load_settings({"http": http, "log_level": log_level, "log_format": log_format})
    # A log line in the middle of the wallboard would tear it: it is shown after.
    held_back = io.StringIO() if on_terminal and sys.stderr.isatty() else None
    configure_logging(settings.log_level, settings.log_format, held_back)

    async def running(stop: asyncio.Event) -> None:
        async with _fake_asterisk(simulate=simulate, speed=pace) as (port, wrapup):
            given = {"ami": [f"main=demo:{_SECRET}@127.0.0.1:{port}"], "http": http, "queues": wrapup}
            async with Router(load_settings(given)) as router:
                frames = RouterFrames(router)
                rest = f"{router.http_address}/api/queue-status/operators"
                print(f"REST: {rest}", flush=True)
                end = None if duration is None else asyncio.get_running_loop().time() + duration
                await _synchronized(router, stop)
                left = None if end is None else max(0.0, end - asyncio.get_running_loop().time())
                if on_terminal:
                    await show_live(frames.read, stop, console, words, seconds=left, note=f"REST {rest} · Ctrl-C")
                else:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(left):
                            while True:
                                print(progress_line(await frames.read()), flush=True)
                                if await ended_within(stop, PROGRESS_SECONDS):
                                    break
                await _summary(router)

    try:
        run_command(running)
    finally:
        if held_back is not None:
            sys.stderr.write(held_back.getvalue())


@asynccontextmanager
async def _fake_asterisk(*, simulate: bool, speed: float | None) -> AsyncIterator[tuple[int, list[str]]]:
    """The PBX of the demo: its port, and the wrap-up of its queues, written as a setting."""
    if simulate:
        from vss_router.ami.simulator import SimulatorServer

        async with SimulatorServer(speed=speed, secret=_SECRET) as simulator:
            wrapup = simulator.simulator.wrapup_seconds
            yield simulator.port, [f"{queue}.wrapup_seconds={seconds}" for queue, seconds in wrapup.items()]
        return
    from vss_router.ami.replay import ReplayServer

    with as_file(files("vss_router") / "data" / "demo.ami.gz") as recording:
        server = ReplayServer(recording, speed=speed, loop=True, secret=_SECRET)
    async with server:
        yield server.port, [f"*.wrapup_seconds={_RECORDED_WRAPUP_SECONDS}"]


async def _synchronized(router: "Router", stop: asyncio.Event) -> None:
    """Wait for the first snapshot: before, there is nothing to show."""
    ready = asyncio.ensure_future(router.synchronized())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((ready, stopped), timeout=SYNCHRONIZED_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done() and not stopped.done():
            troubles = "; ".join(filter(None, (status.trouble for status in router.status().values())))
            raise ServeError(
                f"the demo did not get its first snapshot within {SYNCHRONIZED_SECONDS:g} s"
                f" ({troubles or 'no trouble was reported'}): please report this with the output of --log-level debug"
            )
    finally:
        ready.cancel()
        stopped.cancel()


async def _summary(router: "Router") -> None:
    """What was seen, after one more comparison with the PBX's own lists."""
    from vss_router.cli.wallboard import core_drift

    for source, link in router.links.items():
        compared = "after a last comparison with Asterisk's own lists"
        try:
            async with asyncio.timeout(LAST_RESYNC_SECONDS):
                await link.resync()
        except (AmiConnectionError, TimeoutError):
            compared = "at the last comparison with Asterisk's own lists"
        drift = core_drift(link.status.drift, link.status.resync_last_reason)
        fields = f" ({', '.join(f'{field} {count}' for field, count in sorted(drift.items()))})" if drift else ""
        stats = router.boards[source].stats()
        print(
            f"{source}: {stats['operators']} operators, {stats['channels']} channels, {stats['calls']} calls, "
            f"{stats['queues']} queues, {stats['callers']} waiting; {stats['messages']} AMI messages, "
            f"{stats['emitted']} typed events, {stats['resyncs']} resyncs; "
            f"drift {sum(drift.values())}{fields} {compared}."
        )
