"""`vss-router topology` where something stands in the way: one sentence that names it and the way out."""

import pytest

from tests.integration.topology_command import TopologyCommand, arguments, name_of, names, topology_command
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.vss_topology import vss_topology


@pytest.fixture
def topology(rabbitmq: RabbitMqServer, capsys: pytest.CaptureFixture[str]) -> TopologyCommand:
    return topology_command(rabbitmq, capsys)


def test_a_missing_virtual_host_is_named_and_the_one_of_the_other_spelling_too(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
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
    rabbitmq: RabbitMqServer, topology: TopologyCommand
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
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    rabbitmq.new_vhost("made")
    rabbitmq.api("DELETE", "vhosts/made")
    rabbitmq.add_user("router")
    management = f"http://vss:s3cret@127.0.0.1:{rabbitmq.management_port}"
    ended = topology("apply", rabbitmq.url("made", user="router"), "--create-vhost", management=management)
    assert ended.code == 0
    assert ended.lines[1] == '✓ user "router" given its rights there'
    assert rabbitmq.api("GET", "permissions/made/router")["write"] == r"^(vss\.|amq\.default$)"


def test_only_an_administrator_makes_a_virtual_host(rabbitmq: RabbitMqServer, topology: TopologyCommand) -> None:
    rabbitmq.add_user("maker", tags="policymaker")
    ended = topology("apply", rabbitmq.url("none", user="maker"), "--create-vhost")
    assert ended.code == 1
    assert 'the virtual host "none" cannot be made by "maker" (Not administrator user)' in ended.err


def test_a_wrong_password_is_told_without_it(rabbitmq: RabbitMqServer, topology: TopologyCommand) -> None:
    url = rabbitmq.new_vhost()
    ended = topology("apply", url.replace("s3cret", "wr0ng"))
    assert ended.code == 1
    assert 'refuses the login of "vss": check name and password' in ended.err
    assert "wr0ng" not in ended.err


def test_a_user_without_a_tag_is_told_which_one_it_needs(rabbitmq: RabbitMqServer, topology: TopologyCommand) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.add_user("plain", vhost=name_of(url))
    ended = topology("apply", rabbitmq.url(name_of(url), user="plain"))
    assert ended.code == 1
    assert 'the user "plain" may not use the management API' in ended.err
    assert "rabbitmqctl set_user_tags plain policymaker" in ended.err


def test_a_user_who_may_not_set_policies_changes_nothing_unless_limits_are_to_be_arguments(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
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
    assert arguments(rabbitmq, url, "vss.call.events") == {
        "x-message-ttl": 86_400_000,
        "x-max-length": 10_000,
        "x-overflow": "drop-head",
    }
    assert topology("verify", mine, "--limits", "arguments").code == 0
    assert topology("apply", mine, "--limits", "arguments").lines == ["Nothing to change: everything is there."]


def test_once_policies_stand_a_user_who_may_not_set_them_can_apply_too(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    assert topology("apply", url).code == 0
    rabbitmq.add_user("watcher", tags="management", vhost=name_of(url))
    ended = topology("apply", rabbitmq.url(name_of(url), user="watcher"))
    assert (ended.code, ended.lines) == (0, ["Nothing to change: everything is there."])


def test_a_user_without_access_to_the_virtual_host_is_told_the_command_that_gives_it(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost("odd name")
    rabbitmq.add_user("outsider", tags="policymaker")
    ended = topology("verify", url.replace("vss:", "outsider:"))
    assert ended.code == 1
    # RabbitMQ 4.3 hides from it that the virtual host is there.
    told = ('has no access to the virtual host "odd name"', 'finds no virtual host "odd name"')
    assert any(f'the user "outsider" {each}' in ended.err for each in told)
    assert "rabbitmqctl set_permissions -p 'odd name' outsider" in ended.err


def test_a_user_who_is_no_administrator_is_told_of_both_reasons_not_to_find_a_virtual_host(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    rabbitmq.add_user("outsider", tags="policymaker")
    ended = topology("apply", rabbitmq.url("nowhere", user="outsider"))
    assert ended.code == 1
    assert f'the user "outsider" finds no virtual host "nowhere" at {rabbitmq.management_url}' in ended.err
    assert "rabbitmqctl set_permissions -p nowhere outsider '.*' '.*' '.*'" in ended.err
    assert "have an administrator make it" in ended.err


def test_an_administrator_without_rights_is_told_which_before_anything_is_changed(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
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
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.add_user("half", tags="policymaker", vhost=name_of(url), configure=r"^vss\.(?!slot)")
    ended = topology("apply", rabbitmq.url(name_of(url), user="half"))
    assert ended.code == 1
    assert "✓ queue vss.telemetry.metrics declared" in ended.lines
    where = f'cannot be made by "half" in "{name_of(url)}" (Access refused.), nor its'
    assert [line for line in ended.lines if line.startswith("✗")] == [
        f"✗ queue vss.slot.events {where} binding: see the rights in docs/topology.md",
        f"✗ queue vss.slot.commands {where} 2 bindings: see the rights in docs/topology.md",
    ]
    assert ended.lines[-1] == "Changes made: 33; not as it should be: 2."
    assert names(rabbitmq, url, "queues") == {each.name for each in vss_topology().queues} - {
        "vss.slot.events",
        "vss.slot.commands",
    }


def test_bindings_are_told_of_once_with_the_exchange_that_cannot_be_made(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.add_user("narrow", tags="policymaker", vhost=name_of(url), configure=r"^vss\.call")
    ended = topology("apply", rabbitmq.url(name_of(url), user="narrow"))
    assert ended.code == 1
    refused = [line for line in ended.lines if line.startswith("✗")]
    who = f'cannot be made by "narrow" in "{name_of(url)}" (Access refused.)'
    assert [line for line in refused if "exchange" in line] == [
        f"✗ exchange vss.events {who}, nor its 9 bindings: see the rights in docs/topology.md",
        f"✗ exchange vss.commands {who}, nor its 4 bindings: see the rights in docs/topology.md",
        f"✗ exchange vss.rpc {who}: see the rights in docs/topology.md",
    ]
    assert len(refused) == 3 + 10
    assert all(line.endswith(f"{who}: see the rights in docs/topology.md") for line in refused[3:])
    assert ended.lines[-1] == "Changes made: 12; not as it should be: 13."


def test_a_refusal_that_is_no_matter_of_rights_does_not_point_at_them(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
    url = rabbitmq.new_vhost()
    rabbitmq.api("PUT", f"vhost-limits/{name_of(url)}/max-queues", {"value": 10})
    ended = topology("apply", url)
    (refused,) = (line for line in ended.lines if line.startswith("✗"))
    assert refused.startswith(f'✗ queue vss.telemetry.metrics cannot be made by "vss" in "{name_of(url)}" (')
    assert "limit" in refused
    assert refused.endswith("), nor its binding: mend that, then apply again")


def test_the_rights_of_the_user_who_will_use_it_are_checked_too(
    rabbitmq: RabbitMqServer, topology: TopologyCommand
) -> None:
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
