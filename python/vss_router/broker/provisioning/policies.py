"""The policy that gives one queue its limits."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from vss_router.broker.topology import Limits, Queue, Topology

__all__ = ["PREFIX", "PRIORITY", "Policy", "policies_of", "shown_limits"]

PREFIX: Final = "vss:"
PRIORITY: Final = 50
"""Above the 0 that a policy has when nobody thought about it."""
_SPECIAL: Final = re.compile(r"[.\\+*?\[^\]$(){}|]")
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as RabbitMQ keeps it: of all whose pattern matches a queue's name only the highest is in force."""

    name: str
    pattern: str
    apply_to: str
    priority: int
    definition: Mapping[str, int | str]

    def body(self) -> dict[str, object]:
        """What the management API takes."""
        return {
            "pattern": self.pattern,
            "apply-to": self.apply_to,
            "priority": self.priority,
            "definition": dict(self.definition),
        }


def policies_of(topology: Topology) -> dict[str, Policy]:
    """The policy of each queue that gets limits by one, by queue."""
    found = {}
    for queue in topology.queues:
        definition = _definition(queue)
        if definition:
            found[queue.name] = Policy(
                name=PREFIX + queue.name,
                pattern=f"^{_SPECIAL.sub(_escaped, queue.name)}$",
                apply_to="queues",
                priority=PRIORITY,
                definition=definition,
            )
    return found


def _definition(queue: Queue) -> dict[str, int | str]:
    if queue.limits_by != "policy":
        return {}
    return {name.removeprefix("x-"): value for name, value in queue.limits.as_arguments().items()}


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[0]}"


def shown_limits(limits: Limits) -> str:
    """`24 h, 10,000 messages, then reject-publish, dead letters to vss.events`; empty without limits."""
    words = []
    if limits.ttl_ms is not None:
        size, unit = next(((size, unit) for size, unit in _UNITS if limits.ttl_ms % size == 0), (1, "ms"))
        words.append(f"{limits.ttl_ms // size:,} {unit}")
    if limits.max_length is not None:
        words.append(f"{limits.max_length:,} messages, then {limits.overflow}")
    if limits.dead_letter is not None:
        key = f" [{limits.dead_letter.routing_key}]" if limits.dead_letter.routing_key is not None else ""
        words.append(f"dead letters to {limits.dead_letter.exchange}{key}")
    return ", ".join(words)
