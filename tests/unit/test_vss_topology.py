"""The system's topology is the published table, and settings change what they name and nothing else."""

import pytest

from vss_router.broker.topology import DeadLetter, Limits, Queue
from vss_router.broker.vss_topology import vss_topology
from vss_router.errors import SettingsError
from vss_router.settings import QueueOverride

HOUR = 3_600_000
FAILED = DeadLetter("vss.events", "command.failed")
# queue: exchange, keys, hours to live, length, overflow, dead letter
TABLE = {
    "vss.call.events": ("vss.events", {"call.*"}, 24, 10_000, "drop-head", None),
    "vss.slot.events": ("vss.events", {"slot.*"}, 24, 10_000, "drop-head", None),
    "vss.slot.commands": ("vss.commands", {"slot.restart", "slot.drp.reboot"}, 1, 10_000, "drop-head", FAILED),
    "vss.autodial.leads": ("vss.commands", {"autodial.lead"}, 1, 50_000, "reject-publish", FAILED),
    "vss.gacs.commands": ("vss.commands", {"gacs.execute"}, None, None, "drop-head", FAILED),
    "vss.commands.failed": ("vss.events", {"command.failed", "gacs.failed"}, 168, 50_000, "drop-head", None),
    "vss.pipeline.events": ("vss.events", {"pipeline.*"}, 24, 10_000, "drop-head", None),
    "vss.system.alerts": ("vss.events", {"system.alert"}, 168, 5_000, "drop-head", None),
    "vss.guacamole.sessions": ("vss.events", {"guacamole.#"}, 24, 10_000, "drop-head", None),
    "vss.archonts.deployments": ("vss.events", {"archonts.#"}, 24, 10_000, "drop-head", None),
    "vss.telemetry.metrics": ("vss.events", {"telemetry.*"}, 1, 100_000, "drop-head", None),
}


def test_the_topology_is_the_table() -> None:
    topology = vss_topology()
    told = {}
    for queue in topology.queues:
        bindings = [binding for binding in topology.bindings if binding.queue == queue.name]
        (exchange,) = {binding.exchange for binding in bindings}
        limits = queue.limits
        hours = limits.ttl_ms / HOUR if limits.ttl_ms is not None else None
        keys = {binding.routing_key for binding in bindings}
        told[queue.name] = (exchange, keys, hours, limits.max_length, limits.overflow, limits.dead_letter)
    assert told == TABLE
    assert {(each.name, each.kind, each.durable) for each in topology.exchanges} == {
        ("vss.events", "topic", True),
        ("vss.commands", "topic", True),
        ("vss.rpc", "direct", True),
    }


def test_no_queue_has_arguments_so_that_a_plain_declaration_of_it_is_not_refused() -> None:
    assert {queue.name: queue.arguments for queue in vss_topology().queues if queue.arguments} == {}
    assert all(queue.durable and not queue.exclusive and not queue.auto_delete for queue in vss_topology().queues)


def test_limits_become_arguments_only_where_asked() -> None:
    queues = {queue.name: queue.arguments for queue in vss_topology(limits_by="arguments").queues}
    assert queues["vss.autodial.leads"] == {
        "x-message-ttl": HOUR,
        "x-max-length": 50_000,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "vss.events",
        "x-dead-letter-routing-key": "command.failed",
    }


def test_a_setting_changes_the_queue_it_names_and_no_other() -> None:
    override = QueueOverride(ttl_seconds=0, max_length=7, overflow="reject-publish-dlx", max_priority=10)
    before = {queue.name: queue for queue in vss_topology().queues}
    after = {queue.name: queue for queue in vss_topology({"vss.call.events": override}).queues}
    changed = after.pop("vss.call.events")
    before.pop("vss.call.events")
    assert changed.limits == Limits(ttl_ms=None, max_length=7, overflow="reject-publish-dlx")
    assert changed.arguments == {"x-max-priority": 10}
    assert after == before


@pytest.mark.parametrize(
    ("override", "target"),
    [
        (QueueOverride(dead_letter_exchange=""), None),
        (QueueOverride(dead_letter_exchange="other"), DeadLetter("other")),
        (QueueOverride(dead_letter_exchange="other", dead_letter_key="key"), DeadLetter("other", "key")),
        (QueueOverride(dead_letter_key="key"), DeadLetter("vss.events", "key")),
        (QueueOverride(dead_letter_key=""), DeadLetter("vss.events")),
        (QueueOverride(), FAILED),
    ],
)
def test_a_setting_may_send_dead_letters_elsewhere_or_nowhere(
    override: QueueOverride, target: DeadLetter | None
) -> None:
    queues = {queue.name: queue for queue in vss_topology({"vss.gacs.commands": override}).queues}
    assert queues["vss.gacs.commands"].limits.dead_letter == target


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("vss.call.event", 'names no queue of ours, "vss.call.event": did you mean "vss.call.events"?'),
        ("other", 'names no queue of ours, "other": there are vss.call.events, vss.slot.events'),
    ],
)
def test_a_setting_for_a_queue_that_there_is_not_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        vss_topology({name: QueueOverride(max_length=1)})
    assert sentence in str(refused.value)


def test_the_queue_of_parked_messages_may_be_changed_too() -> None:
    assert "vss.parked" not in {queue.name for queue in vss_topology().queues}
    changed = vss_topology({"vss.parked": QueueOverride(max_length=1)})
    assert changed.queues == (*vss_topology().queues, Queue(name="vss.parked", limits=Limits(max_length=1)))
    assert changed.bindings == vss_topology().bindings
