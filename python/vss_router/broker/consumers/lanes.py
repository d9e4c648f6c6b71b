"""The lanes of the delayed retry: queues in which a message waits until its time is over, then goes back.

```
 queue ─▶ handler failed ─▶ vss.retry (headers) ─ retry-ms ─▶ vss.retry.5000 ─ 5 s, expired ─▶ default exchange ─▶ queue
                                                    └───────▶ vss.retry.6000 …
```

One lane has one delay, so that none waits behind a longer one. The copy's routing key is the queue to come back to.
"""

from collections.abc import Iterable
from typing import Final

from vss_router.broker.topology import Binding, DeadLetter, Exchange, Limits, Queue, Topology

__all__ = ["DELAY_HEADER", "RETRY_EXCHANGE", "is_lane_queue", "lane_queue", "retry_topology"]

RETRY_EXCHANGE: Final = "vss.retry"
DELAY_HEADER: Final = "retry-ms"
"""No `x-` in front: a headers exchange does not compare headers that begin so."""


def lane_queue(milliseconds: int) -> str:
    """The name of a lane's queue."""
    return f"{RETRY_EXCHANGE}.{milliseconds}"


def is_lane_queue(name: str) -> bool:
    """Whether a queue of this name is a lane."""
    delay = name.removeprefix(f"{RETRY_EXCHANGE}.")
    return delay != name and delay.isdecimal()


def retry_topology(lanes: Iterable[int], parking: Queue) -> Topology:
    """The retry exchange with these lanes (milliseconds), and the queue where messages are parked."""
    delays = sorted(lanes)
    return Topology(
        exchanges=(Exchange(name=RETRY_EXCHANGE, kind="headers"),),
        queues=(*(_lane(delay) for delay in delays), parking),
        bindings=tuple(
            Binding(exchange=RETRY_EXCHANGE, queue=lane_queue(delay), arguments={"x-match": "all", DELAY_HEADER: delay})
            for delay in delays
        ),
    )


def _lane(delay: int) -> Queue:
    # As arguments: nobody else declares a lane, and without its limits nothing would come back out of it.
    limits = Limits(ttl_ms=delay, dead_letter=DeadLetter(""))
    return Queue(name=lane_queue(delay), limits=limits, limits_by="arguments")
