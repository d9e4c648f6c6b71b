"""The exchanges, queues and bindings of the system.

Nobody else's declaration may be refused, so limits come from policies (`provisioning`) and a queue has arguments only
where the settings ask for them. Retry lanes, `vss.parked`, `vss.rpc.<role>` and the queues of single readers are
declared by whoever needs them.
"""

import difflib
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from vss_router.broker.queue_settings import QueueOverride, with_override
from vss_router.broker.topology import Binding, DeadLetter, Exchange, Limits, Queue, Topology
from vss_router.errors import SettingsError

__all__ = ["COMMANDS", "EVENTS", "PARKED", "RPC", "vss_topology"]

EVENTS: Final = "vss.events"
COMMANDS: Final = "vss.commands"
RPC: Final = "vss.rpc"
PARKED: Final = "vss.parked"
"""Where messages go that nobody can read or that failed for good; settings may change it like those of the table."""

_HOUR: Final = 3_600_000  # milliseconds
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY
_FAILED: Final = DeadLetter(EVENTS, "command.failed")


class _Row(msgspec.Struct, frozen=True):
    queue: str
    exchange: str
    keys: tuple[str, ...]
    limits: Limits


_TABLE: Final = (
    _Row("vss.call.events", EVENTS, ("call.*",), Limits(ttl_ms=_DAY, max_length=10_000)),
    _Row("vss.slot.events", EVENTS, ("slot.*",), Limits(ttl_ms=_DAY, max_length=10_000)),
    _Row(
        "vss.slot.commands",
        COMMANDS,
        ("slot.restart", "slot.drp.reboot"),
        Limits(ttl_ms=_HOUR, max_length=10_000, dead_letter=_FAILED),
    ),
    # A lead that vanishes is a customer not called: a full queue refuses it, an expired one is a failed command.
    _Row(
        "vss.autodial.leads",
        COMMANDS,
        ("autodial.lead",),
        Limits(ttl_ms=_HOUR, max_length=50_000, overflow="reject-publish", dead_letter=_FAILED),
    ),
    _Row("vss.gacs.commands", COMMANDS, ("gacs.execute",), Limits(dead_letter=_FAILED)),
    _Row("vss.commands.failed", EVENTS, ("command.failed", "gacs.failed"), Limits(ttl_ms=_WEEK, max_length=50_000)),
    _Row("vss.pipeline.events", EVENTS, ("pipeline.*",), Limits(ttl_ms=_DAY, max_length=10_000)),
    _Row("vss.system.alerts", EVENTS, ("system.alert",), Limits(ttl_ms=_WEEK, max_length=5_000)),
    _Row("vss.guacamole.sessions", EVENTS, ("guacamole.#",), Limits(ttl_ms=_DAY, max_length=10_000)),
    _Row("vss.archonts.deployments", EVENTS, ("archonts.#",), Limits(ttl_ms=_DAY, max_length=10_000)),
    _Row("vss.telemetry.metrics", EVENTS, ("telemetry.*",), Limits(ttl_ms=_HOUR, max_length=100_000)),
)


def vss_topology(
    overrides: Mapping[str, QueueOverride] | None = None, *, limits_by: Literal["policy", "arguments"] = "policy"
) -> Topology:
    """The system's topology, with what the settings change about its queues.

    `overrides` are the settings `[broker_queues."vss.call.events"]` by queue.

    Raises
    ------
    SettingsError
        A setting names a queue that there is not.
    """
    overrides = overrides or {}
    known = [row.queue for row in _TABLE] + [PARKED]
    for name in overrides:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            way_out = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(known)}"
            raise SettingsError(f'the setting "broker_queues" names no queue of ours, "{name}": {way_out}')
    queues = [Queue(name=row.queue, limits=row.limits, limits_by=limits_by) for row in _TABLE]
    # Whoever parks declares it; here it stands only for the sake of what is changed about it.
    parked = [Queue(name=PARKED, limits_by=limits_by)] if PARKED in overrides else []
    return Topology(
        exchanges=(
            Exchange(name=EVENTS, kind="topic"),
            Exchange(name=COMMANDS, kind="topic"),
            Exchange(name=RPC, kind="direct"),
        ),
        queues=tuple(with_override(queue, overrides) for queue in (*queues, *parked)),
        bindings=tuple(
            Binding(exchange=row.exchange, queue=row.queue, routing_key=key) for row in _TABLE for key in row.keys
        ),
    )
