"""What a virtual host has, compared with what it should have, where the statistics lag behind."""

import pytest

from vss_router.broker.provisioning.differences import differences
from vss_router.broker.provisioning.found import Found, FoundExchange, FoundQueue
from vss_router.broker.provisioning.policies import Policy, policies_of
from vss_router.broker.vss_topology import vss_topology

TOPOLOGY = vss_topology()
OURS = policies_of(TOPOLOGY)


def everything(*others: Policy) -> Found:
    """All is there, the queues show our policies in force, and `others` stand besides."""
    return Found(
        exchanges={
            each.name: FoundExchange(name=each.name, type=each.kind, durable=True, auto_delete=False)
            for each in TOPOLOGY.exchanges
        },
        queues={
            name: FoundQueue(name=name, durable=True, policy=OURS[name].name if name in OURS else None)
            for name in (each.name for each in TOPOLOGY.queues)
        },
        bindings=frozenset((each.exchange, each.queue, each.routing_key) for each in TOPOLOGY.bindings),
        policies={each.name: each for each in (*OURS.values(), *others)},
    )


def other(pattern: str, priority: int) -> Policy:
    return Policy(name="theirs", pattern=pattern, apply_to="queues", priority=priority, definition={"max-length": 7})


def test_a_policy_set_above_ours_is_named_before_the_statistics_show_it() -> None:
    (told,) = differences(TOPOLOGY, everything(other(r"^vss\.call", 90)))
    assert told.name == "vss.call.events"
    assert told.sentence.startswith(
        "policy theirs (priority 90) is in force on vss.call.events instead of vss:vss.call"
    )
    assert told.settling


@pytest.mark.parametrize("harmless", [other(".*", 49), other(".*", 50), other(r"^other\.", 90), other("(?<", 90)])
def test_a_policy_that_is_not_above_ours_or_not_for_our_queues_is_no_difference(harmless: Policy) -> None:
    assert differences(TOPOLOGY, everything(harmless)) == []
