"""`/health` and `/ready`: for orchestrators and load balancers."""

from typing import Final, Literal

import msgspec
from litestar import Router, get
from litestar.response.base import ASGIResponse

from vss_router.api.links import Links
from vss_router.api.openapi import PlainOperation, described
from vss_router.api.problems import RETRY_SECONDS, problem_response

__all__ = ["Health", "Readiness", "health_routes"]

_NO_STORE: Final = {"cache-control": "no-store"}


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Every PBX is synchronized."""

    status: Literal["ready"] = "ready"
    sources: list[str]


def health_routes(links: Links) -> Router:
    """The routes `/health` and `/ready`."""
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
        statuses = links()
        waiting = {
            source: status.login_refused or status.trouble or f"its link is {status.state}"
            for source, status in sorted(statuses.items())
            if not status.synchronized
        }
        if not statuses:
            detail = "No PBX is set up: name one with `--ami`."
        elif waiting:
            detail = " ".join(f"{source} is not synchronized: {why.rstrip('.')}." for source, why in waiting.items())
        else:
            body = msgspec.json.encode(Readiness(sources=sorted(statuses)))
            return ASGIResponse(body=body, headers=_NO_STORE, media_type="application/json")
        return problem_response(
            "not-ready",
            detail,
            "/ready",
            sources=list(waiting),
            headers={**_NO_STORE, "retry-after": str(RETRY_SECONDS)},
        )

    return Router("/", route_handlers=[health, ready], tags=["health"])
