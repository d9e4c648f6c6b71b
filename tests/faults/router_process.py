"""A whole router, made to be killed: `python -m tests.faults.router_process AMI-PORT BROKER-URL FOLDER TRANSPORT`.

It writes into FOLDER/told.log a line `seq main NUMBER` for each typed event before the broker's side sees it. A line is
with the kernel when the write returns, so it outlives a kill.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Literal, cast

from vss_router.event_fanout import TypedEvent
from vss_router.log import configure_logging
from vss_router.router import Router
from vss_router.settings import Settings


async def serve(ami_port: int, url: str, folder: Path, transport: Literal["lapin", "aio_pika"]) -> None:
    configure_logging("info")
    told = os.open(folder / "told.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    router = Router.from_settings(
        Settings(
            ami=[f"main=router:secret@127.0.0.1:{ami_port}"],
            http="127.0.0.1:0",
            data_dir=str(folder / "data"),
            database="none",
            broker=url,
            broker_transport=transport,
        )
    )

    def tell(source: str, events: list[TypedEvent]) -> None:
        os.write(told, "".join(f"seq {source} {seq}\n" for seq, _, _ in events).encode())

    router.on_events(tell)
    async with router:
        await router.serve_until(stopping)
    os.close(told)


if __name__ == "__main__":
    kind = cast("Literal['lapin', 'aio_pika']", sys.argv[4])
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), kind))
