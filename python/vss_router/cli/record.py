"""`vss-router record`: a live PBX written to a file."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["record"]


def record(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; compressed when it ends in .gz.")],
    *,
    ami: Annotated[
        str,
        typer.Option(metavar="NAME=USER:SECRET@HOST:PORT", help="The PBX, written as for serve.", show_default=False),
    ],
    seconds: Annotated[float, typer.Option(min=1.0, metavar="SECONDS", help="How long to record.")] = 300.0,
    every: Annotated[
        float, typer.Option(min=1.0, metavar="SECONDS", help="How often Asterisk is asked for its own lists.")
    ] = 20.0,
    mask_numbers: Annotated[
        bool, typer.Option("--mask-numbers", help="Replace phone numbers, each always by the same other one.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it is there.")] = False,
) -> None:
    """Record a PBX, with Asterisk's own lists in between, for verify and replay.

    The account needs no more rights than serve's. Ctrl-C ends the recording early; what was recorded is kept.
    """
    from vss_router.ami.endpoint import parse_endpoint
    from vss_router.ami.record import record as record_session
    from vss_router.cli.running import run_command

    endpoint = parse_endpoint(ami, os.environ)

    async def recording(stop: asyncio.Event) -> None:
        print(f"Recording {endpoint.url} for {seconds:g} s into {out} …", flush=True)
        work = asyncio.ensure_future(
            record_session(endpoint, out, seconds=seconds, every=every, mask=mask_numbers, overwrite=overwrite)
        )
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait((work,))
            print(f"Ended early; what was recorded is in {out}.")
            return
        summary = work.result()
        refused = f"; refused to this account: {', '.join(summary.refused)}" if summary.refused else ""
        early = "; the PBX ended the session" if summary.closed_early else ""
        print(f"{summary.bytes} bytes of AMI with {summary.sets} sets of lists{refused}{early}.")

    run_command(recording)
