"""P7: how long from the byte of an AMI event to the row in Redis, while 5 000 events a second come in.

The flood's marked member tells the monotonic clock at which its event was made; whoever follows `changes` and reads the
marked row sees how old it is. Processes of one machine share that clock.
"""

import re
import time
from statistics import quantiles
from typing import Any

import msgspec
import redis

from benches.flood import MARKED
from benches.schema import Side
from benches.servers import HOST, flood, redis_server, router
from tests.services.redis_server import RedisServer
from vss_router.status.redis.keys import SourceKeys

ROUNDS = 5
SECONDS = 5.0
EVENTS = 5_000.0
BLOCK_MILLISECONDS = 1_000

REASON = re.compile(rb'"paused_reason":"(\d+)"')


class Rows(msgspec.Struct):
    """The part of an entry of `changes` that is looked at."""

    operators: list[str]


def ages(server: RedisServer, seconds: float) -> list[float]:
    """Follow `changes` for so long; seconds from each mark that was met to the moment it could be read."""
    keys = SourceKeys("queue", "main")
    marked = keys.row("operators", MARKED.encode())
    found: list[float] = []
    last: Any = "$"
    end = time.monotonic() + seconds
    # RESP 2, whose answer to XREAD has one shape: [[stream, [(id, fields), …]]].
    with redis.Redis(host=HOST, port=server.port, protocol=2) as client:
        while time.monotonic() < end:
            streams: Any = client.xread({keys.changes: last}, block=BLOCK_MILLISECONDS)
            if not streams:
                continue
            [[_, entries]] = streams
            last = entries[-1][0]
            if not any(names_marked(fields[b"rows"]) for _, fields in entries):
                continue
            row: Any = client.get(marked)
            seen = time.monotonic_ns()
            if row and (reason := REASON.search(row)):
                found.append((seen - int(reason[1])) / 1e9)
    return found


def names_marked(rows: bytes) -> bool:
    return rows == b"*" or MARKED in msgspec.json.decode(rows, type=Rows).operators


def sides() -> list[Side]:
    """Measure, when there is a Redis.

    Raises
    ------
    RuntimeError
        The marks did not arrive.
    """
    with redis_server() as server:
        if server is None:
            return []
        with (
            flood(EVENTS, "--marks") as ami_port,
            router(ami_port, "--database", "none", "--redis", server.url),
        ):
            ages(server, 2.0)
            rounds = [ages(server, SECONDS) for _ in range(ROUNDS)]
    if any(len(found) < 10 for found in rounds):
        raise RuntimeError(f"the marks did not arrive in Redis: {[len(found) for found in rounds]} in {ROUNDS} rounds")
    cuts = [quantiles(found, n=100) for found in rounds]
    return [
        Side(name="visible p50", harness="beside", unit="s", rounds=[cut[49] for cut in cuts]),
        Side(name="visible p99", harness="beside", unit="s", rounds=[cut[98] for cut in cuts]),
    ]
