"""`vss-router topology` against a RabbitMQ: what it makes, what it names, what it leaves alone."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiormq
import pytest

from tests.services.fixtures import StartRabbitMq
from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.server_process import wait_until
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.management import Management, parse_management_url
from vss_router.broker.provisioning import Comparison, Provisioning
from vss_router.broker.vss_topology import vss_topology
from vss_router.cli import run
from vss_router.settings import QueueOverride


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.out.splitlines()]


Topology = Callable[..., Ended]


@pytest.fixture
def topology(rabbitmq: RabbitMqServer, capsys: pytest.CaptureFixture[str]) -> Topology:
    def call(command: str, url: str, *words: str, management: str | None = None) -> Ended:
        code = run(
            ["topology", command, "--broker", url, "--management", management or rabbitmq.management_url, *words]
        )
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


def name_of(url: str) -> str:
    """The virtual host, as the paths of the management API need it."""
    return url.rpartition("/")[2]


def queue(server: RabbitMqServer, url: str, name: str) -> Any:
    return server.api("GET", f"queues/{name_of(url)}/{name}")


def in_force(server: RabbitMqServer, url: str, name: str) -> Any:
    """The limits that are in force on a queue; the row is without them while they change."""
    wait_until(lambda: "effective_policy_definition" in queue(server, url, name), "the limits in force")
    return queue(server, url, name)["effective_policy_definition"]


def names(server: RabbitMqServer, url: str, kind: str) -> set[str]:
    return {row["name"] for row in server.api("GET", f"{kind}/{name_of(url)}") if row["name"].startswith("vss")}


# -- what stands in the way ----------------------------------------------------------------------------------------


def test_a_missing_virtual_host_is_named_and_the_one_of_the_other_spelling_too(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    rabbitmq.new_vhost("vss")
    ended = topology("apply", rabbitmq.url("/vss"))
    assert (ended.code, ended.out) == (1, "")
    assert f'there is no virtual host "/vss" at {rabbitmq.management_url}, but there is "vss"' in ended.err
    assert f"write the URL as amqp://vss@127.0.0.1:{rabbitmq.port}/vss, or make" in ended.err
    rabbitmq.new_vhost("/other")
    assert 'there is no virtual host "other"' in topology("verify", rabbitmq.url("other")).err
    assert 'but there is "/other": write the URL as' in topology("diff", rabbitmq.url("other")).err


def test_a_virtual_host_that_has_no_namesake_is_made_only_when_asked(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    url = rabbitmq.new_vhost("made")
    rabbitmq.api("DELETE", "vhosts/made")
    refused = topology("apply", url)
    assert refused.code == 1
    assert 'there is no virtual host "made"' in refused.err
    assert "make it with --create-vhost" in refused.err
    made = topology("apply", url, "--create-vhost")
    assert made.code == 0
    assert made.lines[0] == '✓ virtual host "made" made'
    assert topology("verify", url).code == 0


def test_the_user_of_the_broker_gets_its_rights_in_a_virtual_host_that_is_made(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    rabbitmq.new_vhost("made")
    rabbitmq.api("DELETE", "vhosts/made")
    rabbitmq.add_user("router")
    management = f"http://vss:s3cret@127.0.0.1:{rabbitmq.management_port}"
    ended = topology("apply", rabbitmq.url("made", user="router"), "--create-vhost", management=management)
    assert ended.code == 0
    assert ended.lines[1] == '✓ user "router" given its rights there'
    assert rabbitmq.api("GET", "permissions/made/router")["write"] == r"^(vss\.|amq\.default$)"


def test_only_an_administrator_makes_a_virtual_host(rabbitmq: RabbitMqServer, topology: Topology) -> None:
    rabbitmq.add_user("maker", tags="policymaker")
    ended = topology("apply", rabbitmq.url("none", user="maker"), "--create-vhost")
    assert ended.code == 1
    assert 'the virtual host "none" cannot be made by "maker" (Not administrator user)' in ended.err


def test_a_wrong_password_is_told_without_it(rabbitmq: RabbitMqServer, topology: Topology) -> None:
    url = rabbitmq.new_vhost()
    ended = topology("apply", url.replace("s3cret", "wr0ng"))
    assert ended.code == 1
    assert 'refuses the login of "vss": check name and password' in ended.err
    assert "wr0ng" not in ended.err


def test_a_user_without_a_tag_is_told_which_one_it_needs(rabbitmq: RabbitMqServer, topology: Topology) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.add_user("plain", vhost=name_of(url))
    ended = topology("apply", rabbitmq.url(name_of(url), user="plain"))
    assert ended.code == 1
    assert 'the user "plain" may not use the management API' in ended.err
    assert "rabbitmqctl set_user_tags plain policymaker" in ended.err


def test_a_user_who_may_not_set_policies_changes_nothing_unless_limits_are_to_be_arguments(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.add_user("watcher", tags="management", vhost=name_of(url))
    mine = rabbitmq.url(name_of(url), user="watcher")
    refused = topology("apply", mine)
    assert (refused.code, refused.out) == (1, "")
    assert 'the user "watcher" may not set policies, which 11 queues in' in refused.err
    assert "rabbitmqctl set_user_tags watcher policymaker" in refused.err
    assert "--limits arguments" in refused.err
    assert names(rabbitmq, url, "exchanges") == names(rabbitmq, url, "queues") == set()
    assert topology("apply", mine, "--limits", "arguments").code == 0
    assert queue(rabbitmq, url, "vss.call.events")["arguments"] == {
        "x-message-ttl": 86_400_000,
        "x-max-length": 10_000,
        "x-overflow": "drop-head",
    }
    assert topology("verify", mine, "--limits", "arguments").code == 0
    assert topology("apply", mine, "--limits", "arguments").lines == ["Nothing to change: everything is there."]


def test_once_policies_stand_a_user_who_may_not_set_them_can_apply_too(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    url = rabbitmq.new_vhost()
    assert topology("apply", url).code == 0
    rabbitmq.add_user("watcher", tags="management", vhost=name_of(url))
    ended = topology("apply", rabbitmq.url(name_of(url), user="watcher"))
    assert (ended.code, ended.lines) == (0, ["Nothing to change: everything is there."])


def test_a_user_without_access_to_the_virtual_host_is_told_the_command_that_gives_it(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    url = rabbitmq.new_vhost("odd name")
    rabbitmq.add_user("outsider", tags="policymaker")
    ended = topology("verify", url.replace("vss:", "outsider:"))
    assert ended.code == 1
    assert 'the user "outsider" has no access to the virtual host "odd name"' in ended.err
    assert "rabbitmqctl set_permissions -p 'odd name' outsider" in ended.err


def test_an_administrator_without_rights_is_told_which_before_anything_is_changed(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.add_user("chief", tags="administrator", vhost=name_of(url), configure=r"^vss\.(events|commands|rpc)$")
    ended = topology("apply", rabbitmq.url(name_of(url), user="chief"))
    assert (ended.code, ended.out) == (1, "")
    assert (
        f'the user "chief" lacks rights in "{name_of(url)}" (configure vss.call.events, vss.slot.events, '
        "vss.slot.commands and 8 more)"
    ) in ended.err
    assert names(rabbitmq, url, "policies") == set()


def test_what_a_user_without_the_right_to_configure_cannot_make_is_named_and_the_rest_is_made(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.add_user("half", tags="policymaker", vhost=name_of(url), configure=r"^vss\.(?!slot)")
    ended = topology("apply", rabbitmq.url(name_of(url), user="half"))
    assert ended.code == 1
    assert "✓ queue vss.telemetry.metrics declared" in ended.lines
    refused = [line for line in ended.lines if line.startswith("✗")]
    assert refused[0] == (
        f'✗ queue vss.slot.events cannot be made by "half" in "{name_of(url)}" (Access refused.): see the rights in '
        "docs/topology.md"
    )
    assert len(refused) == 5  # two queues, three bindings of them
    assert names(rabbitmq, url, "queues") == {each.name for each in vss_topology().queues} - {
        "vss.slot.events",
        "vss.slot.commands",
    }


def test_the_rights_of_the_user_who_will_use_it_are_checked_too(rabbitmq: RabbitMqServer, topology: Topology) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.add_user("router", vhost=name_of(url), write=r"^vss\.(events|commands|rpc)$")
    management = f"http://vss:s3cret@127.0.0.1:{rabbitmq.management_port}"
    mine = rabbitmq.url(name_of(url), user="router")
    ended = topology("apply", mine, management=management)
    assert ended.code == 1
    (fault,) = (line for line in ended.lines if line.startswith("✗"))
    assert 'the user "router" lacks rights' in fault
    assert "(write vss.call.events, vss.slot.events, vss.slot.commands and 9 more)" in fault
    rabbitmq.add_user("router", vhost=name_of(url), configure="", write=r"^(vss\.|amq\.default$)", read=r"^vss\.")
    assert "configure vss.events" in topology("verify", mine, management=management).out


# -- what is there already -----------------------------------------------------------------------------------------


def test_a_queue_or_exchange_with_other_properties_is_named_left_alone_and_not_in_the_way_of_the_rest(
    rabbitmq: RabbitMqServer, topology: Topology
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
    assert queue(rabbitmq, url, "vss.call.events")["arguments"] == {"x-max-priority": 9}
    verified = topology("verify", url)
    assert verified.code == 1
    assert "✗ queue vss.call.events exists with other properties" in verified.out
    assert "✓ vss.events → vss.call.events [call.*]" in verified.lines


def test_an_administrator_s_policy_of_higher_priority_is_named_as_the_one_in_force(
    rabbitmq: RabbitMqServer, topology: Topology
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


def test_an_operator_policy_that_lowers_a_limit_is_named(rabbitmq: RabbitMqServer, topology: Topology) -> None:
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


def test_diff_names_every_difference_and_changes_nothing(rabbitmq: RabbitMqServer, topology: Topology) -> None:
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
    rabbitmq: RabbitMqServer, topology: Topology
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


# -- what it makes -------------------------------------------------------------------------------------------------


def test_everything_is_made_with_limits_in_force_and_a_second_run_changes_nothing(
    rabbitmq: RabbitMqServer, topology: Topology
) -> None:
    url = rabbitmq.new_vhost("/vss")
    first = topology("apply", url)
    assert first.code == 0
    assert first.lines[-1] == "Changes made: 38; everything is there."
    second = topology("apply", url)
    assert (second.code, second.lines) == (0, ["Nothing to change: everything is there."])
    leads = queue(rabbitmq, url, "vss.autodial.leads")
    assert (leads["durable"], leads["arguments"]) == (True, {})
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
    rabbitmq: RabbitMqServer, topology: Topology, tmp_path: Path
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
    assert queue(rabbitmq, url, "vss.call.events")["arguments"] == {"x-max-priority": 10}


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
    rabbitmq: RabbitMqServer, topology: Topology
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
def test_the_policy_in_force_is_read_until_it_is_shown(start_rabbitmq: StartRabbitMq) -> None:
    server = start_rabbitmq(settings={"collect_statistics_interval": "5000"})
    url = server.new_vhost()

    async def applying() -> int:
        endpoint = parse_broker_url(url)
        async with Management(parse_management_url(server.management_url, endpoint)) as management:
            provisioning = Provisioning(management, endpoint, vss_topology())
            first, seen, second = await provisioning.apply(), await provisioning.compare(), await provisioning.apply()
        assert (len(first.done), first.faults, second.done, second.faults) == (38, [], [], [])
        assert {row.policy for row in seen.found.queues.values()} == {f"vss:{each}" for each in seen.found.queues}
        return seen.looks

    assert asyncio.run(applying()) > 1
