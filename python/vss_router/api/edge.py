"""What every request passes before a route is looked for: bounds, who asks, the path as it was sent."""

from typing import Any, Final, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from vss_router.api.access import ROLES, Access, bearer_of
from vss_router.api.event_stream import HEAD_ONLY
from vss_router.api.problems import METHODS_ASKED, problem_response
from vss_router.api.row_lane import RowLane

__all__ = ["LONGEST_TARGET", "OPEN_PATHS", "Edge"]

LONGEST_TARGET: Final = 32_768
"""Bytes of path and query together: room for an id of 10 000 characters, or of 5 000 escaped Cyrillic ones."""

OPEN_PATHS: Final = frozenset({"/health"})
"""Answered without a token: an orchestrator's liveness probe has none, and the answer tells nothing."""


class Edge:
    """ASGI application in front of Litestar's router.

    Routing happens on the path as it was sent, percent-escapes included, so that `PJSIP%2F1001` is one part of a path
    and a queue called `a/b` can be named. HEAD is answered as GET without the body.
    """

    def __init__(self, app: ASGIApp, access: Access, rows: RowLane) -> None:
        self._app = app
        self._access = access
        self._rows = rows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal or a plain question for one row, or hand the request on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        path = _sent_path(scope)
        head = scope["method"] == "HEAD"
        if len(path) + len(scope["query_string"]) > LONGEST_TARGET:
            refusal = problem_response(
                "uri-too-long", f"Path and query are over {LONGEST_TARGET} bytes: ask for a shorter id.", path
            )
            await refusal(scope, receive, _without_body(send) if head else send)
            return
        roles = self._access.roles(bearer_of(scope))
        if roles is None and path not in OPEN_PATHS:
            refusal = problem_response(
                "unauthorized",
                "This router asks for its token: send `Authorization: Bearer …` with the token of its settings.",
                path,
                headers={"www-authenticate": 'Bearer realm="vss-router"'},
            )
            await refusal(scope, receive, _without_body(send) if head else send)
            return
        if scope["method"] == "GET" and await self._rows.answers(scope, path, send):
            return
        # The server keeps its own scope: to it, HEAD stays HEAD.
        inner: dict[str, Any] = {**scope, "path": path, ROLES: roles or frozenset()}
        if scope["method"] == "OPTIONS":
            inner["method"] = METHODS_ASKED
        if head:
            inner["method"] = "GET"
            inner[HEAD_ONLY] = True
            send = _without_body(send)
        await self._app(cast("HTTPScope", inner), receive, send)


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
