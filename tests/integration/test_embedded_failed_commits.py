"""Commits of the embedded broker that fail while later ones succeed: what is done stays done over a restart."""

import asyncio
import itertools
import random
import sqlite3
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.transport_rig import drained, got, outcomes, publish, to_queue, until, with_limits, with_queues
from tests.integration.test_embedded_differential import WORDS, Dice
from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.journal import Write
from vss_router.broker.journal.sqlite_file import SqliteFile
from vss_router.broker.topology import Binding, Exchange, Queue, Topology
from vss_router.errors import TopologyError

if TYPE_CHECKING:
    from vss_router.broker.message import Delivery

LONGEST = 10.0
STEPS = 60


class Disk:
    """Commits wait while it is `stopped`; one fails when it is in `failing` (counted from the next), or by `dice`."""

    def __init__(self) -> None:
        self.commits = 0
        self.failing: set[int] = set()
        self.dice: random.Random | None = None
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._write = SqliteFile.commit

    def stop(self, *failing: int) -> None:
        self.commits, self.failing = 0, set(failing)
        self._goes_on.clear()

    def go_on(self) -> None:
        self._goes_on.set()

    def commit(self, file: SqliteFile, groups: Sequence[Sequence[Write]]) -> list[Exception | None]:
        return [self._one(file, group) for group in groups]

    def _one(self, file: SqliteFile, group: Sequence[Write]) -> Exception | None:
        self.commits += 1
        number = self.commits
        self._goes_on.wait(LONGEST)
        if number in self.failing or (self.dice is not None and self.dice.random() < 0.4):
            return sqlite3.OperationalError("disk I/O error")
        (error,) = self._write(file, [group])
        return error


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()

    def commit(file: SqliteFile, groups: Sequence[Sequence[Write]]) -> list[Exception | None]:
        return disk.commit(file, groups)

    monkeypatch.setattr(SqliteFile, "commit", commit)
    yield disk
    disk.go_on()


async def opened(path: Path) -> EmbeddedTransport:
    transport = EmbeddedTransport(path)
    await transport.connect()
    return transport


async def test_a_message_settled_while_the_commit_that_brought_it_failed_does_not_come_back(
    tmp_path: Path, disk: Disk
) -> None:
    transport = await opened(tmp_path / "broker.db")
    await with_limits(transport, "a", dead_letter="dead")
    await with_queues(transport, "dead", "other")
    await publish(transport, *to_queue("a", "letter"))
    letter = await got(transport, "a")
    disk.stop(1)
    letter.nack(requeue=False)
    await until(lambda: disk.commits == 1)  # the dead letter is on its way to the disk
    (await got(transport, "dead")).ack()
    publishing = asyncio.create_task(transport.publish(to_queue("other", "later")))
    await asyncio.sleep(0)  # the ack goes with this commit, which stands behind the one that fails
    disk.go_on()
    assert outcomes(await publishing) == ["confirmed"]
    await transport.close()
    again = await opened(tmp_path / "broker.db")
    assert [await drained(again, name) for name in ("a", "dead", "other")] == [[], [], ["later"]]
    await again.close()


async def test_a_queue_deleted_while_the_commit_that_declared_it_failed_does_not_come_back(
    tmp_path: Path, disk: Disk
) -> None:
    transport = await opened(tmp_path / "broker.db")
    disk.stop(1)
    topology = Topology(
        exchanges=(Exchange(name="x", kind="fanout"),),
        queues=(Queue(name="a"),),
        bindings=(Binding(exchange="x", queue="a"),),
    )
    declaring = asyncio.create_task(transport.declare(topology))
    await until(lambda: disk.commits == 1)
    deleting = asyncio.create_task(transport.delete_queue("a"))
    await asyncio.sleep(0)
    disk.go_on()
    with pytest.raises(TopologyError, match="what was declared cannot be kept over a restart"):
        await declaring
    await deleting
    await transport.close()
    again = await opened(tmp_path / "broker.db")
    assert await again.inspect("a") is None
    await with_queues(again, "b")
    assert not again.takes("x", "")
    await again.declare(Topology(bindings=(Binding(exchange="x", queue="b"),)))  # the exchange is there
    await again.close()


