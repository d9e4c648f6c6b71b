"""The short way for other services: a URL in, a reader, a replica or a store out, closed when the block ends.

```python
async with open_reader("redis://127.0.0.1:6379/0") as reader:
    answer = await reader.operator("PJSIP/1001")
```
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vss_router.status.redis.connection import RedisConnection
from vss_router.status.redis.endpoint import parse_redis_url
from vss_router.status.redis.reader import RedisReader
from vss_router.status.redis.replica import ReplicaReader
from vss_router.status.redis.store import RedisStore

__all__ = ["open_reader", "open_replica", "open_store"]


@asynccontextmanager
async def open_reader(url: str, prefix: str = "queue") -> AsyncIterator[RedisReader]:
    """A reader that asks Redis at each question; the first one connects.

    Raises
    ------
    SettingsError
        The URL cannot be used.
    """
    connection = RedisConnection(parse_redis_url(url, os.environ))
    try:
        yield RedisReader(connection, prefix)
    finally:
        await connection.aclose()


@asynccontextmanager
async def open_replica(url: str, prefix: str = "queue") -> AsyncIterator[ReplicaReader]:
    """A reader that keeps all rows in memory and follows their changes; it needs a moment for its first load.

    Raises
    ------
    SettingsError
        The URL cannot be used.
    """
    replica = ReplicaReader(parse_redis_url(url, os.environ), prefix)
    replica.start()
    try:
        yield replica
    finally:
        await replica.aclose()


@asynccontextmanager
async def open_store(url: str, prefix: str = "queue", *, ttl_seconds: float = 3600.0) -> AsyncIterator[RedisStore]:
    """A reader that can also set and remove rows by hand; those live for `ttl_seconds`.

    Raises
    ------
    SettingsError
        The URL cannot be used.
    """
    connection = RedisConnection(parse_redis_url(url, os.environ))
    try:
        yield RedisStore(connection, prefix, ttl_seconds=ttl_seconds)
    finally:
        await connection.aclose()
