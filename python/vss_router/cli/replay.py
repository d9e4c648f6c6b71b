"""`vss-router replay`: a recording served as the PBX it was made from."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from vss_router.cli.options import speed_from

__all__ = ["replay"]


def replay(
    captures: Annotated[
        list[Path],
        typer.Argument(
            metavar="CAPTURE...",
            help="Recordings, plain or gzip; several are played one after the other, as a PBX that restarts.",
        ),
    ],
    *,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the fake Asterisk listens.")] = (
        "127.0.0.1:5038"
    ),
    speed: Annotated[str, typer.Option(metavar="N|max", help="Times real time, or as fast as it is read.")] = "1",
    loop: Annotated[bool, typer.Option("--loop", help="Start anew at the end, as after a restart.")] = False,
    secret: Annotated[
        str | None, typer.Option(metavar="SECRET", help="The secret a login must bring.", show_default="any")
    ] = None,
) -> None:
    """Serve a recording as a fake Asterisk, for any AMI client.

    Play starts with the first login that reads events. Lists are answered with the next recorded ones.
    """
    from vss_router.ami.replay import ReplayServer
    from vss_router.cli.running import run_command
    from vss_router.settings import host_and_port

    host, port = host_and_port(listen, "--listen")
    server = ReplayServer(captures, host, port, speed=speed_from(speed), loop=loop, secret=secret)

    async def serving(stop: asyncio.Event) -> None:
        async with server:
            shown = ", ".join(capture.name for capture in captures)
            print(f"Replaying {shown} on {host or '*'}:{server.port} as a fake Asterisk; Ctrl-C ends it.", flush=True)
            await stop.wait()
            stats = server.stats
            print(f"{stats.events} events to {stats.logins} logins, {stats.restarts} restarts.")

    run_command(serving)
