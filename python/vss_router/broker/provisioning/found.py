"""What a virtual host has now, as the management API tells."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from vss_router.broker.management import Management, RequestRefusedError
from vss_router.broker.provisioning.policies import Policy
from vss_router.errors import BrokerUnavailableError

__all__ = ["Found", "FoundBinding", "FoundExchange", "FoundQueue", "look"]

_Row = TypeVar("_Row")


class FoundExchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange that is there."""

    name: str
    type: str
    durable: bool
    auto_delete: bool
    internal: bool = False


class FoundQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue that is there. What `policy`, `messages` and the like say is up to 5 s old."""

    name: str
    durable: bool
    auto_delete: bool = False
    exclusive: bool = False
    arguments: dict[str, Any] = {}
    policy: str | msgspec.UnsetType | None = msgspec.UNSET
    """The name of the one policy in force; unset for seconds after a change, and where no statistics are kept."""
    operator_policy: str | None = None
    effective_policy_definition: dict[str, Any] | list[Any] | None = None
    """The policy in force and the operator's one together; an empty list stands for nothing in old versions."""
    messages: int = 0
    consumers: int = 0


class FoundBinding(msgspec.Struct, frozen=True, kw_only=True):
    """A binding of a queue that is there."""

    source: str
    destination: str
    destination_type: str
    routing_key: str
    arguments: dict[str, Any] = {}


class _FoundPolicy(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    name: str
    pattern: str
    apply_to: str
    priority: int
    definition: dict[str, Any]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One virtual host at one time."""

    exchanges: Mapping[str, FoundExchange]
    queues: Mapping[str, FoundQueue]
    bindings: frozenset[tuple[str, str, str]]
    """(exchange, queue, key) of those without arguments."""
    policies: Mapping[str, Policy] | None
    """None: this user may not see them."""


async def look(management: Management, vhost: str) -> Found:
    """Read a virtual host.

    Raises
    ------
    BrokerError
        As `Management.get`.
    """
    exchanges = await _rows(management, "exchanges", vhost, FoundExchange)
    queues = await _rows(management, "queues", vhost, FoundQueue)
    bindings = await _rows(management, "bindings", vhost, FoundBinding)
    try:
        policies = await _rows(management, "policies", vhost, _FoundPolicy)
    except RequestRefusedError:
        seen = None
    else:
        seen = {
            row.name: Policy(
                name=row.name,
                pattern=row.pattern,
                apply_to=row.apply_to,
                priority=row.priority,
                definition=row.definition,
            )
            for row in policies
        }
    return Found(
        exchanges={each.name: each for each in exchanges},
        queues={each.name: each for each in queues},
        bindings=frozenset(
            (each.source, each.destination, each.routing_key)
            for each in bindings
            if each.destination_type == "queue" and each.source and not each.arguments
        ),
        policies=seen,
    )


async def _rows(management: Management, kind: str, vhost: str, row: type[_Row]) -> list[_Row]:
    told = await management.get(kind, vhost)
    try:
        return msgspec.convert(told, list[row])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise BrokerUnavailableError(
            f"{management.endpoint.url} lists {kind} in a way that this version does not know ({error}): "
            "check that it is the management API of a RabbitMQ from 3.10 on"
        ) from error
