"""`vss-router topology`: exchanges, queues, bindings and limits on a broker, brought there, checked, compared."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from vss_router.cli.failure import FAILED
from vss_router.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import Console

    from vss_router.broker.provisioning import Comparison, Provisioning
    from vss_router.broker.topology import Topology

__all__ = ["apply", "diff", "verify"]

BrokerOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The broker as serve is given it: amqp://user:password@host:5672/%2Fvss; it names the virtual host and "
        "the user who will use it.",
        show_default="the setting broker",
    ),
]
ManagementOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="RabbitMQ's management API, with ?ca=FILE for https://; a user other than the broker's is written in it.",
        show_default="http://HOST:15672 of the broker, as its user",
    ),
]
LimitsOption: TypeAlias = Annotated[
    Literal["policy", "arguments"],
    typer.Option(
        help="Who gives queues their limits: a policy each, or the arguments they are declared with (then whoever "
        "declares such a queue must give the same arguments)."
    ),
]
ConfigOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="TOML file with the settings broker and broker_queues.")
]


def apply(
    *,
    broker: BrokerOption = None,
    management: ManagementOption = None,
    limits: LimitsOption = "policy",
    create_vhost: Annotated[
        bool, typer.Option("--create-vhost", help="Make the virtual host if it is not there.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Make what is missing on a broker: exchanges, queues, bindings, and the policies that limit the queues.

    Running it again changes nothing. What exists with other properties is named and left alone. Exit code 1 when
    something is not as it should be afterwards.
    """

    async def applying(provisioning: "Provisioning", console: "Console") -> bool:
        applied = await provisioning.apply(create_vhost=create_vhost)
        for sentence in applied.done:
            _line(console, "✓", "green", sentence)
        for sentence in applied.faults:
            _line(console, "✗", "red", sentence)
        if applied.faults:
            _summary(console, f"Changes made: {len(applied.done)}; not as it should be: {len(applied.faults)}.")
        elif applied.done:
            _summary(console, f"Changes made: {len(applied.done)}; everything is there.")
        else:
            _summary(console, "Nothing to change: everything is there.")
        return not applied.faults

    _run(broker, management, limits, config, applying)


def verify(
    *,
    broker: BrokerOption = None,
    management: ManagementOption = None,
    limits: LimitsOption = "policy",
    config: ConfigOption = None,
) -> None:
    """Check a broker: a ✓ per exchange, queue and binding that is there as it should be.

    Changes nothing. Exit code 1 when something is missing or different.
    """

    async def verifying(provisioning: "Provisioning", console: "Console") -> bool:
        comparison = await provisioning.compare()
        _show_parts(console, provisioning.topology, comparison)
        if comparison.faults:
            mendable = sum(each.kind in {"missing", "outdated"} for each in comparison.differences)
            way_out = f"; vss-router topology apply mends {mendable} of them." if mendable else "."
            _summary(console, f"Not as it should be: {len(comparison.faults)}{way_out}")
        else:
            _summary(console, "Everything is there.")
        return not comparison.faults

    _run(broker, management, limits, config, verifying)


def diff(
    *,
    broker: BrokerOption = None,
    management: ManagementOption = None,
    limits: LimitsOption = "policy",
    config: ConfigOption = None,
) -> None:
    """Name each difference between a broker and what should be there, also what is there besides.

    Besides are exchanges and queues that are called vss.… and are none of ours, and other bindings of our queues.
    Changes nothing. Exit code 1 when there is a difference that verify would complain about.
    """
    marks = {"missing": ("+", "green"), "extra": ("-", "yellow")}

    async def comparing(provisioning: "Provisioning", console: "Console") -> bool:
        comparison = await provisioning.compare()
        for each in comparison.differences:
            _line(console, *marks.get(each.kind, ("~", "red")), each.sentence)
        for sentence in comparison.rights:
            _line(console, "~", "red", sentence)
        if not comparison.differences and not comparison.rights:
            _summary(console, "No difference.")
        return not comparison.faults

    _run(broker, management, limits, config, comparing)


def _run(
    broker: str | None,
    management: str | None,
    limits: Literal["policy", "arguments"],
    config: Path | None,
    work: "Callable[[Provisioning, Console], Awaitable[bool]]",
) -> None:
    from rich.console import Console

    from vss_router.broker.endpoint import parse_broker_url
    from vss_router.broker.management import Management, parse_management_url
    from vss_router.broker.provisioning import Provisioning
    from vss_router.broker.vss_topology import vss_topology
    from vss_router.settings import load_settings

    settings = load_settings({"broker": broker}, config=config, environ=os.environ)
    if settings.broker in {"embedded", "none"}:
        raise SettingsError(
            "no broker to look at: name one with --broker amqp://user@host:5672/%2Fvss, or broker in --config"
        )
    endpoint = parse_broker_url(settings.broker, os.environ)
    topology = vss_topology(settings.broker_queues, limits_by=limits)
    management_endpoint = parse_management_url(management, endpoint)

    async def working() -> bool:
        async with Management(management_endpoint) as asked:
            return await work(Provisioning(asked, endpoint, topology), Console(soft_wrap=True))

    if not asyncio.run(working()):
        raise typer.Exit(FAILED)


def _show_parts(console: "Console", topology: "Topology", comparison: "Comparison") -> None:
    from vss_router.broker.provisioning import shown_limits

    faults: dict[tuple[str, str], list[str]] = {}
    for each in comparison.differences:
        if each.is_fault:
            kind = "queue" if each.part in {"policy", "limits"} else each.part
            faults.setdefault((kind, each.name), []).append(each.sentence)

    def part(kind: str, name: str, told: str) -> None:
        if (sentences := faults.get((kind, name))) is None:
            _line(console, "✓", "green", told)
        for sentence in sentences or ():
            _line(console, "✗", "red", sentence)

    found = comparison.found
    console.print("Exchanges", style="bold")
    for exchange in topology.exchanges:
        part("exchange", exchange.name, f"{exchange.name} [{exchange.kind}]")
    console.print("Queues", style="bold")
    for queue in topology.queues:
        told = queue.name
        if (there := found.queues.get(queue.name)) is not None:
            told += f" – messages: {there.messages}, consumers: {there.consumers}"
        if words := shown_limits(queue.limits):
            told += f"; {words}"
        part("queue", queue.name, told)
    console.print("Bindings", style="bold")
    for binding in topology.bindings:
        name = f"{binding.exchange} → {binding.queue} [{binding.routing_key}]"
        part("binding", name, name)
    for sentence in comparison.rights:
        _line(console, "✗", "red", sentence)


def _line(console: "Console", mark: str, style: str, sentence: str) -> None:
    console.print(f"  {mark} {sentence}", style=style, markup=False, highlight=False)


def _summary(console: "Console", sentence: str) -> None:
    console.print(sentence, style="bold", markup=False, highlight=False)
