"""What a virtual host has, compared with what it should have: every difference by name, nothing changed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from vss_router.broker.provisioning.foreign import foreign
from vss_router.broker.provisioning.found import Found, FoundExchange, FoundQueue
from vss_router.broker.provisioning.policies import PREFIX, Policy, policies_of
from vss_router.broker.topology import Exchange, Queue, Topology

__all__ = ["Difference", "differences"]

Kind = Literal["missing", "outdated", "conflicting", "overridden", "extra"]
# What a broker adds by itself when a virtual host has another default; a plain declaration is not refused for it.
_ADDED_BY_BROKER: Final = frozenset({"x-queue-type"})
_FOR_QUEUES: Final = frozenset({"all", "queues", "classic_queues", "quorum_queues"})


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be.

    `kind`: `missing` and `outdated` are what `apply` mends; `conflicting` (it exists with other properties) and
    `overridden` (another policy is in force) are for a person; `extra` is nobody's fault and no failure.
    """

    kind: Kind
    part: Literal["exchange", "queue", "binding", "policy", "limits"]
    name: str
    sentence: str
    settling: bool = False
    """What is in force has just been changed and is not shown yet: look again."""

    @property
    def is_fault(self) -> bool:
        """Whether it keeps the topology from being as it should."""
        return self.kind != "extra"


def differences(topology: Topology, found: Found) -> list[Difference]:
    """Exchanges, queues, bindings, what is there besides, then policies and what limits are in force."""
    policies = list(_policies(topology, found))
    named = {each.name for each in policies}
    return [
        *_exchanges(topology, found),
        *_queues(topology, found),
        *_bindings(topology, found),
        *_besides(topology, found),
        *policies,
        *(each for each in _limits(topology, found) if each.name not in named),
    ]


def _exchanges(topology: Topology, found: Found) -> Iterator[Difference]:
    for wanted in topology.exchanges:
        there = found.exchanges.get(wanted.name)
        if there is None:
            yield Difference(
                kind="missing",
                part="exchange",
                name=wanted.name,
                sentence=f"exchange {wanted.name} [{wanted.kind}] is missing",
            )
        elif words := _other_exchange(wanted, there):
            yield Difference(
                kind="conflicting",
                part="exchange",
                name=wanted.name,
                sentence=(
                    f"exchange {wanted.name} exists with other properties ({words}): whoever declares it is refused "
                    "(406); delete it when nobody publishes to it, then apply"
                ),
            )


def _other_exchange(wanted: Exchange, there: FoundExchange) -> str:
    pairs = (
        ("type", there.type, wanted.kind),
        ("durable", there.durable, wanted.durable),
        ("auto_delete", there.auto_delete, wanted.auto_delete),
        ("internal", there.internal, False),
    )
    return _unequal(pairs)


def _queues(topology: Topology, found: Found) -> Iterator[Difference]:
    for wanted in topology.queues:
        there = found.queues.get(wanted.name)
        if there is None:
            yield Difference(kind="missing", part="queue", name=wanted.name, sentence=f"queue {wanted.name} is missing")
        elif words := _other_queue(wanted, there):
            yield Difference(
                kind="conflicting",
                part="queue",
                name=wanted.name,
                sentence=(
                    f"queue {wanted.name} exists with other properties ({words}): whoever declares it as it should be "
                    "is refused (406); delete it when it is empty, then apply"
                ),
            )


def _other_queue(wanted: Queue, there: FoundQueue) -> str:
    arguments = {name: value for name, value in there.arguments.items() if name not in _ADDED_BY_BROKER}
    pairs = [
        ("durable", there.durable, wanted.durable),
        ("auto_delete", there.auto_delete, wanted.auto_delete),
        ("exclusive", there.exclusive, wanted.exclusive),
        *((name, arguments.get(name), wanted.arguments.get(name)) for name in sorted({*arguments, *wanted.arguments})),
    ]
    return _unequal(pairs)


def _unequal(pairs: Iterable[tuple[str, object, object]]) -> str:
    return ", ".join(
        f"{name} is {_shown(is_now)}, not {_shown(wanted)}" for name, is_now, wanted in pairs if is_now != wanted
    )


def _shown(value: object) -> str:
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bindings(topology: Topology, found: Found) -> Iterator[Difference]:
    wanted = {(each.exchange, each.queue, each.routing_key) for each in topology.bindings}
    for binding in topology.bindings:
        if (binding.exchange, binding.queue, binding.routing_key) not in found.bindings:
            name = f"{binding.exchange} → {binding.queue} [{binding.routing_key}]"
            yield Difference(kind="missing", part="binding", name=name, sentence=f"binding {name} is missing")
    ours = {queue.name for queue in topology.queues}
    for exchange, queue, key in sorted(found.bindings - wanted):
        if queue in ours:
            name = f"{exchange} → {queue} [{key}]"
            yield Difference(
                kind="extra",
                part="binding",
                name=name,
                sentence=f"binding {name} is none of ours: {queue} gets messages that its consumers may not expect",
            )