async def test_what_was_declared_is_kept_though_its_caller_was_cancelled_and_the_commit_failed(
    tmp_path: Path, disk: Disk
) -> None:
    transport = await opened(tmp_path / "broker.db")
    disk.stop(1)
    declaring = asyncio.create_task(with_queues(transport, "a"))
    await until(lambda: disk.commits == 1)
    declaring.cancel()
    await asyncio.wait([declaring])
    disk.go_on()
    await publish(transport, *to_queue("a", "1"))
    await transport.close()
    again = await opened(tmp_path / "broker.db")
    assert await drained(again, "a") == ["1"]
    await again.close()


async def test_a_message_that_its_publisher_was_refused_is_not_put_back_by_its_consumer(
    tmp_path: Path, disk: Disk
) -> None:
    transport = await opened(tmp_path / "broker.db")
    await with_queues(transport, "a")
    disk.stop(1)
    publishing = asyncio.create_task(transport.publish(to_queue("a", "refused")))
    await until(lambda: disk.commits == 1)
    delivery = await got(transport, "a")
    disk.go_on()
    assert outcomes(await publishing) == ["nacked"]
    delivery.nack(requeue=True)
    assert await transport.get("a") is None
    await transport.close()


class Busy:
    """Some who publish, settle, declare and delete at a time."""

    def __init__(self, transport: EmbeddedTransport, dice: Dice) -> None:
        self.transport = transport
        self.dice = dice
        self.topology = dice.topology(limited=False)
        self.queues = [queue.name for queue in self.topology.queues]
        self._held: list[Delivery] = []
        self._number = 0

    async def work(self) -> None:
        for _ in range(STEPS):
            await self._step()

    async def _step(self) -> None:
        dice = self.dice
        match dice.choice(["publish"] * 6 + ["get"] * 5 + ["settle"] * 5 + ["declare", "delete", "purge"]):
            case "publish":
                self._number += 1
                await self._or_cancelled(
                    self.transport.publish([dice.message(self._number, self.topology, limited=False)])
                )
            case "get" if (queue := dice.choice(self.queues)) and await self.transport.inspect(queue) is not None:
                delivery = await self.transport.get(queue)
                self._held += [] if delivery is None else [delivery]
            case "settle" if self._held:
                delivery = self._held.pop(dice.randrange(len(self._held)))
                how = dice.choice(["ack", "requeue", "reject"])
                _ = delivery.ack() if how == "ack" else delivery.nack(requeue=how == "requeue")
            case "declare":
                with suppress(TopologyError):
                    await self._or_cancelled(self.transport.declare(self.topology))
            case "delete" if dice.random() < 0.5:
                await self._or_cancelled(self.transport.delete_queue(dice.choice(self.queues)))
            case "purge" if (queue := dice.choice(self.queues)) and await self.transport.inspect(queue) is not None:
                await self.transport.purge(queue)

    async def _or_cancelled(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        if self.dice.random() < 0.2:
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        else:
            await task

    def settle_all(self) -> None:
        for delivery in self._held:
            delivery.nack(requeue=True)


async def stood(transport: EmbeddedTransport, topology: Topology) -> object:
    """What is in each queue, and where messages go; all messages are out then."""
    bodies: dict[str, list[bytes]] = {}
    for queue in topology.queues:
        if await transport.inspect(queue.name) is not None:
            bodies[queue.name] = []
            while (delivery := await transport.get(queue.name)) is not None:
                bodies[queue.name].append(delivery.body)
    keys = [".".join(words) for count in range(3) for words in itertools.product(WORDS, repeat=count)]
    return bodies, [transport.takes(exchange.name, key) for exchange in topology.exchanges for key in keys]


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_commits_fail_the_journal_has_in_the_end_what_the_broker_has(
    tmp_path: Path, disk: Disk, seed: int
) -> None:
    transport = await opened(tmp_path / "broker.db")
    busy = Busy(transport, Dice(seed))
    await transport.declare(busy.topology)
    disk.dice = random.Random(seed)
    await asyncio.gather(*(busy.work() for _ in range(4)))
    disk.dice = None
    busy.settle_all()
    before = await stood(transport, busy.topology)
    await transport.close()
    again = await opened(tmp_path / "broker.db")
    assert await stood(again, busy.topology) == before
    await again.close()
