"""What a link does with any Asterisk: written once, run against the fake ones and against the real one.

A subclass gives the fixture `pbx`; what a PBX cannot be asked to do it says by `pytest.skip`.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest
import trustme
from msgspec.structs import replace

from tests.integration.watched_link import QUICK, linked
from vss_router import AmiAction
from vss_router.ami.endpoint import AmiEndpoint, Secret
from vss_router.ami.io_thread import IoThread
from vss_router.errors import AmiConnectionError

# Long enough for a real Asterisk on a busy machine; waits that a test is about are set in that test.
TIMINGS = replace(
    QUICK,
    greeting_seconds=5.0,
    request_seconds=10.0,
    booted_seconds=1.0,
    pong_seconds=10.0,
    stall_seconds=10.0,
    fence_seconds=5.0,
    retry_most_seconds=0.5,
)


class Pbx(ABC):
    """An Asterisk with the accounts `vss`, `pauser` and `reader` (see the README of the live test bed)."""

    fence_member = "Local/s@hold"

    @abstractmethod
    def endpoint(self, account: str = "vss", **changes: Any) -> AmiEndpoint:
        """How to log in as `account`."""

    @abstractmethod
    def tls_endpoint(self, **changes: Any) -> AmiEndpoint:
        """The same over TLS, its authority named."""

    @abstractmethod
    async def restart(self) -> None:
        """As `core restart now`; returns when it takes connections again."""

    @abstractmethod
    async def reload_queues(self) -> None:
        """As `module reload app_queue`."""


class SessionContract:
    async def test_it_becomes_live_and_then_knows_the_queues(self, pbx: Pbx) -> None:
        async with linked(pbx.endpoint(), TIMINGS) as watched:
            status = await watched.until_live()
            assert status.fence == "setvar"
            assert status.filtered
            assert status.lists_refused == {}
            assert status.asterisk_version
            assert watched.link.board.rows("queues")
            assert watched.link.board.rows("operators")

    async def test_the_states_come_in_order_and_never_skip_the_resync(self, pbx: Pbx) -> None:
        async with linked(pbx.endpoint(), TIMINGS) as watched:
            await watched.until_live()
            states = [status.state for status in watched.statuses]
            assert states == sorted(states, key=["down", "connecting", "resync", "live"].index)

    @pytest.mark.parametrize("auth", ["plain", "md5"])
    async def test_both_ways_to_log_in(self, pbx: Pbx, auth: str) -> None:
        async with linked(pbx.endpoint(auth=auth), TIMINGS) as watched:
            await watched.until_live()

    @pytest.mark.parametrize("auth", ["plain", "md5"])
    async def test_a_wrong_secret_is_refused_and_named(self, pbx: Pbx, auth: str) -> None:
        async with linked(pbx.endpoint(auth=auth, secret=Secret("wr0ng")), TIMINGS) as watched:
            status = await watched.until(lambda status: status.login_refused)
            assert 'refuses the login ("Authentication failed")' in (status.login_refused or "")
            assert not status.connected

    async def test_tls_with_its_own_authority(self, pbx: Pbx) -> None:
        async with linked(pbx.tls_endpoint(), TIMINGS) as watched:
            status = await watched.until_live()
            assert status.tls

    async def test_tls_that_does_not_verify_is_refused_and_named(self, pbx: Pbx) -> None:
        async with linked(pbx.tls_endpoint(ca=None), TIMINGS) as watched:
            status = await watched.until(lambda status: status.trouble)
            assert "does not verify" in (status.trouble or "")
            assert "ca=" in (status.trouble or "")
            assert not status.connected

    async def test_tls_of_another_authority_is_refused_and_named(self, pbx: Pbx, tmp_path: Path) -> None:
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        async with linked(pbx.tls_endpoint(ca=str(other)), TIMINGS) as watched:
            status = await watched.until(lambda status: status.trouble)
            assert "does not verify" in (status.trouble or "")
            assert not status.connected

    async def test_a_certificate_of_another_name_is_refused_and_named(self, pbx: Pbx) -> None:
        async with linked(pbx.tls_endpoint(server_name="other.example"), TIMINGS) as watched:
            status = await watched.until(lambda status: status.trouble)
            assert "does not verify" in (status.trouble or "")
            assert "server_name=" in (status.trouble or "")

    async def test_tls_to_a_plain_port_is_named(self, pbx: Pbx) -> None:
        plain = pbx.endpoint()
        async with linked(pbx.tls_endpoint(port=plain.port), TIMINGS) as watched:
            status = await watched.until(lambda status: status.trouble)
            assert "does not agree on TLS" in (status.trouble or "")

    async def test_an_account_without_setvar_fences_by_queue_pause(self, pbx: Pbx) -> None:
        to = pbx.endpoint("pauser", fence_member=pbx.fence_member)
        async with linked(to, TIMINGS) as watched:
            status = await watched.until_live()
            assert status.fence == "queue_pause"
            drift = await watched.link.resync()
            # Without class dialplan no Newexten comes: the application is known from the lists alone.
            assert drift.keys() <= {"channel.application", "channel.application_data"}

    async def test_an_account_without_any_fence_compares_passes_and_names_the_lists_it_may_not_ask(
        self, pbx: Pbx
    ) -> None:
        async with linked(pbx.endpoint("reader"), TIMINGS) as watched:
            status = await watched.until_live()
            assert status.fence == "none"
            assert status.lists_refused.keys() == {"DeviceStateList", "ExtensionStateList", "Agents"}
            assert set(status.lists_refused.values()) == {"Permission denied"}

    async def test_an_own_action_is_answered(self, pbx: Pbx) -> None:
        async with linked(pbx.endpoint(), TIMINGS) as watched:
            await watched.until_live()
            response = await watched.link.request(AmiAction("Ping"))
            assert response.success
            assert response.get("Ping") == "Pong"
            response = await watched.link.request(AmiAction("QueuePause", {"Interface": "none", "Paused": "maybe"}))
            assert not response.success

    async def test_a_resync_asked_for_finds_no_drift(self, pbx: Pbx) -> None:
        async with linked(pbx.endpoint(), TIMINGS) as watched:
            await watched.until_live()
            assert await watched.link.resync() == {}
            assert watched.status.resync_last_reason == "asked"

    async def test_a_reload_of_the_queues_brings_a_resync(self, pbx: Pbx) -> None:
        async with linked(pbx.endpoint(), TIMINGS) as watched:
            await watched.until_live()
            await pbx.reload_queues()
            status = await watched.until(lambda status: status.resyncs == 2, 30)
            assert status.resync_last_reason == "reload"
            assert status.state == "live"

    async def test_after_a_restart_it_is_live_again_with_one_gap_and_never_an_empty_board(self, pbx: Pbx) -> None:
        async with linked(pbx.endpoint(), TIMINGS) as watched:
            await watched.until_live()
            board = watched.link.board
            emptied: list[str] = []
            watched.watch(lambda: emptied.append("queues") if not board.rows("queues") else None)
            await pbx.restart()
            status = await watched.until(lambda status: status.resyncs >= 2 and status.state == "live", 45)
            assert status.reconnects == 2
            assert watched.keys.count("sync.gap") == 1
            assert emptied == []

    async def test_several_pbxs_share_a_process_and_a_thread(self, pbx: Pbx) -> None:
        io = IoThread()
        io.start()
        try:
            async with (
                linked(pbx.endpoint(source="north"), TIMINGS, io=io) as north,
                linked(pbx.endpoint(source="south"), TIMINGS, io=io) as south,
            ):
                await north.until_live()
                await south.until_live()
                assert {north.status.source, south.status.source} == {"north", "south"}
        finally:
            await io.stop()

    async def test_stopped_it_is_gone_and_may_not_be_asked(self, pbx: Pbx) -> None:
        async with linked(pbx.endpoint(), TIMINGS) as watched:
            await watched.until_live()
        assert watched.status.state == "down"
        with pytest.raises(AmiConnectionError, match="is not connected"):
            await watched.link.request(AmiAction("Ping"))
