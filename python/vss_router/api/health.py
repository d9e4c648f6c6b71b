"""`/health` and `/ready`: for orchestrators and load balancers."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

import msgspec
from litestar import Router, get
from litestar.response.base import ASGIResponse

from vss_router.api.links import Links
from vss_router.api.openapi import PlainOperation, described
from vss_router.api.problems import RETRY_SECONDS, problem_response

__all__ = ["Followed", "Health", "Readiness", "health_routes"]

Followed: TypeAlias = Callable[[], Mapping[str, bool]]
"""PBXs read from Redis by name, and whether their rows there are kept live."""

_NO_STORE: Final = {"cache-control": "no-store"}


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Every PBX is synchronized."""

    status: Literal["ready"] = "ready"
    sources: list[str]


def health_routes(links: Links, followed: Followed | None = None) -> Router:
    """The routes `/health` and `/ready`; `followed` stands in for `links` in a process without a PBX of its own."""
    alive = msgspec.json.encode(Health())

    @get(
        "/health",
        summary="Is the process alive",
        description="Answered without a token. Says nothing about the PBXs: see `/ready`.",
        operation_class=PlainOperation,
        responses=described(Health, Health()),
        sync_to_thread=False,
        security=[{}],
    )
    def health() -> ASGIResponse:
        return ASGIResponse(body=alive, headers=_NO_STORE, media_type="application/json")

    @get(
        "/ready",
        summary="Is every PBX synchronized",
        operation_class=PlainOperation,
        responses=described(Readiness, Readiness(sources=["main"]), 503),
        sync_to_thread=False,
    )
    def ready() -> ASGIResponse:
        if followed is None:
            sources, waiting = _linked(links)
            none = "No PBX is set up: name one with `--ami`."
        else:
            sources, waiting = _followed(followed)
            none = "No PBX stands in Redis: start a router that publishes there."
        if not sources:
            detail = none
        elif waiting:
            detail = " ".join(f"{source} is not synchronized: {why.rstrip('.')}." for source, why in waiting.items())
        else:
            body = msgspec.json.encode(Readiness(sources=sources))
            return ASGIResponse(body=body, headers=_NO_STORE, media_type="application/json")
        return problem_response(
            "not-ready",
            detail,
            "/ready",
            sources=list(waiting),
            headers={**_NO_STORE, "retry-after": str(RETRY_SECONDS)},
        )

    return Router("/", route_handlers=[health, ready], tags=["health"])


def _linked(links: Links) -> tuple[list[str], dict[str, str]]:
    """All PBXs, and why those that are not synchronized are not."""
    statuses = sorted(links().items())
    waiting = {
        source: status.login_refused or status.trouble or f"its link is {status.state}"
        for source, status in statuses
        if not status.synchronized
    }
    return [source for source, _ in statuses], waiting


def _followed(followed: Followed) -> tuple[list[str], dict[str, str]]:
    found = sorted(followed().items())
    waiting = {source: "nobody writes its status to Redis now" for source, fresh in found if not fresh}
    return [source for source, _ in found], waiting
