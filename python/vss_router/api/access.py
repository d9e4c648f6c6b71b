"""Who may do what: the token of the settings now, accounts with roles behind the same protocol later."""

import hmac
from typing import Any, Final, Literal, Protocol, cast, final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import HTTPScope

from vss_router.api.problems import Refusal

__all__ = ["ROLES", "Access", "OneToken", "OpenAccess", "Role", "bearer_of", "may_write"]

Role = Literal["service", "admin"]
"""Either may write rows and ask for a resync."""
ROLES: Final = "vss_router.roles"
"""Key of the ASGI scope: the roles of who asks. The edge sets it."""


class Access(Protocol):
    """Tells who asks from what a request carries."""

    def roles(self, bearer: bytes | None) -> frozenset[Role] | None:
        """The roles of whom this bearer token stands for (None: it carries none); None when they may not even read."""


@final
class OpenAccess:
    """Without a token in the settings: everyone may read, nobody may write."""

    def roles(self, bearer: bytes | None) -> frozenset[Role] | None:
        """Nobody has a role."""
        del bearer
        return frozenset()


@final
class OneToken:
    """The one token of the settings, which may do everything."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def roles(self, bearer: bytes | None) -> frozenset[Role] | None:
        """The administrator's roles; how long it takes does not depend on where the tokens differ."""
        if bearer is None or not hmac.compare_digest(bearer, self._token):
            return None
        return _ADMIN


_ADMIN: Final[frozenset[Role]] = frozenset({"admin"})
_WRITERS: Final[frozenset[Role]] = frozenset({"service", "admin"})


def bearer_of(scope: HTTPScope) -> bytes | None:
    """The bearer token of a request; None without one, and with two, of which a proxy may have judged the other."""
    given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if len(given) != 1:
        return None
    scheme, _, credentials = given[0].partition(b" ")
    return credentials.strip() if scheme.lower() == b"bearer" else None


def may_write(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Guard of the routes that change something.

    Raises
    ------
    Refusal
        Who asks has no role that may (403).
    """
    roles = cast("frozenset[Role]", connection.scope.get(ROLES, frozenset()))
    if _WRITERS.isdisjoint(roles):
        raise Refusal(
            "forbidden",
            "This router takes no writes because its settings hold no token: set http_token, then send it as "
            "`Authorization: Bearer …`.",
        )
