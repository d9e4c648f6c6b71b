"""Clients of redis-py for an endpoint, with time-outs of our own, and the sentences of what can go wrong with them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar, cast, final

import redis.asyncio as redis_client
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    ClusterError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from vss_router.errors import RedisRefusedError, RedisUnavailableError
from vss_router.status.redis.endpoint import RedisEndpoint

__all__ = ["RedisClient", "RedisConnection"]

CONNECT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 1.0
MOST_CONNECTIONS: Final = 64
"""Per server; whoever comes when all are in use gets an error, not a place in an endless queue."""

_T = TypeVar("_T")


class RedisClient(Protocol):
    """What is used of a client of redis-py, of one server or a Cluster; answers are bytes."""

    # ruff: disable[D102]
    async def get(self, name: bytes, /) -> bytes | None: ...
    async def execute_command(self, *words: Any, **options: Any) -> Any: ...
    def pipeline(self, transaction: bool = ...) -> Any: ...
    async def aclose(self) -> None: ...

    # ruff: enable[D102]


@final
class RedisConnection:
    """One client and its pool of connections, made at the first question.

    `answer_seconds` bounds the wait for each answer. A connection that was cut while it lay idle is made again once,
    without a wait; anything more is for the caller to decide.
    """

    def __init__(
        self,
        endpoint: RedisEndpoint,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.endpoint: Final = endpoint
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._sentinel: Sentinel | None = None
        self.client: Final[RedisClient] = self._made()

    async def ask(self, question: Callable[[RedisClient], Awaitable[_T]]) -> _T:
        """What the question gives.

        Raises
        ------
        RedisUnavailableError
            Redis does not answer.
        RedisRefusedError
            It answers that it will not.
        """
        try:
            return await question(self.client)
        except (
            RedisConnectionError,
            RedisTimeoutError,
            RedisClusterException,
            ClusterError,
            ClusterDownError,
            OSError,
        ) as error:
            raise self._unavailable(error) from error
        except ResponseError as error:
            raise self._refused(error) from error
        except RedisError as error:
            raise self._unavailable(error) from error

    async def aclose(self) -> None:
        """Close all connections."""
        await self.client.aclose()
        client: object = self.client
        if isinstance(client, RedisCluster):
            # Its own way out leaves all connections open when a node has failed and nobody has asked again since.
            for kept in ("nodes_cache", "startup_nodes"):
                await client.nodes_manager.aclose(kept)
        if self._sentinel is not None:
            await self._sentinel.aclose()

    def _unavailable(self, error: Exception) -> RedisUnavailableError | RedisRefusedError:
        if isinstance(error, AuthenticationError):
            return RedisRefusedError(
                f"Redis at {self.endpoint.url} refuses the login ({_said(error)}): check the user and the password."
            )
        if isinstance(error, RedisTimeoutError | TimeoutError):
            return RedisUnavailableError(
                f"Redis at {self.endpoint.url} does not answer within {self._answer_seconds:g} s: look at its load."
            )
        return RedisUnavailableError(
            f"Redis at {self.endpoint.url} cannot be reached ({_said(error)}): check that it runs and the URL."
        )

    def _refused(self, error: ResponseError) -> RedisUnavailableError | RedisRefusedError:
        said = _said(error)
        if isinstance(error, NoPermissionError):
            return RedisRefusedError(
                f"Redis at {self.endpoint.url} does not let this user do it ({said}): "
                "give the rights that docs/redis.md lists."
            )
        if said.startswith(("LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY")):
            return RedisUnavailableError(f"Redis at {self.endpoint.url} is not ready ({said}): wait a moment.")
        return RedisRefusedError(f"Redis at {self.endpoint.url} answers with an error: {said}")

    def _made(self) -> RedisClient:
        endpoint = self.endpoint
        login: dict[str, Any] = {
            "username": endpoint.username,
            "password": endpoint.password.reveal() if endpoint.password is not None else None,
        }
        limits: dict[str, Any] = {
            "socket_connect_timeout": self._connect_seconds,
            "socket_timeout": self._answer_seconds,
            "protocol": 2,
            # Not for time-outs: asking again would double what the caller waits.
            "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        }
        tls: dict[str, Any] = {}
        if endpoint.tls:
            tls = {
                "ssl": True,
                "ssl_ca_certs": endpoint.ca,
                "ssl_certfile": endpoint.certificate,
                "ssl_keyfile": endpoint.private_key,
            }
        if endpoint.mode == "cluster":
            nodes = [ClusterNode(host, port) for host, port in endpoint.addresses]
            return cast(
                "RedisClient",
                RedisCluster(
                    startup_nodes=nodes,
                    # Another node's loss is not our slot's.
                    require_full_coverage=False,
                    max_connections=MOST_CONNECTIONS,
                    **login,
                    **limits,
                    **tls,
                ),
            )
        limits |= {
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
            "max_connections": MOST_CONNECTIONS,
        }
        if endpoint.mode == "sentinel":
            its_login: dict[str, Any] = {
                "username": endpoint.sentinel_username,
                "password": endpoint.sentinel_password.reveal() if endpoint.sentinel_password is not None else None,
            }
            self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
                list(endpoint.addresses),
                sentinel_kwargs=its_login | limits | tls,
                db=endpoint.database,
                **login,
                **limits,
                **tls,
            )
            return cast("RedisClient", self._sentinel.master_for(endpoint.master or ""))
        if endpoint.unix_path is not None:
            client = redis_client.Redis(unix_socket_path=endpoint.unix_path, db=endpoint.database, **login, **limits)
            return cast("RedisClient", client)
        ((host, port),) = endpoint.addresses
        return cast(
            "RedisClient", redis_client.Redis(host=host, port=port, db=endpoint.database, **login, **limits, **tls)
        )


def _said(error: Exception) -> str:
    """The error's words on one line, short enough for a sentence."""
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "…"
