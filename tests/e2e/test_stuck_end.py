"""A process whose tasks do not let themselves be cancelled ends all the same, and says which."""

import subprocess
import sys

PROGRAM = """
import asyncio
from vss_router.cli.running import run_command

async def deaf():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def command(stop):
    asyncio.get_running_loop().create_task(deaf(), name="a deaf handler")
    await asyncio.sleep(0)
    {end}

run_command(command)
"""


def ended(end: str) -> "subprocess.CompletedProcess[str]":
    program = PROGRAM.replace("{end}", end)
    return subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=50)


def test_a_task_that_ignores_its_cancellation_does_not_hold_the_process() -> None:
    process = ended("pass")
    assert process.returncode == 1
    assert "without waiting for what does not end: a deaf handler" in process.stderr


def test_nor_does_it_when_the_command_failed() -> None:
    process = ended("raise ValueError('broken on purpose')")
    assert process.returncode == 1
    assert "a deaf handler" in process.stderr
