"""`/api/rabbitmq/metrics`: how full the queues are, over the connection that the router has anyway."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from litestar import Router, get
from litestar.response.base import ASGIResponse

from vss_router.api.openapi import PlainOperation, described
from vss_router.api.problems import Refusal
from vss_router.broker.transport import QueueCounts
from vss_router.errors import BrokerError

__all__ = ["BROKER_METRICS_PATH", "BrokerMetrics", "QueueFill", "QueueInspector", "broker_metrics_routes"]

BROKER_METRICS_PATH: Final = "/api/rabbitmq/metrics"
_LONGEST_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 5


class QueueInspector(Protocol):
    """What the route needs of a `vss_router.broker.Transport`, which documents it."""

    # ruff: disable[D102]
    async def inspect(self, queue: str) -> QueueCounts | None: ...

    # ruff: enable[D102]


class QueueFill(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Messages ready in a queue, and its consumers."""

    message_count: int
    consumer_count: int


class BrokerMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The queues by name; one that is not there is left out. `exchanges` is empty: they hold nothing."""

    exchanges: dict[str, QueueFill] = {}
    queues: dict[str, QueueFill]


_EXAMPLE: Final = BrokerMetrics(
    queues={
        "vss.call.events": QueueFill(message_count=0, consumer_count=1),
        "vss.autodial.leads": QueueFill(message_count=1250, consumer_count=2),
    }
)


def broker_metrics_routes(
    inspector: QueueInspector | None, queues: Sequence[str], *, seconds: float = _LONGEST_SECONDS
) -> Router:
    """The route, about `queues`; without an inspector (no broker) it answers 503, as it does after `seconds`."""

    @get(
        "/",
        summary="How full the queues are",
        description="Messages ready (those that a consumer has and did not acknowledge are not counted) and consumers.",
        operation_class=PlainOperation,
        responses=described(BrokerMetrics, _EXAMPLE, "no-broker"),
    )
    async def broker_metrics() -> ASGIResponse:
        if inspector is None:
            raise Refusal("no-broker", "This router has no broker: set `broker`.", retry_seconds=_RETRY_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                told = {queue: await inspector.inspect(queue) for queue in queues}
        except TimeoutError:
            raise Refusal(
                "no-broker", f"The broker did not answer within {seconds:g} s.", retry_seconds=_RETRY_SECONDS
            ) from None
        except BrokerError as error:
            raise Refusal("no-broker", f"The broker cannot be asked: {error}.", retry_seconds=_RETRY_SECONDS) from error
        metrics = BrokerMetrics(
            queues={
                queue: QueueFill(message_count=counts.messages, consumer_count=counts.consumers)
                for queue, counts in told.items()
                if counts is not None
            }
        )
        return ASGIResponse(
            body=msgspec.json.encode(metrics), media_type="application/json", headers={"cache-control": "no-store"}
        )

    return Router(BROKER_METRICS_PATH, route_handlers=[broker_metrics], tags=["messages"])
