"""`vss-router topology` against a RabbitMQ: what it makes, what it names, what it leaves alone."""

import asyncio
import re
from pathlib import Path

import aiormq
import pytest

from tests.integration.topology_command import (
    TopologyCommand,
    arguments,
    in_force,
    name_of,
    names,
    queue,
    topology_command,
)
from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.server_process import wait_until
from vss_router.broker.consumers.lanes import retry_topology
from vss_router.broker.consumers.registration import reader_queue, reader_topology
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.management import Management, parse_management_url
from vss_router.broker.provisioning import Comparison, Provisioning
from vss_router.broker.rpc.wire import reply_queue, reply_topology, server_topology
from vss_router.broker.topology import Queue
from vss_router.broker.vss_topology import PARKED, vss_topology
from vss_router.cli import run
from vss_router.settings import QueueOverride


@pytest.fixture
def topology(rabbitmq: RabbitMqServer, capsys: pytest.CaptureFixture[str]) -> TopologyCommand:
    return topology_command(rabbitmq, capsys)


# -- what is there already -----------------------------------------------------------------------------------------


def test_a_queue_or_exchange_with_other_properties_is_named_left_alone_and_not_in_the_way_of_the_rest(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.api("PUT", f"queues/{name_of(url)}/vss.call.events", {"durable": True, "arguments": {"x-max-priority": 9}})
    rabbitmq.api("PUT", f"exchanges/{name_of(url)}/vss.rpc", {"type": "topic", "durable": True})
    ended = topology("apply", url)
    assert ended.code == 1
    faults = [line for line in ended.lines if line.startswith("✗")]
    assert faults == [
        (
            "✗ exchange vss.rpc exists with other properties (type is topic, not direct): whoever declares it is "
            "refused (406); delete it when nobody publishes to it, then apply"
        ),
        (
            "✗ queue vss.call.events exists with other properties (x-max-priority is 9, not unset): whoever declares "
            "it as it should be is refused (406); delete it when it is empty, then apply"
        ),
    ]
    assert ended.lines[-1] == "Changes made: 36; not as it should be: 2."
    assert arguments(rabbitmq, url, "vss.call.events") == {"x-max-priority": 9}
    verified = topology("verify", url)
    assert verified.code == 1
    assert "✗ queue vss.call.events exists with other properties" in verified.out
    assert "✓ vss.events → vss.call.events [call.*]" in verified.lines


def test_an_administrator_s_policy_of_higher_priority_is_named_as_the_one_in_force(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    assert topology("apply", url).code == 0
    everything = {"pattern": ".*", "apply-to": "all", "priority": 100, "definition": {"max-length": 5}}
    rabbitmq.api("PUT", f"policies/{name_of(url)}/everything", everything)
    wait_until(
        lambda: queue(rabbitmq, url, "vss.call.events").get("policy") == "everything", "the other policy in force"
    )
    for command in ("verify", "apply", "diff"):
        ended = topology(command, url)
        assert ended.code == 1
        assert (
            "policy everything (priority 100) is in force on vss.call.events instead of vss:vss.call.events "
            "(priority 50), and only one can be"
        ) in ended.out
    lower = everything | {"priority": 10}
    rabbitmq.api("PUT", f"policies/{name_of(url)}/everything", lower)
    assert topology("verify", url).code == 0


def test_an_operator_policy_that_lowers_a_limit_is_named(rabbitmq: RabbitMqServer, topology: TopologyCommand) -> None:
    url = rabbitmq.new_vhost()
    assert topology("apply", url).code == 0
    body = {"pattern": "alerts$", "apply-to": "queues", "priority": 1, "definition": {"max-length": 7}}
    rabbitmq.api("PUT", f"operator-policies/{name_of(url)}/tight", body)
    wait_until(
        lambda: queue(rabbitmq, url, "vss.system.alerts").get("operator_policy") == "tight", "the operator policy"
    )
    comparison = compared(rabbitmq, url, seconds=0.0)
    assert comparison.faults == [
        (
            "the operator policy tight changes the limits of vss.system.alerts (max-length is 7, not 5000): set the "
            'same under [broker_queues."vss.system.alerts"], or have it changed'
        )
    ]


def test_diff_names_every_difference_and_changes_nothing(rabbitmq: RabbitMqServer, topology: TopologyCommand) -> None:
    url = rabbitmq.new_vhost()
    assert topology("diff", url).out.count("is missing") == 38
    assert names(rabbitmq, url, "queues") == names(rabbitmq, url, "policies") == set()
    assert topology("apply", url).code == 0
    nothing = topology("diff", url)
    assert (nothing.code, nothing.lines) == (0, ["No difference."])
    vhost = name_of(url)
    rabbitmq.api("DELETE", f"queues/{vhost}/vss.gacs.commands")
    rabbitmq.api("DELETE", f"bindings/{vhost}/e/vss.events/q/vss.slot.events/slot.%2A")
    rabbitmq.api("POST", f"bindings/{vhost}/e/vss.events/q/vss.slot.events", {"routing_key": "#"})
    changed = {"pattern": "^vss", "apply-to": "queues", "priority": 50, "definition": {"max-length": 3}}
    rabbitmq.api("PUT", f"policies/{vhost}/vss%3Avss.system.alerts", changed)
    ended = topology("diff", url)
    assert ended.code == 1
    assert ended.lines[:5] == [
        "+ queue vss.gacs.commands is missing",
        "+ binding vss.events → vss.slot.events [slot.*] is missing",
        "+ binding vss.commands → vss.gacs.commands [gacs.execute] is missing",
        (
            "- binding vss.events → vss.slot.events [#] is none of ours: vss.slot.events gets messages that its "
            "consumers may not expect"
        ),
        (
            r"~ policy vss:vss.system.alerts: pattern is ^vss, not ^vss\.system\.alerts$, max-length is 3, not 5000, "
            "message-ttl is unset, not 604800000, overflow is unset, not drop-head"
        ),
    ]
    assert "vss.gacs.commands" not in names(rabbitmq, url, "queues")


def test_apply_mends_what_diff_named_and_leaves_what_is_there_besides(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    assert topology("apply", url).code == 0
    vhost = name_of(url)
    rabbitmq.api("DELETE", f"queues/{vhost}/vss.gacs.commands")
    rabbitmq.api("POST", f"bindings/{vhost}/e/vss.events/q/vss.slot.events", {"routing_key": "#"})
    ended = topology("apply", url)
    assert (ended.code, ended.lines) == (
        0,
        [
            "✓ queue vss.gacs.commands declared",
            "✓ binding vss.commands → vss.gacs.commands [gacs.execute] made",
            "Changes made: 2; everything is there.",
        ],
    )
    verified = topology("verify", url)
    assert verified.code == 0
    left = topology("diff", url)
    assert left.code == 0
    assert "none of ours" in left.out


def test_diff_names_what_is_called_like_ours_and_is_none_of_ours_but_nothing_that_a_running_router_makes(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    assert topology("apply", url).code == 0
    vhost = name_of(url)
    for each in (
        retry_topology([5_000, 60_000], Queue(name=PARKED)),
        server_topology("router", ["status.get"]),
        reply_topology(reply_queue("shop", "4711")),
        reader_topology(reader_queue("wallboard", "pbx-1"), "vss.events", "call.#"),
    ):
        for exchange in each.exchanges:
            rabbitmq.api("PUT", f"exchanges/{vhost}/{exchange.name}", {"type": exchange.kind, "durable": True})
        for made in each.queues:
            declared = {"durable": made.durable, "arguments": dict(made.arguments)}
            rabbitmq.api("PUT", f"queues/{vhost}/{made.name}", declared)
    assert topology("diff", url).lines == ["No difference."]
    for name in ("vss.foreign", "vss.retry.soon", "vss.reports.pbx-1", "somebody.elses"):
        rabbitmq.api("PUT", f"queues/{vhost}/{name}", {"durable": True})
    rabbitmq.api("PUT", f"exchanges/{vhost}/vss.old", {"type": "fanout"})
    ended = topology("diff", url)
    assert (ended.code, ended.lines) == (
        0,
        [
            f"- {each} is none of ours and left alone: delete it when nobody needs it"
            for each in ("exchange vss.old", "queue vss.foreign", "queue vss.reports.pbx-1", "queue vss.retry.soon")
        ],
    )
    assert topology("verify", url).lines[-1] == "Everything is there."
    assert topology("apply", url).lines == ["Nothing to change: everything is there."]


# -- what it makes -------------------------------------------------------------------------------------------------


def test_everything_is_made_with_limits_in_force_and_a_second_run_changes_nothing(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost("/vss")
    first = topology("apply", url)
    assert first.code == 0
    assert first.lines[-1] == "Changes made: 38; everything is there."
    second = topology("apply", url)
    assert (second.code, second.lines) == (0, ["Nothing to change: everything is there."])
    assert queue(rabbitmq, url, "vss.autodial.leads")["durable"]
    assert arguments(rabbitmq, url, "vss.autodial.leads") == {}
    assert in_force(rabbitmq, url, "vss.autodial.leads") == {
        "message-ttl": 3_600_000,
        "max-length": 50_000,
        "overflow": "reject-publish",
        "dead-letter-exchange": "vss.events",
        "dead-letter-routing-key": "command.failed",
    }
    verified = topology("verify", url)
    assert verified.code == 0
    assert verified.out.count("✓") == 3 + 11 + 13
    assert "✓ vss.rpc [direct]" in verified.lines
    assert re.search(r"✓ vss\.gacs\.commands – messages: 0, consumers: 0; dead letters to vss\.events", verified.out)
    assert verified.lines[-1] == "Everything is there."


async def test_the_guide_s_plain_declarations_are_not_refused_and_a_queue_s_limit_holds(
    rabbitmq: RabbitMqServer,
) -> None:
    url = rabbitmq.new_vhost()
    await applied(rabbitmq, url, {"vss.system.alerts": QueueOverride(max_length=20)})
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    for exchange in vss_topology().exchanges:
        await channel.exchange_declare(exchange.name, exchange_type=exchange.kind, durable=True)
    for each in vss_topology().queues:
        await channel.queue_declare(each.name, durable=True)
    for number in range(25):
        await channel.basic_publish(b"%d" % number, exchange="vss.events", routing_key="system.alert")
    counted = await channel.queue_declare("vss.system.alerts", passive=True)
    assert counted.message_count == 20
    await connection.close()


async def applied(server: RabbitMqServer, url: str, overrides: dict[str, QueueOverride]) -> None:
    endpoint = parse_broker_url(url)
    async with Management(parse_management_url(server.management_url, endpoint)) as management:
        ended = await Provisioning(management, endpoint, vss_topology(overrides)).apply()
    assert ended.faults == []


def compared(server: RabbitMqServer, url: str, *, seconds: float = 15.0) -> Comparison:
    async def comparing() -> Comparison:
        endpoint = parse_broker_url(url)
        async with Management(parse_management_url(server.management_url, endpoint)) as management:
            return await Provisioning(management, endpoint, vss_topology(), seconds=seconds).compare()

    return asyncio.run(comparing())


def test_settings_change_a_queue_s_limits_and_arguments(
    rabbitmq: RabbitMqServer, topology: TopologyCommand, tmp_path: Path
) -> None:
    url = rabbitmq.new_vhost()
    assert topology("apply", url).code == 0
    settings = tmp_path / "router.toml"
    settings.write_text(
        '[broker_queues."vss.call.events"]\nmax_length = 20\nttl_seconds = 60.5\n'
        '[broker_queues."vss.gacs.commands"]\ndead_letter_exchange = ""\n'
    )
    ended = topology("apply", url, "--config", str(settings))
    assert (ended.code, ended.lines) == (
        0,
        [
            "✓ policy vss:vss.call.events renewed",
            "✓ policy vss:vss.gacs.commands removed",
            "Changes made: 2; everything is there.",
        ],
    )
    assert in_force(rabbitmq, url, "vss.call.events") == {
        "max-length": 20,
        "message-ttl": 60_500,
        "overflow": "drop-head",
    }
    assert in_force(rabbitmq, url, "vss.gacs.commands") == {}
    settings.write_text('[broker_queues."vss.call.events"]\nmax_priority = 10\n')
    conflicting = topology("apply", url, "--config", str(settings))
    assert conflicting.code == 1
    assert "queue vss.call.events exists with other properties (x-max-priority is unset, not 10)" in conflicting.out
    rabbitmq.api("DELETE", f"queues/{name_of(url)}/vss.call.events")
    assert topology("apply", url, "--config", str(settings)).code == 0
    assert arguments(rabbitmq, url, "vss.call.events") == {"x-max-priority": 10}


def test_the_broker_may_stand_in_the_settings_and_must_stand_somewhere(
    rabbitmq: RabbitMqServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VSS_ROUTER_BROKER", raising=False)
    url = rabbitmq.new_vhost()
    settings = tmp_path / "router.toml"
    settings.write_text(f'broker = "{url}"\n')
    assert run(["topology", "apply", "--config", str(settings), "--management", rabbitmq.management_url]) == 0
    assert run(["topology", "verify", "--management", rabbitmq.management_url]) == 2
    assert "no broker to look at: name one with --broker" in capsys.readouterr().err


def test_changing_from_policies_to_arguments_leaves_no_queue_without_limits(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    assert topology("apply", url).code == 0
    refused = topology("apply", url, "--limits", "arguments")
    assert refused.code == 1
    assert refused.lines[-1] == "Changes made: 0; not as it should be: 11."
    assert len(names(rabbitmq, url, "policies")) == 11
    for each in vss_topology().queues:
        rabbitmq.api("DELETE", f"queues/{name_of(url)}/{each.name}")
    assert topology("apply", url, "--limits", "arguments").code == 0
    assert names(rabbitmq, url, "policies") == set()


# -- with the figures as late as they are by default ---------------------------------------------------------------


@pytest.mark.slow
def test_the_policy_in_force_is_read_until_it_is_shown(rabbitmq: RabbitMqServer) -> None:
    url = rabbitmq.new_vhost()

    async def applying() -> int:
        endpoint = parse_broker_url(url)
        async with Management(parse_management_url(rabbitmq.management_url, endpoint)) as management:
            provisioning = Provisioning(management, endpoint, vss_topology())
            first, seen, second = await provisioning.apply(), await provisioning.compare(), await provisioning.apply()
        assert (len(first.done), first.faults, second.done, second.faults) == (38, [], [], [])
        assert {row.policy for row in seen.found.queues.values()} == {f"vss:{each}" for each in seen.found.queues}
        return seen.looks

    with rabbitmq.with_variable("collect_statistics_interval", 5000):
        assert asyncio.run(applying()) > 1
