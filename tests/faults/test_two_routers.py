"""Two routers on one PBX and one Redis: one writes, and who was stopped past its lease writes nothing any more."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.small_pbx import OPERATORS, SmallPbx
from tests.faults.watched_router import LONGEST, eventually
from tests.services.fixtures import StartRedis
from tests.services.redis_server import RedisServer
from tests.services.server_process import ServerProcess, free_port

BASE = "queue:{main}:"
ROW = f"{BASE}operator:{OPERATORS[0]}"


class OneOfTwo:
    """`vss-router serve` in a process that can be stopped."""

    def __init__(self, process: ServerProcess, url: str) -> None:
        self.process = process
        self.url = url

    def get(self, path: str) -> Any:
        """The answer as JSON; None while there is none."""
        try:
            answer = httpx.get(f"{self.url}{path}", trust_env=False, timeout=5)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def reason(self) -> str | None:
        row = self.get(f"/api/queue-status/operators/{OPERATORS[0].replace('/', '%2F')}")
        return None if row is None else row["reason"]

    def stands_by(self) -> bool:
        return '"standby"' in json.dumps(self.get("/api/queue-status/sync/status"))


@asynccontextmanager
async def serving(pbx: SmallPbx, server: RedisServer, folder: Path) -> AsyncIterator[OneOfTwo]:
    url = f"127.0.0.1:{free_port()}"
    words = ["--ami", f"main=vss:s3cret@127.0.0.1:{pbx.port}", "--http", url, "--redis", server.url]
    words += ["--database", "none", "--data-dir", str(folder / "data"), "--log-level", "warning"]
    process = ServerProcess([sys.executable, "-m", "vss_router", "serve", *words], folder)
    one = OneOfTwo(process, f"http://{url}")
    await asyncio.to_thread(process.start, lambda: one.get("/ready") is not None)
    try:
        yield one
    finally:
        await asyncio.to_thread(process.stop)


async def comes_to(true: Callable[[], bool], what: str) -> None:
    """As `eventually`, for a question that waits for another process while ours has to answer as the PBX."""
    try:
        async with asyncio.timeout(LONGEST):
            while not await asyncio.to_thread(true):  # noqa: ASYNC110 - it comes from other processes
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not {what} within {LONGEST} s") from None


def everything(server: RedisServer) -> dict[str, Any]:
    """All rows and sets of the PBX, `meta`, and the entries of `changes`."""
    found: dict[str, Any] = {}
    with server.client() as client:
        for key in client.scan_iter(match=f"{BASE}*", count=1000):
            kind = client.type(key)
            if kind == "string" and key != f"{BASE}writer":
                found[key] = client.get(key)
            elif kind == "set":
                found[key] = client.smembers(key)
            elif kind == "hash":
                found[key] = client.hgetall(key)
        found["entries"] = client.xlen(f"{BASE}changes")
    return found


@pytest.mark.timeout(180)
async def test_of_a_leader_stopped_past_its_lease_no_write_lands(start_redis: StartRedis, tmp_path: Path) -> None:
    server = start_redis()

    def lease() -> str:
        return str(server.command("GET", f"{BASE}writer"))

    def row() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(server.command("GET", ROW) or "{}")
        return found

    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    async with SmallPbx() as pbx, serving(pbx, server, folders[0]) as first:
        await comes_to(lambda: row().get("state") == "available", "written by the first")
        led = lease()
        async with serving(pbx, server, folders[1]) as second:
            await comes_to(second.stands_by, "standing by")
            assert lease() == led
            first.process.pause()
            await comes_to(lambda: lease() not in {led, "None"}, "taken over by the second")
            taken = lease()
            assert int(taken.partition(":")[0]) > int(led.partition(":")[0])
            # Both hear it, the first one only when it runs again: it then has something to write.
            pbx.pause(OPERATORS[0], "after the take-over")
            await comes_to(lambda: row().get("reason") == "after the take-over", "written by the second")
            before = everything(server)
            first.process.resume()
            await comes_to(lambda: first.reason() == "after the take-over", "heard by the first")
            await comes_to(first.stands_by, "standing by")
            after = everything(server)
            assert lease() == taken
            assert after == before
            pbx.pause(OPERATORS[0], "later")
            await comes_to(lambda: row().get("reason") == "later", "written by the second")
            await comes_to(lambda: first.reason() == "later", "heard by the first")
            assert row() == second.get(f"/api/queue-status/operators/{OPERATORS[0].replace('/', '%2F')}")
            await eventually(lambda: lease() == taken, "still the second's")
