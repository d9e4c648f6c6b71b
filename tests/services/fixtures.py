"""Private servers for tests: Redis alone, behind Sentinel, as a Cluster; PostgreSQL; RabbitMQ.

A test asks for `redis_server`, `redis_cluster` or `postgres_database` and gets one that is empty, or for `rabbitmq` and
makes itself a virtual host (`rabbitmq.new_vhost()` gives its URL); the server behind it starts once per worker. A test
that kills, pauses or configures its server asks `start_redis`, `start_sentinel`, `start_cluster`, `start_postgres` or
`start_rabbitmq` for one of its own. All of them listen on loopback ports that were free, live in
folders of their own and are ended by pid. A missing program is installed or skips the test (`programs.py`).

Why not pytest-redis (5.0) and pytest-postgresql (10.0), both maintained: they start one server and stop it, whereas
half of our tests are about a server that is killed, hangs, comes back on its port, speaks TLS, refuses a user, fails
over or is one of three; pytest-postgresql brings psycopg and pg_ctl, which root may not run. With starters of our own
for those, theirs would be a second way to do the rest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.services.certificates import Certificates, make_certificates
from tests.services.postgres_server import PostgresServer
from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.redis_cluster import RedisCluster
from tests.services.redis_sentinel import RedisSentinel
from tests.services.redis_server import RedisServer

__all__ = ["LARGEST_MESSAGE", "StartCluster", "StartPostgres", "StartRabbitMq", "StartRedis", "StartSentinel"]


class StartRedis(Protocol):
    """Starts a Redis of the test's own; the parameters are those of `RedisServer`."""

    def __call__(
        self,
        *,
        arguments: Sequence[str] = (),
        acl: str | None = None,
        password: str | None = None,
        tls: Certificates | None = None,
    ) -> RedisServer: ...


class StartCluster(Protocol):
    """Starts a Cluster of the test's own."""

    def __call__(self, *, partial: bool = False) -> RedisCluster: ...


class StartRabbitMq(Protocol):
    """Starts a RabbitMQ of the test's own; the parameters are those of `RabbitMqServer`."""

    def __call__(
        self, *, settings: Mapping[str, str] | None = None, tls: Certificates | None = None
    ) -> RabbitMqServer: ...


StartSentinel = Callable[[], RedisSentinel]
StartPostgres = Callable[..., PostgresServer]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The worker's Redis; tests take `redis_server`."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> Iterator[RedisServer]:
    """An empty Redis, to be used as it is: no `CONFIG SET`, no `kill`."""
    shared_redis.flush()
    yield shared_redis
    shared_redis.flush()


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Starts Redis servers that the test may do anything to."""
    with ExitStack() as ending:

        def start(
            *,
            arguments: Sequence[str] = (),
            acl: str | None = None,
            password: str | None = None,
            tls: Certificates | None = None,
        ) -> RedisServer:
            folder = tmp_path / f"redis-{len(list(tmp_path.glob('redis-*')))}"
            folder.mkdir()
            server = RedisServer(folder, arguments=arguments, acl=acl, password=password, tls=tls)
            ending.callback(server.stop)
            return server.start()

        yield start


@pytest.fixture
def start_sentinel(tmp_path: Path) -> Iterator[StartSentinel]:
    """Starts a Sentinel with its master and replica that the test may do anything to."""
    with ExitStack() as ending:

        def start() -> RedisSentinel:
            folder = tmp_path / f"sentinel-{len(list(tmp_path.glob('sentinel-*')))}"
            folder.mkdir()
            sentinel = RedisSentinel(folder)
            ending.callback(sentinel.stop)
            return sentinel.start()

        yield start


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """The worker's Cluster; tests take `redis_cluster`."""
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture
def redis_cluster(shared_cluster: RedisCluster) -> Iterator[RedisCluster]:
    """An empty Cluster of three masters, to be used as it is."""
    shared_cluster.flush()
    yield shared_cluster
    shared_cluster.flush()


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[StartCluster]:
    """Starts a Cluster that the test may do anything to."""
    with ExitStack() as ending:

        def start(*, partial: bool = False) -> RedisCluster:
            folder = tmp_path / f"cluster-{len(list(tmp_path.glob('cluster-*')))}"
            folder.mkdir()
            cluster = RedisCluster(folder, partial=partial)
            ending.callback(cluster.stop)
            return cluster.start()

        yield start


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The worker's PostgreSQL; a test takes `postgres_database`, or copies a template of its own with it."""
    server = PostgresServer()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database of the test's own."""
    url = postgres_server.fresh_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def start_postgres() -> Iterator[StartPostgres]:
    """Starts PostgreSQL servers that the test may do anything to."""
    with ExitStack() as ending:

        def start(settings: dict[str, str] | None = None) -> PostgresServer:
            server = PostgresServer(settings)
            ending.callback(server.remove)
            return server.start()

        yield start


LARGEST_MESSAGE: Final = 2 << 20
"""Bytes of a message that the worker's RabbitMQ takes; its own default, 128 MiB, is more than a test may send."""


@pytest.fixture(scope="session")
def shared_rabbitmq(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[RabbitMqServer]:
    """The worker's RabbitMQ; tests take `rabbitmq`."""
    server = RabbitMqServer(
        tmp_path_factory.mktemp("rabbitmq"), settings={"max_message_size": str(LARGEST_MESSAGE)}, tls=certificates
    )
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def rabbitmq(shared_rabbitmq: RabbitMqServer) -> Iterator[RabbitMqServer]:
    """A RabbitMQ without virtual hosts or users of other tests, with TLS beside the plain port.

    It may be begun again (`begin_again`) and must be left running and calm.
    """
    yield shared_rabbitmq
    shared_rabbitmq.clear()


@pytest.fixture
def start_rabbitmq(tmp_path: Path) -> Iterator[StartRabbitMq]:
    """Starts RabbitMQ servers that the test may do anything to; each takes ten seconds to start."""
    with ExitStack() as ending:

        def start(*, settings: Mapping[str, str] | None = None, tls: Certificates | None = None) -> RabbitMqServer:
            folder = tmp_path / f"rabbitmq-{len(list(tmp_path.glob('rabbitmq-*')))}"
            folder.mkdir()
            server = RabbitMqServer(folder, settings=settings, tls=tls)
            ending.callback(server.remove)
            return server.start()

        yield start
