"""SIGTERM and SIGKILL under load: what was begun is finished or comes again, nothing is lost."""

import asyncio
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.contract.consumers_contract import lead, publish
from tests.contract.transport_rig import ready_messages
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.broker.dead_letters import DeadLetters
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.vss_topology import vss_topology

CHILD = Path(__file__).with_name("consuming_process.py")
LEADS = 300
LONGEST = 40.0


class Child:
    """The process, and what it said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[list[str]] = []

    async def until(self, word: str, times: int = 1) -> None:
        async with asyncio.timeout(LONGEST):
            while sum(words[0] == word for words in self.said) < times:
                await self._line()

    async def end(self) -> int:
        """Read to the end; its exit code."""
        async with asyncio.timeout(LONGEST):
            while await self._line():
                pass
            return await self.process.wait()

    async def _line(self) -> bool:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if line:
            self.said.append(line.decode().split())
        return bool(line)

    def leads(self, word: str) -> set[str]:
        return {words[1] for words in self.said if words[0] == word}


@pytest.fixture
async def transport(rabbitmq: RabbitMqServer) -> AsyncIterator[tuple[LapinTransport, str]]:
    url = rabbitmq.new_vhost()
    lapin = LapinTransport(parse_broker_url(url), random=random.random)
    await lapin.declare(vss_topology())
    await lapin.connect()
    yield lapin, url
    await lapin.close()


@asynccontextmanager
async def working(url: str, grace: float) -> AsyncIterator[Child]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), url, str(grace), stdout=asyncio.subprocess.PIPE
    )
    try:
        child = Child(process)
        await child.until("ready")
        yield child
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.slow
async def test_at_sigterm_what_runs_is_finished_the_rest_comes_again_and_it_ends_in_time(
    transport: tuple[LapinTransport, str],
) -> None:
    broker, url = transport
    await publish(broker, *(lead(f"l{number}") for number in range(LEADS)))
    async with working(url, 10.0) as child:
        await child.until("finished", 20)
        child.process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        assert await child.end() == 0
        assert time.monotonic() - asked < 10
    finished = child.leads("finished")
    assert child.leads("began") == finished
    assert 20 <= len(finished) < LEADS
    await ready_messages(broker, "vss.autodial.leads", LEADS - len(finished))
    found = await DeadLetters(broker).list("vss.autodial.leads", limit=LEADS)
    assert {letter.id for letter in found.letters} == {f"l{number}" for number in range(LEADS)} - finished
    # Back where they stood: the next worker begins with the oldest.
    numbers = [int(letter.id[1:]) for letter in found.letters]
    assert numbers == sorted(numbers)


@pytest.mark.slow
async def test_a_handler_that_ignores_the_end_does_not_outlast_the_grace_and_its_message_comes_again(
    transport: tuple[LapinTransport, str],
) -> None:
    broker, url = transport
    await publish(broker, lead("stubborn"), lead("l1"))
    async with working(url, 0.5) as child:
        await child.until("began", 2)
        child.process.send_signal(signal.SIGTERM)
        # The drain is over though the handler is not; what still runs then is the program's to end.
        await child.until("closed")
    await ready_messages(broker, "vss.autodial.leads", 1)
    found = await DeadLetters(broker).list("vss.autodial.leads")
    assert [letter.id for letter in found.letters] == ["stubborn"]


@pytest.mark.slow
async def test_what_a_killed_worker_had_begun_comes_again(transport: tuple[LapinTransport, str]) -> None:
    broker, url = transport
    await publish(broker, *(lead(f"l{number}") for number in range(LEADS)))
    async with working(url, 10.0) as child:
        await child.until("finished", 20)
        child.process.kill()
        await child.end()
    async with working(url, 10.0) as second:
        await second.until("finished", LEADS - len(child.leads("finished")))
        second.process.send_signal(signal.SIGTERM)
        assert await second.end() == 0
    assert child.leads("finished") | second.leads("finished") == {f"l{number}" for number in range(LEADS)}
    await ready_messages(broker, "vss.autodial.leads", 0)
