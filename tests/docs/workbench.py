"""Runs the examples of one page in a folder of its own, as a reader would."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from tests.docs.pages import ROOT, Block, Command, commands_of, prints
from tests.services.rabbitmq_server import RabbitMqServer
from tests.services.redis_server import RedisServer

LONGEST_COMMAND: Final = 60.0  # seconds
# What prepares a machine is shown, not run.
NOT_OURS: Final = {"git", "cd", "sudo", "apt-get", "pip", "rustup", "systemctl", "rabbitmqctl"}
_LOOPBACK: Final = re.compile(r"\b(?:127\.0\.0\.1|localhost):(\d+)\b")
_PBX: Final = re.compile(r"\bpbx\.example\.org:\d+\b")
_RABBITMQ: Final = re.compile(r"\brabbitmq\.example\.org:(5672|15672)\b")
_REDIS: Final = re.compile(r"\bredis\.example\.org:\d+\b")
# Machines without curl still run the examples that use it.
_CURL: Final = """#!{python}
import sys, httpx
headers = dict(pair.split(": ", 1) for flag, pair in zip(sys.argv, sys.argv[1:]) if flag == "-H")
answer = httpx.get(sys.argv[-1], headers=headers)
sys.stdout.write(answer.text)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Background:
    """A command that goes on; its output grows in a file."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str], number: int) -> None:
        self.command = command
        self.log = folder / f".background-{number}"
        with self.log.open("wb") as sink:
            # A session of its own, so that its end takes what it started with it.
            self.process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def await_lines(self, expected: str) -> None:
        """Wait, at most `LONGEST_COMMAND`, until it has printed what is expected."""
        deadline = time.monotonic() + LONGEST_COMMAND
        while not prints(f"{expected}\n...", self.output()):
            assert self.process.poll() is None, f"{self.command} ended:\n{self.output()}"
            assert time.monotonic() < deadline, f"{self.command} did not print what the page says:\n{self.output()}"
            time.sleep(0.02)

    def stop(self) -> int:
        """End it as Ctrl-C does and give back its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            raise


class Workbench:
    """The folder, the ports and the processes of one page."""

    def __init__(self, folder: Path, rabbitmq: Callable[[], RabbitMqServer]) -> None:
        self.folder = folder
        self.rabbitmq = rabbitmq
        self.ports: dict[str, int] = {}
        self.background: list[Background] = []
        self.redis: RedisServer | None = None
        self.printed = ""
        tools = folder / ".bin"
        tools.mkdir()
        if shutil.which("curl") is None:
            (tools / "curl").write_text(_CURL.format(python=sys.executable))
            (tools / "curl").chmod(0o755)
        for recording in (ROOT / "tests" / "data").glob("*.ami.gz"):
            shutil.copy(recording, folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VSS_ROUTER_")}
        self.environment = kept | {
            "PATH": f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "COLUMNS": "160",
            "PYTHONUNBUFFERED": "1",
            "LC_ALL": "C.UTF-8",
            "LANGUAGE": "en",
            "XDG_STATE_HOME": str(folder / ".state"),
            # The address of the examples that name none.
            "VSS_ROUTER_HTTP": self.freed("127.0.0.1:3000"),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for running in self.background:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.stop()
        if self.redis is not None:
            self.redis.stop()

    def freed(self, text: str) -> str:
        """The text with its documented addresses replaced by those that work here."""
        text = _LOOPBACK.sub(lambda found: f"127.0.0.1:{self.ports.setdefault(found[1], free_port())}", text)
        text = _PBX.sub(lambda _: self.fake_asterisk(), text)
        text = _RABBITMQ.sub(lambda found: self.private_rabbitmq(management=found[1] == "15672"), text)
        return _REDIS.sub(lambda _: self.private_redis(), text)

    def private_redis(self) -> str:
        if self.redis is None:
            folder = self.folder / ".redis"
            folder.mkdir()
            self.redis = RedisServer(folder).start()
        return f"127.0.0.1:{self.redis.port}"

    def private_rabbitmq(self, *, management: bool) -> str:
        server = self.rabbitmq()
        return f"127.0.0.1:{server.management_port if management else server.port}"

    def fake_asterisk(self) -> str:
        if "pbx" not in self.ports:
            self.ports["pbx"] = free_port()
            command = f"vss-router replay asterisk-22.ami.gz --listen 127.0.0.1:{self.ports['pbx']}"
            self.start(Command(f"{command} &", "..."))
            deadline = time.monotonic() + LONGEST_COMMAND
            while not answers(self.ports["pbx"]):
                assert time.monotonic() < deadline, self.background[-1].output()
                time.sleep(0.02)
        return f"127.0.0.1:{self.ports['pbx']}"

    def run(self, block: Block) -> None:
        """Do what a reader would do with the block; fails with its output when it does not do what the page says."""
        # Settings that are only shown need no server behind them.
        is_used = block.language in {"console", "python"} or (block.language == "toml" and "file" in block.directives)
        text = self.freed(block.text) if is_used else block.text
        if "file" in block.directives:
            (self.folder / block.directives["file"]).write_text(text)
        if block.language == "console":
            commands = commands_of(text)
            assert commands, f"{block.place} has no command: a command begins with `$ `"
            for command in commands:
                last = command is commands[-1]
                self.run_command(command, int(block.directives.get("exit", 0)) if last else 0)
        elif block.language == "python":
            self.run_python(text)
        elif block.language == "toml":
            tomllib.loads(text)
        elif block.language == "json":
            json.loads(text)
        elif "output" in block.directives:
            assert prints(self.freed(block.text), self.printed), self.printed

    def run_command(self, command: Command, code: int) -> None:
        word = command.line.split()[0]
        if word in NOT_OURS:
            return
        if word == "make":
            goals = [goal for goal in command.line.split()[1:] if re.fullmatch(r"[a-z-]+", goal)]
            known = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
            for goal in goals:
                assert re.search(rf"\b{goal}\b", known), f"make has no target {goal}"
            return
        if command.in_background:
            self.start(command)
            return
        ended = subprocess.run(
            ["bash", "-c", command.line],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=LONGEST_COMMAND,
        )
        output = ended.stdout.decode(errors="replace")
        assert ended.returncode == code, f"{command.line} ended with {ended.returncode}, not {code}:\n{output}"
        if command.expected.strip():
            assert prints(command.expected, output), f"{command.line} printed other than the page says:\n{output}"

    def start(self, command: Command) -> None:
        running = Background(command.line.removesuffix(" &"), self.folder, self.environment, len(self.background))
        self.background.append(running)
        if command.expected.strip():
            running.await_lines(command.expected)

    def run_python(self, text: str) -> None:
        script = self.folder / "example.py"
        script.write_text(text)
        ended = subprocess.run(
            [sys.executable, "-W", "error", script.name],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=LONGEST_COMMAND,
        )
        self.printed = ended.stdout.decode()
        assert ended.returncode == 0, ended.stderr.decode()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
