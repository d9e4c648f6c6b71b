"""A worker as a process of its own: `python consuming_process.py URL GRACE`.

Handles leads with a few at a time, each taking a moment; says what it began and what it finished, a line each. SIGTERM
drains it within GRACE seconds; lead `stubborn` never ends and ignores its cancellation.
"""

import asyncio
import random
import signal
import sys

from vss_router.broker.consumers import Consumers
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.vss_topology import vss_topology
from vss_router.events import AutodialLead


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def work(url: str, grace: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    transport = LapinTransport(parse_broker_url(url), random=random.random)
    await transport.declare(vss_topology())
    await transport.connect()
    consumers = Consumers(transport, topology=vss_topology(), instance="child")

    @consumers.consumer("vss.autodial.leads", AutodialLead, concurrency=4, prefetch=20)
    async def dial(lead: AutodialLead) -> None:
        say("began", lead.lead_id)
        while lead.lead_id == "stubborn":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue
        await asyncio.sleep(0.05)
        say("finished", lead.lead_id)

    await consumers.start()
    say("ready")
    await stop.wait()
    drained = await consumers.drain(grace)
    say("drained", drained.finished, drained.requeued)
    await transport.close()
    say("closed")


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], float(sys.argv[2])))
