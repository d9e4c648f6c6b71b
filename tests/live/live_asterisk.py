"""The real Asterisk of the live tests, as `asterisk.sh` beside this file makes and runs it."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any, Final

from tests.contract.session_contract import Pbx
from tests.integration.watched_link import endpoint
from vss_router.ami.endpoint import AmiEndpoint, Secret

KIT: Final = Path(__file__).with_name("asterisk.sh")
SECRETS: Final = {"vss": "s3cret", "pauser": "pa5ser", "reader": "r3ader"}
PORT: Final = 5038
TLS_PORT: Final = 5039


def cannot_run() -> str | None:
    """Why there can be no live Asterisk here, in one line."""
    if os.geteuid() != 0:
        return "the live tests make an Asterisk in a root folder of its own: run them as root"
    missing = [name for name in ("debootstrap", "sipp", "openssl") if shutil.which(name) is None]
    if missing:
        return f"the live tests need {', '.join(missing)}: install the packages debootstrap, sip-tester and openssl"
    return None


def root_folder(version: str) -> Path:
    """Where the kit keeps that version's root folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("ASTERISK_ROOT") or cache / f"asterisk-{version}")


async def run_kit(*arguments: str, seconds: float = 300) -> str:
    """Run `asterisk.sh` and give what it prints."""
    process = await asyncio.create_subprocess_exec(
        "bash", str(KIT), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(seconds):
        output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"asterisk.sh {' '.join(arguments)}: {output.decode(errors='replace')}")
    return output.decode(errors="replace")


class LivePbx(Pbx):
    def __init__(self, version: str) -> None:
        self.version = version
        self.ca = str(root_folder(version) / "etc/asterisk/ami.crt")

    def endpoint(self, account: str = "vss", **changes: Any) -> AmiEndpoint:
        return endpoint(PORT, **({"username": account, "secret": Secret(SECRETS[account])} | changes))

    def tls_endpoint(self, **changes: Any) -> AmiEndpoint:
        return endpoint(TLS_PORT, **({"tls": True, "ca": self.ca} | changes))

    async def restart(self) -> None:
        await run_kit("cli", "core restart now")
        async with asyncio.timeout(60):
            while "fully booted" not in (await self._cli_or_nothing("core waitfullybooted")).lower():  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def reload_queues(self) -> None:
        await run_kit("cli", "module reload app_queue")

    async def _cli_or_nothing(self, command: str) -> str:
        try:
            return await run_kit("cli", command)
        except RuntimeError:
            return ""
