"""The topology brought to a broker, or compared with what is there.

```
 login ─▶ virtual host ─▶ rights ─▶ look ─▶ policies ─▶ exchanges ─▶ queues ─▶ bindings ─▶ look again
            (made with                          limits stand before the queue they are for
             --create-vhost)
```

All through the management API, so that one address and one account suffice. Only what is missing or outdated is
written: a second run changes nothing.
"""

import asyncio
import random
import shlex
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from vss_router.broker.endpoint import BrokerEndpoint
from vss_router.broker.management import Management, RequestRefusedError
from vss_router.broker.provisioning.access import (
    Account,
    check_vhost,
    create_vhost,
    lacking_rights,
    missing_vhost,
    read_account,
    read_rights,
)
from vss_router.broker.provisioning.differences import Difference, differences
from vss_router.broker.provisioning.found import Found, look
from vss_router.broker.provisioning.policies import PREFIX, policies_of
from vss_router.broker.provisioning.refusals import Refusals
from vss_router.broker.topology import Binding, Topology
from vss_router.errors import TopologyError

__all__ = ["Applied", "Comparison", "Provisioning"]

_IN_FORCE_SECONDS: Final = 15.0
"""The management API shows the policy in force up to 5 s late, a busy broker later."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
_SHOWN_NAMES: Final = 3


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What is there, and every difference from what should be; `looks` is how often it was read for that."""

    found: Found
    differences: list[Difference]
    rights: list[str]
    """What the account that will use it lacks, a sentence each; empty also where that cannot be seen."""
    looks: int = 1

    @property
    def faults(self) -> list[str]:
        """A sentence for each thing that is not as it should be."""
        return [each.sentence for each in self.differences if each.is_fault] + self.rights


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What `apply` did, a sentence each (none: nothing was to do), what was refused, and how it stands now."""

    done: list[str]
    refused: dict[str, str]
    """The sentence of the `Difference` it was to mend to the one that says why it could not."""
    left_out: frozenset[str] = frozenset()
    """Those of bindings whose exchange or queue was refused, which is told there."""
    comparison: Comparison

    @property
    def faults(self) -> list[str]:
        """A sentence for each thing that is still not as it should be."""
        return [self.refused.get(fault, fault) for fault in self.comparison.faults if fault not in self.left_out]


class Provisioning:
    """Brings `topology` to the virtual host of `broker`, asking `management`.

    `sleep`, `monotonic` and `rng` are for tests; `seconds` bounds the wait for policies to be in force.
    """

    def __init__(
        self,
        management: Management,
        broker: BrokerEndpoint,
        topology: Topology,
        *,
        seconds: float = _IN_FORCE_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._management = management
        self._broker = broker
        self.topology = topology
        self._seconds = seconds
        self._sleep = sleep
        self._monotonic = monotonic
        self._rng = rng if rng is not None else random.Random()  # noqa: S311 - spreads pauses

    async def compare(self) -> Comparison:
        """Look, and look again while the policies in force are not shown yet. Changes nothing.

        Raises
        ------
        BrokerUnavailableError, BrokerRefusedError
            As `Management.get`.
        TopologyError
            There is no such virtual host, or no access to it.
        """
        account = await read_account(self._management)
        if not await check_vhost(self._management, self._broker, account):
            raise await missing_vhost(self._management, self._broker, account)
        return await self._settled(wait_for_all=True)

    async def apply(self, *, create_vhost: bool = False) -> Applied:
        """Make what is missing, renew what is outdated, and read it back.

        One refusal does not end it: the rest is declared all the same, but bindings of what was refused. The policies
        are read back; that they are in force, which RabbitMQ shows of a new queue only after 4 s, is for `compare` to
        wait for.

        Raises
        ------
        BrokerUnavailableError, BrokerRefusedError
            As `Management.get`.
        TopologyError
            Nothing was changed: no such virtual host, no access to it, or not the rights for what is to be done.
        """
        account = await read_account(self._management)
        done: list[str] = []
        if not await check_vhost(self._management, self._broker, account):
            if not create_vhost:
                raise await missing_vhost(self._management, self._broker, account)
            done += await self._create_vhost(account)
        found = await look(self._management, self._broker.vhost)
        todo = [each for each in differences(self.topology, found) if each.kind in {"missing", "outdated"}]
        await self._check_rights(account, todo, found)
        refusals = Refusals(account.name, self._broker.vhost)
        for each in sorted(todo, key=lambda each: each.part != "policy"):
            if each.part == "binding" and refusals.leave_out(each, self._binding(each)):
                continue
            try:
                done.append(await self._mend(each))
            except RequestRefusedError as error:
                refusals.add(each, error)
        return Applied(
            done=done,
            refused=refusals.sentences(),
            left_out=refusals.left_out,
            comparison=await self._settled(wait_for_all=False),
        )

    async def _create_vhost(self, account: Account) -> list[str]:
        return await create_vhost(self._management, self._broker, account)

    async def _check_rights(self, account: Account, todo: list[Difference], found: Found) -> None:
        vhost = self._broker.vhost
        policies = sum(each.part == "policy" for each in todo)
        if found.policies is None:  # then only what they do can be seen
            policies = sum(each.part == "limits" for each in differences(self.topology, found))
        if policies and not account.may_set_policies:
            raise TopologyError(
                f'the user "{account.name}" may not set policies, which {policies} queues in "{vhost}" get their '
                f"limits by: give it the tag with rabbitmqctl set_user_tags {account.name} policymaker, or let the "
                "queues carry their limits as arguments with --limits arguments"
            )
        if not account.is_administrator or all(each.part == "policy" for each in todo):
            return
        rights = await read_rights(self._management, vhost, account.name)
        if rights is not None and (lacking := lacking_rights(self.topology, rights, to_use=False)):
            raise TopologyError(_lacking(account.name, vhost, lacking))

    async def _mend(self, what: Difference) -> str:
        management, vhost, topology = self._management, self._broker.vhost, self.topology
        if what.part == "policy":
            policy = policies_of(topology).get(what.name)
            if policy is None:
                await management.delete("policies", vhost, PREFIX + what.name)
                return f"policy {PREFIX}{what.name} removed"
            await management.put("policies", vhost, policy.name, body=policy.body())
            return f"policy {policy.name} {'set' if what.kind == 'missing' else 'renewed'}"
        if what.part == "exchange":
            (exchange,) = (each for each in topology.exchanges if each.name == what.name)
            properties = {"type": exchange.kind, "durable": exchange.durable, "auto_delete": exchange.auto_delete}
            await management.put("exchanges", vhost, exchange.name, body=properties)
            return f"exchange {exchange.name} [{exchange.kind}] declared"
        if what.part == "queue":
            (queue,) = (each for each in topology.queues if each.name == what.name)
            declared = {
                "durable": queue.durable,
                "auto_delete": queue.auto_delete,
                "arguments": dict(queue.arguments),
            }
            await management.put("queues", vhost, queue.name, body=declared)
            return f"queue {queue.name} declared"
        binding = self._binding(what)
        place = ("bindings", vhost, "e", binding.exchange, "q", binding.queue)
        await management.post(*place, body={"routing_key": binding.routing_key, "arguments": {}})
        return f"binding {what.name} made"

    def _binding(self, what: Difference) -> Binding:
        (binding,) = (
            each
            for each in self.topology.bindings
            if f"{each.exchange} → {each.queue} [{each.routing_key}]" == what.name
        )
        return binding

    async def _settled(self, *, wait_for_all: bool) -> Comparison:
        monotonic = self._monotonic or asyncio.get_running_loop().time
        deadline = monotonic() + self._seconds
        rights = await self._user_lacks()
        pause, looks = _FIRST_PAUSE, 0
        while True:
            looks += 1
            found = await look(self._management, self._broker.vhost)
            told = differences(self.topology, found)
            unsettled = any(each.settling for each in told) or (wait_for_all and self._unseen(found))
            if not unsettled or monotonic() >= deadline:
                return Comparison(found=found, differences=told, rights=rights, looks=looks)
            await self._sleep(pause * self._rng.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _unseen(self, found: Found) -> bool:
        """Whether there is a queue of ours of which the broker does not say yet what is in force on it."""
        return any(
            isinstance(there.policy, msgspec.UnsetType)
            for queue in self.topology.queues
            if (there := found.queues.get(queue.name)) is not None
        )

    async def _user_lacks(self) -> list[str]:
        broker = self._broker
        rights = await read_rights(self._management, broker.vhost, broker.user)
        if rights is None:
            return []
        lacking = lacking_rights(self.topology, rights, to_use=True)
        return [_lacking(broker.user, broker.vhost, lacking)] if lacking else []


def _lacking(user: str, vhost: str, lacking: dict[str, list[str]]) -> str:
    words = "; ".join(f"{right} {_some(names)}" for right, names in lacking.items())
    return (
        f'the user "{user}" lacks rights in "{vhost}" ({words}): give them with rabbitmqctl set_permissions -p '
        f"{shlex.quote(vhost)} {user} '^vss\\.' '^(vss\\.|amq\\.default$)' '^vss\\.'"
    )


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
