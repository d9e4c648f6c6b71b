"""What the accounts may do, asked before anything is changed.

Two accounts: the one of `--management` declares and sets policies, the one of `--broker` will use what was declared.
Rights in a virtual host are shown to administrators only; for others the refusals come one by one.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Any, Final

import httpx
import msgspec

from vss_router.broker.endpoint import BrokerEndpoint
from vss_router.broker.management import Management, RequestRefusedError
from vss_router.broker.topology import Topology
from vss_router.errors import TopologyError

__all__ = [
    "Account",
    "Rights",
    "check_vhost",
    "create_vhost",
    "lacking_rights",
    "missing_vhost",
    "read_account",
    "read_rights",
]

_DEFAULT_EXCHANGE: Final = "amq.default"
_OURS: Final = {"configure": r"^vss\.", "write": r"^(vss\.|amq\.default$)", "read": r"^vss\."}
"""All that a router and the guide's programs need."""


class Account(msgspec.Struct, frozen=True):
    """A user of the management API, and its tags."""

    name: str
    tags: frozenset[str]

    @property
    def is_administrator(self) -> bool:
        """It sees and may do everything but use a virtual host it has no rights in."""
        return "administrator" in self.tags

    @property
    def may_set_policies(self) -> bool:
        """In the virtual hosts it has rights in."""
        return bool(self.tags & {"administrator", "policymaker"})


class Rights(msgspec.Struct, frozen=True):
    """Regular expressions over names; an empty one matches nothing."""

    configure: str = ""
    write: str = ""
    read: str = ""


async def read_account(management: Management) -> Account:
    """Who we are there; raises as `Management.get`."""
    told = await management.get("whoami")
    tags = told.get("tags", []) if isinstance(told, dict) else []
    # Before 3.9 the tags were one text.
    listed = tags.split(",") if isinstance(tags, str) else tags
    return Account(management.endpoint.user, frozenset(str(tag).strip() for tag in listed))


async def check_vhost(management: Management, broker: BrokerEndpoint, account: Account) -> bool:
    """Whether the virtual host is there.

    Raises
    ------
    TopologyError
        It is there, and the account has no access to it.
    """
    try:
        await management.get("exchanges", broker.vhost)
    except RequestRefusedError as refused:
        if refused.status == httpx.codes.NOT_FOUND:
            return False
        raise TopologyError(
            f'the user "{account.name}" has no access to the virtual host "{broker.vhost}": give it rights there, as '
            f"{rights_command(broker, account)} does"
        ) from refused
    return True


def rights_command(broker: BrokerEndpoint, account: Account) -> str:
    """What gives the account all rights in the virtual host, for a shell."""
    return f"rabbitmqctl set_permissions -p {shlex.quote(broker.vhost)} {shlex.quote(account.name)} '.*' '.*' '.*'"


async def missing_vhost(management: Management, broker: BrokerEndpoint, account: Account) -> TopologyError:
    """The sentence for a virtual host that is not there; names the one of the other spelling when that is.

    RabbitMQ 4.3 says the same of one that is there to a user without rights in it, unless that is an administrator.
    """
    wanted = broker.vhost
    other = wanted.removeprefix("/") if wanted.startswith("/") else f"/{wanted}"
    names = {row.get("name") for row in await management.get("vhosts") if isinstance(row, dict)}
    if other and other in names:
        return TopologyError(
            f'there is no virtual host "{wanted}" at {management.endpoint.url}, but there is "{other}": write the URL '
            f"as {broker.url_at(other)}, or make the other one with --create-vhost"
        )
    if not account.is_administrator:
        return TopologyError(
            f'the user "{account.name}" finds no virtual host "{wanted}" at {management.endpoint.url}: if it is there, '
            f"give the user rights, as {rights_command(broker, account)} does; if not, have an administrator make it"
        )
    return TopologyError(
        f'there is no virtual host "{wanted}" at {management.endpoint.url}: make it with --create-vhost, or check what '
        f"stands behind the host in {broker.url}"
    )


async def create_vhost(management: Management, broker: BrokerEndpoint, account: Account) -> list[str]:
    """Make the virtual host, with rights for both accounts; what was done.

    Raises
    ------
    TopologyError
        The account may not.
    """
    try:
        await management.put("vhosts", broker.vhost, body={})
        done = [f'virtual host "{broker.vhost}" made']
        if broker.user != account.name:
            await management.put("permissions", broker.vhost, broker.user, body=_OURS)
            done.append(f'user "{broker.user}" given its rights there')
    except RequestRefusedError as refused:
        raise TopologyError(
            f'the virtual host "{broker.vhost}" cannot be made by "{account.name}" ({refused.reason}): only an '
            f"administrator may; rabbitmqctl add_vhost {shlex.quote(broker.vhost)} does it too"
        ) from refused
    return done


async def read_rights(management: Management, vhost: str, user: str) -> Rights | None:
    """The rights of a user in a virtual host; None when this account may not see them."""
    try:
        told = await management.get("permissions", vhost, user)
    except RequestRefusedError as refused:
        return Rights() if refused.status == httpx.codes.NOT_FOUND else None
    return msgspec.convert(told, Rights)


def lacking_rights(topology: Topology, rights: Rights, *, to_use: bool) -> dict[str, list[str]]:
    """The names that each right should match and does not, by right.

    With `to_use` those of whoever publishes and consumes, else those of whoever declares.
    """
    exchanges = [exchange.name for exchange in topology.exchanges]
    queues = [queue.name for queue in topology.queues]
    wanted = {
        "configure": exchanges + queues,
        # To bind is to write to the queue and to read from the exchange; to publish is to write to the exchange.
        "write": queues + ([*exchanges, _DEFAULT_EXCHANGE] if to_use else []),
        "read": exchanges + (queues if to_use else []),
    }
    told = {right: list(_unmatched(getattr(rights, right), names)) for right, names in wanted.items()}
    return {right: names for right, names in told.items() if names}


def _unmatched(pattern: Any, names: list[str]) -> Iterator[str]:
    try:
        matches = re.compile(pattern or "^$")
    except re.error:  # Erlang's dialect knows more than ours: the broker will tell
        return
    yield from (name for name in names if not matches.search(name))
