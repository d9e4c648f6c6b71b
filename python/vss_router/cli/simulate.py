"""`vss-router simulate`: an endless, invented call centre behind a fake Asterisk."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from vss_router.cli.options import speed_from

__all__ = ["simulate"]


def simulate(
    *,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the fake Asterisk listens.")] = (
        "127.0.0.1:5038"
    ),
    operators: Annotated[int, typer.Option(min=1, metavar="N", help="How many operators.")] = 40,
    queues: Annotated[int, typer.Option(min=1, metavar="N", help="How many queues.")] = 4,
    calls_per_second: Annotated[
        float | None, typer.Option(metavar="N", help="New calls a second.", show_default="what keeps them busy")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same calls.")] = 1,
    speed: Annotated[str, typer.Option(metavar="N|max", help="Times real time, or as fast as it is read.")] = "1",
    secret: Annotated[
        str | None, typer.Option(metavar="SECRET", help="The secret a login must bring.", show_default="any")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rather than listen, write a recording for verify and replay."),
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="SECONDS", help="Length of the recording of --write.")] = 120.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the FILE of --write if it is there.")] = False,
) -> None:
    """Serve an invented call centre as a fake Asterisk, for tests and measurements.

    Its traffic is endless and consistent: what the lists say is what the events told.
    """
    from vss_router.ami.simulator import Simulator, SimulatorServer
    from vss_router.cli.running import run_command
    from vss_router.errors import CaptureError
    from vss_router.settings import host_and_port

    host, port = host_and_port(listen, "--listen")
    pace = speed_from(speed)

    if write is not None:
        if write.exists() and not overwrite:
            raise CaptureError(f"{write} is there already: choose another name, or ask to overwrite it.")
        events = Simulator(operators, queues, calls_per_second=calls_per_second, seed=seed).record(write, seconds)
        print(f"{events} events of {seconds:g} s in {write}.")
        return

    async def serving(stop: asyncio.Event) -> None:
        # Its time is the wall clock's, so that waits and states read as they would in life.
        centre = Simulator(operators, queues, calls_per_second=calls_per_second, seed=seed, start=time.time())
        async with SimulatorServer(centre, host, port, speed=pace, secret=secret) as server:
            shown = f"{operators} operators, {queues} queues, {server.simulator.calls_per_second:.2g} calls/s"
            print(f"Simulating {shown} on {host or '*'}:{server.port} as a fake Asterisk; Ctrl-C ends it.", flush=True)
            await stop.wait()
            print(f"{server.simulator.events} events.")

    run_command(serving)
