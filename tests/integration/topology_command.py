"""`vss-router topology` as a test calls it, and a look at what it made."""

from typing import Any, NamedTuple, Protocol

import pytest

from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.server_process import wait_until
from vss_router.cli import run

__all__ = ["Ended", "TopologyCommand", "in_force", "name_of", "names", "queue", "topology_command"]


class Ended(NamedTuple):
    """How the command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.out.splitlines()]


class TopologyCommand(Protocol):
    """`vss-router topology COMMAND --broker URL …`."""

    def __call__(self, command: str, url: str, *words: str, management: str | None = None) -> Ended: ...


def topology_command(server: RabbitMqServer, capsys: pytest.CaptureFixture[str]) -> TopologyCommand:
    def call(command: str, url: str, *words: str, management: str | None = None) -> Ended:
        place = management or server.management_url
        code = run(["topology", command, "--broker", url, "--management", place, *words])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


def name_of(url: str) -> str:
    """The virtual host, as the paths of the management API need it."""
    return url.rpartition("/")[2]


def queue(server: RabbitMqServer, url: str, name: str) -> Any:
    return server.api("GET", f"queues/{name_of(url)}/{name}")


def arguments(server: RabbitMqServer, url: str, name: str) -> dict[str, object]:
    """What a queue was declared with, but its type, which RabbitMQ 4 writes down by itself."""
    return {key: value for key, value in queue(server, url, name)["arguments"].items() if key != "x-queue-type"}


def in_force(server: RabbitMqServer, url: str, name: str) -> Any:
    """The limits that are in force on a queue; the row is without them while they change."""
    wait_until(lambda: "effective_policy_definition" in queue(server, url, name), "the limits in force")
    return queue(server, url, name)["effective_policy_definition"]


def names(server: RabbitMqServer, url: str, kind: str) -> set[str]:
    return {row["name"] for row in server.api("GET", f"{kind}/{name_of(url)}") if row["name"].startswith("vss")}
