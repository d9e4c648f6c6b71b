"""What every request passes before a route is looked for: bounds, the bearer token, the path as it was sent."""

import hmac
from typing import Final, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from vss_router.api.problems import problem_response

__all__ = ["LONGEST_TARGET", "OPEN_PATHS", "Edge", "token_matches"]

LONGEST_TARGET: Final = 32_768
"""Bytes of path and query together: room for an id of 10 000 characters, or of 5 000 escaped Cyrillic ones."""

OPEN_PATHS: Final = frozenset({"/health"})
"""Answered without a token: an orchestrator's liveness probe has none, and the answer tells nothing."""


class Edge:
    """ASGI application in front of Litestar's router.

    Routing happens on the path as it was sent, percent-escapes included, so that `PJSIP%2F1001` is one part of a path
    and a queue called `a/b` can be named. HEAD is answered as GET without the body.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token.encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand the request on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        path = _sent_path(scope)
        if len(path) + len(scope["query_string"]) > LONGEST_TARGET:
            refusal = problem_response(
                "uri-too-long", f"Path and query are over {LONGEST_TARGET} bytes: ask for a shorter id.", path
            )
            await refusal(scope, receive, send)
            return
        if self._token is not None and path not in OPEN_PATHS and not token_matches(scope, self._token):
            refusal = problem_response(
                "unauthorized",
                "This router asks for its token: send `Authorization: Bearer …` with the token of its settings.",
                path,
                headers={"www-authenticate": 'Bearer realm="vss-router"'},
            )
            await refusal(scope, receive, _without_body(send) if scope["method"] == "HEAD" else send)
            return
        # The server keeps its own scope: to it, HEAD stays HEAD.
        inner = cast("HTTPScope", {**scope, "path": path})
        if scope["method"] == "HEAD":
            inner["method"] = "GET"
            await self._app(inner, receive, _without_body(send))
        else:
            await self._app(inner, receive, send)


def token_matches(scope: HTTPScope, token: bytes) -> bool:
    """Whether the request carries the bearer token; the time it takes does not depend on where they differ."""
    given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if len(given) != 1:
        return False
    scheme, _, credentials = given[0].partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(credentials.strip(), token)


def _sent_path(scope: HTTPScope) -> str:
    raw = scope.get("raw_path") or b""
    if not raw:
        return scope["path"]
    # Some servers leave the query in; some clients send UTF-8 without escaping it.
    return raw.partition(b"?")[0].decode("utf-8", "replace")


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
