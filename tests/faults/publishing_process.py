"""A process that publishes without end, made to be killed: `python -m tests.faults.publishing_process URL FOLDER KIND`.

It writes into FOLDER/told.log, a line each: `seq SOURCE NUMBER` before an event is given, `id ID` after a `publish`
returned. A line is with the kernel when the write returns, so it outlives a kill.
"""

import asyncio
import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.faults.broker_transports import everything, transport_to
from tests.faults.generated_events import GeneratedEvents
from vss_router.broker.ami_publishing import AmiEvent, AmiPublishing
from vss_router.broker.outbox import Mark, Outbox
from vss_router.broker.publisher import Publisher
from vss_router.events import GacsCompleted, SyncGap, encode, new_id

SOURCES: Final = ("north", "south")
KEYS: Final = ("call.#", "sync.gap", "gacs.completed", "system.alert")
FIRST_SECONDS: Final = 5.0


def started_again(source: str, mark: Mark, first_seq: int, ids: Callable[[], str]) -> AmiEvent:
    """The gap a router tells at its start: whatever followed the mark may not have been told."""
    now = datetime.fromtimestamp(int(time.time()), UTC)
    gap = SyncGap(
        timestamp=now,
        id=ids(),
        source=source,
        seq=first_seq,
        from_seq=mark.seq,
        to_seq=first_seq,
        reason="the router was started again",
        started=datetime.fromtimestamp(int(mark.as_of), UTC),
        ended=now,
    )
    return (first_seq, gap.event, encode(gap))


async def publish(url: str, folder: Path, kind: str) -> None:
    told = os.open(folder / "told.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ids = functools.partial(new_id, time.time(), os.urandom)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    transport = transport_to(url, kind)
    outbox = Outbox(transport, path=folder / "outbox.db", memory_messages=2_000)
    publisher = Publisher(outbox, ids=ids, clock=time.time)
    give = AmiPublishing(outbox, publishes=lambda _: True, ids=ids, clock=time.time)
    await transport.declare(everything(*KEYS))
    await outbox.start()
    connecting = asyncio.create_task(transport.connect())
    await asyncio.wait({connecting}, timeout=FIRST_SECONDS)

    # As a board's: from the wall clock, in microseconds.
    boards = [GeneratedEvents(source, int(time.time() * 1_000_000)) for source in SOURCES]
    for board in boards:
        mark = outbox.marks().get(board.source)
        if mark is not None:
            give(board.source, [started_again(board.source, mark, board.next_seq, ids)])
            board.next_seq += 1

    async def publish_typed() -> None:
        while not stopping.is_set():
            name = ids()
            await publisher.publish(GacsCompleted(id=name, slot_id=1, script_name="s", result={}))
            os.write(told, f"id {name}\n".encode())
            await asyncio.sleep(0)

    publishing = [asyncio.create_task(publish_typed()) for _ in range(4)]
    while not stopping.is_set():
        for board in boards:
            events = board.take(10)
            os.write(told, "".join(f"seq {board.source} {seq}\n" for seq, _, _ in events).encode())
            give(board.source, events)
        await asyncio.sleep(0.002)
    await asyncio.gather(*publishing)
    give.close()
    await outbox.stop(60.0)
    await transport.close()
    os.close(told)
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(publish(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
