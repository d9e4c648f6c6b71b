"""The link's contract against the fake Asterisk that replays recordings, and what recordings can show beside it."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from msgspec.structs import replace

from tests.contract.session_contract import TIMINGS, Pbx, SessionContract
from tests.integration.watched_link import endpoint, linked
from tests.recordings import capture, listed
from vss_router.ami.endpoint import AmiEndpoint, Secret
from vss_router.ami.replay import Account, ReplayServer

DATA = Path(__file__).parents[1] / "data"
RELOAD = b"Event: Reload\r\nPrivilege: system,all\r\nModule: app_queue\r\nStatus: 0\r\n\r\n"
BEFORE = DATA / "asterisk-22-before-restart.ami.gz"
ONE_LIST = capture(listed("QueueStatus", "rec-1", [("QueueParams", {"Queue": "help", "Strategy": "linear"})]))
ACCOUNTS = {
    "vss": Account(secret="s3cret"),
    "pauser": Account(secret="pa5ser", read="call,agent,system", write="system,agent,reporting"),
    "reader": Account(secret="r3ader", read="call,agent,system", write="system"),
}


class ReplayedPbx(Pbx):
    fence_member = "PJSIP/1001"

    def __init__(self, plain: ReplayServer, tls: ReplayServer, ca: Path) -> None:
        self.plain = plain
        self.tls = tls
        self.ca = str(ca)

    def endpoint(self, account: str = "vss", **changes: Any) -> AmiEndpoint:
        secret = Secret(ACCOUNTS[account].secret or "")
        return endpoint(self.plain.port, **({"username": account, "secret": secret} | changes))

    def tls_endpoint(self, **changes: Any) -> AmiEndpoint:
        return endpoint(self.tls.port, **({"tls": True, "ca": self.ca} | changes))

    async def restart(self) -> None:
        await self.plain.restart()

    async def reload_queues(self) -> None:
        self.plain.publish(RELOAD)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def pbx(authority: trustme.CA, tmp_path: Path) -> AsyncIterator[Pbx]:
    # The shorter of the recordings with enough lists: each test loads it anew. A live test holds the rest.
    recording = DATA / "asterisk-16.ami.gz"
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with (
        ReplayServer(recording, accounts=ACCOUNTS, downtime=0.1) as plain,
        ReplayServer(ONE_LIST, accounts=ACCOUNTS, ssl_context=context) as tls,
    ):
        yield ReplayedPbx(plain, tls, ca)


class TestReplayedPbx(SessionContract):
    pass


async def test_a_recorded_restart_is_one_gap_and_one_diff_and_never_an_empty_board() -> None:
    captures = [DATA / f"asterisk-22-{name}-restart.ami.gz" for name in ("before", "after")]
    async with ReplayServer(captures, speed=20, downtime=0.1) as pbx, linked(endpoint(pbx.port), TIMINGS) as watched:
        await watched.until_live()
        board = watched.link.board
        emptied: list[str] = []
        watched.watch(lambda: emptied.append("empty") if not board.rows("operators") else None)
        status = await watched.until(lambda status: status.reconnects == 2 and status.state == "live", 30)
        assert status.resyncs >= 2
        assert watched.keys.count("sync.gap") == 1
        assert emptied == []


async def test_a_recording_of_asterisk_22_becomes_live() -> None:
    async with ReplayServer(DATA / "asterisk-22.ami.gz") as pbx, linked(endpoint(pbx.port), TIMINGS) as watched:
        status = await watched.until_live()
        assert status.lists_refused == {}
        assert await watched.link.resync() == {}


async def test_a_cut_link_comes_back() -> None:
    async with (
        ReplayServer(BEFORE) as pbx,
        linked(endpoint(pbx.port), TIMINGS) as watched,
    ):
        await watched.until_live()
        pbx.cut()
        status = await watched.until(lambda status: status.reconnects == 2 and status.state == "live", 30)
        assert status.resyncs == 2
        assert watched.keys.count("sync.gap") == 1


async def test_a_half_open_link_comes_back() -> None:
    timings = replace(TIMINGS, ping_seconds=0.1, pong_seconds=0.5, request_seconds=0.5, stall_seconds=0.5)
    async with (
        ReplayServer(BEFORE) as pbx,
        linked(endpoint(pbx.port), timings) as watched,
    ):
        await watched.until_live()
        pbx.half_open()
        status = await watched.until(lambda status: status.reconnects == 2 and status.state == "live", 30)
        assert watched.keys.count("sync.gap") == 1
        assert status.resyncs >= 2


async def test_a_stall_shorter_than_the_pings_patience_is_sat_out() -> None:
    timings = replace(TIMINGS, ping_seconds=0.05, pong_seconds=5.0)
    async with (
        ReplayServer(BEFORE) as pbx,
        linked(endpoint(pbx.port), timings) as watched,
    ):
        await watched.until_live()
        pbx.stall()
        assert watched.status.connected
        pbx.resume()
        messages = watched.status.messages
        await watched.until(lambda status: status.messages > messages)
        assert watched.status.reconnects == 0
