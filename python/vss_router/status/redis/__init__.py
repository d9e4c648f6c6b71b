"""Status in Redis, read and set from any service."""

from vss_router.status.redis.connection import RedisConnection
from vss_router.status.redis.endpoint import RedisEndpoint, parse_redis_url
from vss_router.status.redis.opening import open_reader, open_replica, open_store
from vss_router.status.redis.reader import RedisReader
from vss_router.status.redis.replica import ReplicaReader
from vss_router.status.redis.store import RedisStore

__all__ = [
    "RedisConnection",
    "RedisEndpoint",
    "RedisReader",
    "RedisStore",
    "ReplicaReader",
    "open_reader",
    "open_replica",
    "open_store",
    "parse_redis_url",
]
