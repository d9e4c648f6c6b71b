"""The publishing process is killed (-9) and started again, while connections are closed: what it promised arrives.

What had been published when `publish` returned arrives; an event of a PBX that does not arrive lies in a `sync.gap`.
"""

import asyncio
import logging
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import pytest

from tests.docs.pages import ROOT
from tests.faults.broker_spoiler import come_back, go_away
from tests.faults.broker_transports import ALL, QUEUE
from tests.faults.emptied_queue import Arrived, arrivals_in_order, emptied
from tests.faults.publishing_process import SOURCES
from tests.services.rabbitmq_server import RabbitMqServer

KILLS: Final = 6
END_SECONDS: Final = 120.0
"""Seconds that end a test which has failed."""

_log = logging.getLogger(__name__)


class Told(NamedTuple):
    """What the process wrote down before it was killed."""

    given: dict[str, list[int]]
    published: list[str]


class Gap(msgspec.Struct):
    from_seq: int
    to_seq: int


def started(url: str, folder: Path, kind: str) -> "subprocess.Popen[bytes]":
    with (folder / "process.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.publishing_process", url, str(folder), kind],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
            stdout=log,
            stderr=log,
        )


def told_in(folder: Path, sources: Sequence[str] = SOURCES) -> Told:
    given: dict[str, list[int]] = {source: [] for source in sources}
    published: list[str] = []
    for line in (folder / "told.log").read_text().splitlines():
        match line.split():
            case ["seq", source, seq]:
                given[source].append(int(seq))
            case ["id", name]:
                published.append(name)
    return Told(given, published)


def lines_in(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


async def grows(file: Path, process: "subprocess.Popen[bytes]", lines: int) -> None:
    """Wait until the process has written so many more lines."""
    begin = lines_in(file)
    async with asyncio.timeout(END_SECONDS):
        while lines_in(file) < begin + lines:
            assert process.poll() is None, f"the process ended by itself: {file.with_name('process.log').read_text()}"
            await asyncio.sleep(0.01)


def gaps_of(arrived: list[Arrived], source: str) -> list[Gap]:
    return [
        msgspec.json.decode(each.body, type=Gap) for each in arrived if each.key == "sync.gap" and each.source == source
    ]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ALL)
async def test_a_publisher_killed_again_and_again_keeps_its_promises(
    server: RabbitMqServer, tmp_path: Path, kind: str
) -> None:
    url = server.new_vhost()
    chance = random.Random(kind)
    for turn in range(KILLS):
        process = started(url, tmp_path, kind)
        try:
            await grows(tmp_path / "told.log", process, chance.randint(200, 6_000))
            if turn % 2:
                await asyncio.to_thread(server.close_connections, at_least=0)
                await asyncio.sleep(chance.random() * 0.05)
            elif turn == 2:
                await asyncio.to_thread(go_away, server)
                await grows(tmp_path / "told.log", process, 500)
        finally:
            process.kill()
            process.wait()
        if turn == 2:
            await asyncio.to_thread(come_back, server)
    process = started(url, tmp_path, kind)
    await grows(tmp_path / "told.log", process, 500)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, END_SECONDS) == 0, (tmp_path / "process.log").read_text()

    told = told_in(tmp_path)
    arrived = await emptied(url, QUEUE)
    missing = set(told.published) - {each.id for each in arrived}
    assert missing == set()
    for source in SOURCES:
        order = arrivals_in_order(arrived, source)
        assert order == sorted(order)
        gaps = gaps_of(arrived, source)
        lost = sorted(set(told.given[source]) - set(order))
        outside = [seq for seq in lost if not any(gap.from_seq < seq <= gap.to_seq for gap in gaps)]
        assert outside == []
        covered = sum(any(gap.from_seq < seq <= gap.to_seq for gap in gaps) for seq in told.given[source])
        assert covered < len(told.given[source]) / 2, "a gap over everything would prove nothing"
        _log.info("%s: %d given, %d lost, %d in gaps", source, len(told.given[source]), len(lost), covered)
    assert len(told.published) > KILLS
