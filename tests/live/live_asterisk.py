"""The real Asterisk of the live tests, as `asterisk.sh` beside this file makes and runs it."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tests.contract.session_contract import Pbx
from tests.integration.watched_link import endpoint
from tests.live.manager_client import ManagerClient, manager_client
from vss_router.ami.endpoint import AmiEndpoint, Secret

KIT: Final = Path(__file__).with_name("asterisk.sh")
SECRETS: Final = {"vss": "s3cret", "pauser": "pa5ser", "reader": "r3ader"}
CANNOT: Final = 2
"""What the kit ends with where this machine cannot do it."""


class KitError(Exception):
    """The kit failed; `code` is its exit code and the text its last line."""

    def __init__(self, code: int, output: str) -> None:
        super().__init__(output.strip().rpartition("\n")[2])
        self.code = code


def live_home() -> Path:
    """Where the kit keeps root folders, logs and process ids."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("LIVE_HOME") or cache / "vss-router-live")


def free_ports(*kinds: socket.SocketKind) -> list[int]:
    """Ports nobody listens on now, so that no other Asterisk on this machine is in the way."""
    sockets = [socket.socket(socket.AF_INET, kind) for kind in kinds]
    try:
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]
    finally:
        for bound in sockets:
            bound.close()


class LivePbx(Pbx):
    """One Asterisk on ports of its own."""

    def __init__(self, version: str) -> None:
        self.version = version
        tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
        self.port, self.tls_port, sip, agent, caller = free_ports(tcp, tcp, udp, udp, udp)
        self.ca = str(live_home() / f"asterisk-{version}/etc/asterisk/ca.crt")
        self._environment: Mapping[str, str] = os.environ | {
            "ASTERISK_VERSION": version,
            "AMI_PORT": str(self.port),
            "TLS_PORT": str(self.tls_port),
            "SIP_PORT": str(sip),
            "AGENT_PORT": str(agent),
            "CALLER_PORT": str(caller),
        }

    async def kit(self, *arguments: str, seconds: float = 300) -> str:
        """Run `asterisk.sh` and give what it prints."""
        process = await asyncio.create_subprocess_exec(
            "bash",
            str(KIT),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment,
        )
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
        if process.returncode:
            raise KitError(process.returncode, output.decode(errors="replace"))
        return output.decode(errors="replace")

    async def up(self) -> None:
        await self.kit("up", seconds=900)

    async def down(self) -> None:
        await self.kit("down")

    async def cli(self, command: str) -> str:
        return await self.kit("cli", command)

    @asynccontextmanager
    async def calls(self, seconds: int, every_ms: int) -> AsyncIterator[None]:
        """SIPp calls and answers while inside."""
        process = await asyncio.create_subprocess_exec(
            "bash",
            str(KIT),
            "calls",
            str(seconds),
            str(every_ms),
            stdin=asyncio.subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,
        )
        try:
            yield
        finally:
            # The whole group: SIPp's processes are children of the script.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            await process.wait()

    def manager(self, account: str = "vss") -> AbstractAsyncContextManager[ManagerClient]:
        """A manager connection beside the link's."""
        return manager_client(self.port, account, SECRETS[account])

    def endpoint(self, account: str = "vss", **changes: Any) -> AmiEndpoint:
        return endpoint(self.port, **({"username": account, "secret": Secret(SECRETS[account])} | changes))

    def tls_endpoint(self, **changes: Any) -> AmiEndpoint:
        return endpoint(self.tls_port, **({"tls": True, "ca": self.ca} | changes))

    async def restart(self) -> None:
        await self.cli("core restart now")
        async with asyncio.timeout(60):
            while "fully booted" not in (await self._cli_or_nothing("core waitfullybooted")).lower():  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def reload_queues(self) -> None:
        await self.cli("module reload app_queue")

    async def _cli_or_nothing(self, command: str) -> str:
        try:
            return await self.cli(command)
        except KitError:
            return ""
