"""Status in Redis, read and set from any service."""

from vss_router.status.redis.connection import RedisConnection
from vss_router.status.redis.endpoint import RedisEndpoint, parse_redis_url
from vss_router.status.redis.reader import RedisReader

__all__ = ["RedisConnection", "RedisEndpoint", "RedisReader", "parse_redis_url"]
