"""`python -m benches.flood`: a simulated PBX that tells so many AMI events a second, in a process of its own.

Prints its port. With `--marks` it adds one event to each burst, a pause of `MARKED` whose reason is the monotonic clock
in nanoseconds at that moment: whoever sees the reason somewhere knows how long it took to get there.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from typing import Final

import uvloop

from vss_router.ami.simulator import Simulator, SimulatorServer

OPERATORS: Final = 1_000
QUEUES: Final = 30
WARM_UP_SECONDS: Final = 60.0
MARKED: Final = "Local/marked@bench"
MARKED_QUEUE: Final = "marked"


class MarkedBurst(list[tuple[float, bytes]]):
    """Events with a mark behind them, made when all are about to be sent.

    The fake Asterisk first looks at each event whether the account wants it: what that takes is not the router's.
    """

    def __iter__(self) -> Iterator[tuple[float, bytes]]:
        yield from super().__iter__()
        mark = (
            f"Event: QueueMemberPause\r\nPrivilege: agent,all\r\nQueue: {MARKED_QUEUE}\r\nMemberName: marked\r\n"
            f"Interface: {MARKED}\r\nStateInterface: {MARKED}\r\nMembership: dynamic\r\nPenalty: 0\r\nStatus: 1\r\n"
            f"Paused: 1\r\nPausedReason: {time.monotonic_ns()}\r\n\r\n"
        )
        yield self[-1][0], mark.encode()


class MarkedSimulator(Simulator):
    """A call centre with one more member, who tells the time."""

    def advance(self, until: float) -> list[tuple[float, bytes]]:
        """The events up to `until`, the mark behind them."""
        return MarkedBurst(super().advance(until))


async def serve(events: float, operators: int, *, marks: bool) -> None:
    kind = MarkedSimulator if marks else Simulator
    centre = kind(operators, QUEUES, events_per_second=events, start=time.time(), warm_up=WARM_UP_SECONDS)
    async with SimulatorServer(centre, secret="bench") as server:
        print(server.port, flush=True)
        begun, before = time.monotonic(), centre.events
        while True:
            await asyncio.sleep(5)
            # What it really told, for a look at the log of a run.
            print(f"{(centre.events - before) / (time.monotonic() - begun):.0f} events/s", flush=True)
            begun, before = time.monotonic(), centre.events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=5_000.0)
    parser.add_argument("--operators", type=int, default=OPERATORS)
    parser.add_argument("--marks", action="store_true")
    options = parser.parse_args()
    uvloop.run(serve(options.events, options.operators, marks=options.marks))


if __name__ == "__main__":
    main()
