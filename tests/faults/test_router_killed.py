"""The whole router is killed (-9) under traffic and started again: what is not told lies inside a `sync.gap`."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import ROOT
from tests.faults.broker_transports import ALL, QUEUE, everything, transport_to
from tests.faults.emptied_queue import arrivals_in_order, emptied
from tests.faults.test_broker_killed_publisher import gaps_of, grows, told_in
from tests.services.rabbitmq_server import RabbitMqServer
from vss_router.ami.simulator import Simulator
from vss_router.ami.simulator.server import SimulatorServer

KILLS: Final = 4
END_SECONDS: Final = 60.0
"""Seconds that end a test which has failed."""


def started(port: int, url: str, folder: Path, kind: str) -> "subprocess.Popen[bytes]":
    with (folder / "process.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.router_process", str(port), url, str(folder), kind],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
            stdout=log,
            stderr=log,
        )


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ALL)
async def test_what_a_killed_router_did_not_tell_lies_inside_a_gap(
    server: RabbitMqServer, tmp_path: Path, kind: str
) -> None:
    url = server.new_vhost()
    chance = random.Random(kind)
    transport = transport_to(url, kind)
    await transport.connect()
    await transport.declare(everything("#"))
    await transport.close()
    told_log = tmp_path / "told.log"
    centre = Simulator(40, 4, calls_per_second=5.0, seed=7)
    async with SimulatorServer(centre, speed=4.0) as pbx:
        for turn in range(KILLS):
            process = started(pbx.port, url, tmp_path, kind)
            try:
                await grows(told_log, process, chance.randint(300, 1_500))
                if turn % 2:
                    await asyncio.to_thread(server.close_connections, at_least=0)
            finally:
                process.kill()
                process.wait()
        process = started(pbx.port, url, tmp_path, kind)
        try:
            await grows(told_log, process, 500)
        finally:
            process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(process.wait, END_SECONDS)
    assert code == 0, (tmp_path / "process.log").read_text()

    given = told_in(tmp_path, ["main"]).given["main"]
    arrived = await emptied(url, QUEUE)
    order = arrivals_in_order(arrived, "main")
    assert order == sorted(order)
    gaps = gaps_of(arrived, "main")
    assert len([gap for gap in gaps if gap.from_seq < gap.to_seq]) >= KILLS
    lost = sorted(set(given) - set(order))
    assert [seq for seq in lost if not any(gap.from_seq < seq <= gap.to_seq for gap in gaps)] == []
    covered = sum(any(gap.from_seq < seq <= gap.to_seq for gap in gaps) for seq in given)
    assert covered < len(given) / 2, "a gap over everything would prove nothing"