def _besides(topology: Topology, found: Found) -> Iterator[Difference]:
    for part, name in foreign(topology, found):
        sentence = f"{part} {name} is none of ours and left alone: delete it when nobody needs it"
        yield Difference(kind="extra", part=part, name=name, sentence=sentence)


def _policies(topology: Topology, found: Found) -> Iterator[Difference]:
    if found.policies is None:
        return
    wanted = policies_of(topology)
    for queue, policy in wanted.items():
        there = found.policies.get(policy.name)
        if there is None:
            yield Difference(kind="missing", part="policy", name=queue, sentence=f"policy {policy.name} is missing")
        elif there != policy:
            yield Difference(
                kind="outdated", part="policy", name=queue, sentence=f"policy {policy.name}: {_other(there, policy)}"
            )
    for unlimited in topology.queues:
        queue = unlimited.name
        declared = found.queues.get(queue)
        if declared is not None and _other_queue(unlimited, declared):
            continue  # the limits it is to have as arguments are not there yet
        if queue not in wanted and PREFIX + queue in found.policies:
            yield Difference(
                kind="outdated",
                part="policy",
                name=queue,
                sentence=f"policy {PREFIX}{queue} stands though {queue} is to have no limits by policy",
            )


def _other(there: Policy, wanted: Policy) -> str:
    return _unequal(
        [
            ("pattern", there.pattern, wanted.pattern),
            ("apply-to", there.apply_to, wanted.apply_to),
            ("priority", there.priority, wanted.priority),
            *_settings(there.definition, wanted.definition),
        ]
    )


def _settings(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(name, there.get(name), wanted.get(name)) for name in sorted({*there, *wanted})]


def _limits(topology: Topology, found: Found) -> Iterator[Difference]:
    """What is in force on the queues, whoever's it is. Up to 5 s old, so read it again before you complain."""
    wanted = policies_of(topology)
    for queue in topology.queues:
        there = found.queues.get(queue.name)
        policy = wanted.get(queue.name)
        if there is None or isinstance(there.policy, msgspec.UnsetType):
            continue
        if policy is None and there.policy is None:
            continue
        if policy is None and _other_queue(queue, there):
            continue
        if policy is None or there.policy != policy.name:
            yield _overridden(queue.name, there.policy, policy, found)
        elif found.policies is not None and policy.name not in (highest := _highest(queue.name, found.policies)):
            # Another one was set above ours a moment ago, and the statistics still show ours.
            yield _overridden(queue.name, min(highest, key=str), policy, found, settling=True)
        elif there.operator_policy is not None:
            effective = there.effective_policy_definition
            now = effective if isinstance(effective, dict) else {}
            if words := _unequal(_settings({name: now.get(name) for name in policy.definition}, policy.definition)):
                yield Difference(
                    kind="overridden",
                    part="limits",
                    name=queue.name,
                    sentence=(
                        f"the operator policy {there.operator_policy} changes the limits of {queue.name} ({words}): "
                        'set the same under [broker_queues."' + queue.name + '"], or have it changed'
                    ),
                )


def _overridden(
    queue: str, in_force: str | None, wanted: Policy | None, found: Found, *, settling: bool = False
) -> Difference:
    other = (found.policies or {}).get(in_force) if in_force is not None else None
    priority = f" (priority {other.priority})" if other is not None else ""
    if wanted is None:
        sentence = f"policy {in_force}{priority} is in force on {queue}, which is to have no limits by policy"
    elif in_force is None:
        sentence = f"no policy is in force on {queue}: {wanted.name} is missing or not taken up yet"
    else:
        sentence = (
            f"policy {in_force}{priority} is in force on {queue} instead of {wanted.name} (priority "
            f"{wanted.priority}), and only one can be: give it a lower priority, or a pattern that leaves {queue} out"
        )
    settling = settling or found.policies is None or in_force not in _highest(queue, found.policies)
    return Difference(kind="overridden", part="limits", name=queue, sentence=sentence, settling=settling)


def _highest(queue: str, policies: Mapping[str, Policy]) -> set[str | None]:
    """The names of which one is in force, by the rule of RabbitMQ."""
    matching = [each for each in policies.values() if each.apply_to in _FOR_QUEUES and _matches(each.pattern, queue)]
    top = max((each.priority for each in matching), default=None)
    return {each.name for each in matching if each.priority == top} or {None}


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:  # Erlang's dialect knows more than ours
        return False
