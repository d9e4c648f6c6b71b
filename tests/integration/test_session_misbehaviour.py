"""What a PBX, or whoever answers in its place, may do wrong: found, said in one sentence, recovered from."""

import asyncio
import itertools
import json
import logging
import time

import pytest
from msgspec.structs import replace

from tests.integration.scripted_asterisk import ScriptedAsterisk, Visitor, ignore, message
from tests.integration.watched_link import QUICK, endpoint, linked
from vss_router import AmiAction, Batch, StatusBoard
from vss_router.ami.endpoint import Secret
from vss_router.errors import AmiConnectionError

# An idle link in these tests is never pinged: they are about something else.
NO_PING = replace(QUICK, ping_seconds=60.0, pong_seconds=60.0)


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", 'greets with "SSH-2.0-OpenSSH_9.2p1"'),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400"),
        (b"\x00\x01\x02\xff" * 100, "is not an Asterisk manager"),
        (b"Asterisk Call Manager/" + b"9" * 400, "is not an Asterisk manager"),
        (b"", "sends no greeting within 0.5 s"),
    ],
)
async def test_whoever_is_no_asterisk_is_named_and_never_connected(greeting: bytes, said: str) -> None:
    async with ScriptedAsterisk(greeting=greeting) as pbx, linked(endpoint(pbx.port)) as watched:
        status = await watched.until(lambda status: status.trouble)
        assert said in (status.trouble or "")
        assert str(pbx.port) in (status.trouble or "")
        await watched.until(lambda _: pbx.connections >= 3)
        assert not watched.status.connected
        assert pbx.received == []


async def test_a_connection_closed_before_the_greeting_is_named() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server, linked(endpoint(server.sockets[0].getsockname()[1])) as watched:
        status = await watched.until(lambda status: status.trouble)
        assert "closed the connection before it greeted" in (status.trouble or "")


async def test_nobody_listening_is_named_and_tried_again_until_somebody_does() -> None:
    pbx = ScriptedAsterisk()
    await pbx.listen()
    await pbx.close()
    async with linked(endpoint(pbx.port)) as watched:
        status = await watched.until(lambda status: status.trouble)
        assert "refuses the connection: check that Asterisk runs" in (status.trouble or "")
        await pbx.listen()
        status = await watched.until_live()
        assert status.trouble is None
    await pbx.close()


@pytest.mark.parametrize("auth", ["plain", "md5"])
async def test_a_refused_login_is_reported_once_retried_slowly_and_never_connected(
    auth: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Secret("wr0ng-secret")
    async with ScriptedAsterisk() as pbx, linked(endpoint(pbx.port, auth=auth, secret=wrong)) as watched:
        with caplog.at_level(logging.DEBUG, "vss_router"):
            await watched.until(lambda _: len(pbx.asked("login")) >= 3)
        status = watched.status
        assert 'refuses the login ("Authentication failed"): check user, secret' in (status.login_refused or "")
        assert {status.state for status in watched.statuses} <= {"down", "connecting"}
        assert caplog.text.count("refuses the login") == 1
        assert "wr0ng-secret" not in caplog.text
        # One refusal each time, not one for each of the two sessions.
        assert all(action["events"] == "on" for action in pbx.asked("login"))
        pbx.secret = "wr0ng-secret"
        status = await watched.until_live()
        assert status.login_refused is None


async def test_a_second_session_that_is_refused_is_named() -> None:
    pbx = ScriptedAsterisk()

    def one_only(visitor: Visitor, action: dict[str, str]) -> None:
        if action["events"] == "off":
            visitor.answer(action, "Error", ("Message", "Login Already In Use"))
            visitor.writer.close()
        else:
            pbx.usual(visitor, action)

    pbx.script["login"] = one_only
    async with pbx, linked(endpoint(pbx.port)) as watched:
        status = await watched.until(lambda status: status.login_refused)
        assert "set allowmultiplelogin = yes" in (status.login_refused or "")
        assert not status.synchronized


async def test_md5_login_sends_the_key_and_never_the_secret() -> None:
    async with ScriptedAsterisk() as pbx, linked(endpoint(pbx.port, auth="md5")) as watched:
        await watched.until_live()
        assert all("secret" not in action for action in pbx.received)


async def test_a_half_open_link_is_found_by_ping_and_replaced() -> None:
    quick_ping = replace(QUICK, ping_seconds=0.05, pong_seconds=0.2)
    async with ScriptedAsterisk() as pbx, linked(endpoint(pbx.port), quick_ping) as watched:
        await watched.until_live()
        for visitor in pbx.visitors:
            visitor.deaf = True
        status = await watched.until(lambda status: status.trouble)
        assert "half open" in (status.trouble or "")
        status = await watched.until(lambda status: status.reconnects >= 1 and status.state == "live")
        assert status.resyncs >= 2


async def test_a_long_action_is_no_half_open_link() -> None:
    """A synchronous Originate answers no Ping until it is done."""
    quick_ping = replace(QUICK, ping_seconds=0.05, pong_seconds=0.1)
    pbx = ScriptedAsterisk()
    release = asyncio.Event()

    async def originate(visitor: Visitor, action: dict[str, str]) -> None:
        await release.wait()
        visitor.answer(action, "Success", ("Message", "Originate successfully queued"))

    pbx.script["originate"] = originate
    async with pbx, linked(endpoint(pbx.port), quick_ping) as watched:
        await watched.until_live()
        request = asyncio.create_task(watched.link.request(AmiAction("Originate"), 30))
        await watched.until(lambda _: pbx.asked("originate"))
        pings = len(pbx.asked("ping"))
        await watched.until(lambda _: len(pbx.asked("ping")) > pings + 5)
        release.set()
        assert (await request).success
        assert watched.status.reconnects == 0


async def test_the_clock_offset_is_measured_by_ping() -> None:
    async with ScriptedAsterisk() as pbx, linked(endpoint(pbx.port)) as watched:
        status = await watched.until(lambda status: status.clock_offset is not None)
        assert status.clock_offset is not None
        assert status.clock_offset < -1_000_000  # the fake's clock stands in 2023
        assert status.ping_seconds is not None
        assert status.ping_seconds >= 0


async def test_a_handler_that_raises_is_counted_and_the_link_goes_on() -> None:
    def broken(_source: str, _batch: object) -> None:
        raise RuntimeError("mine")

    async with ScriptedAsterisk() as pbx, linked(endpoint(pbx.port), NO_PING, handler=broken) as watched:
        status = await watched.until_live()
        assert status.handler_errors > 0


async def test_an_action_that_is_never_answered_ends_in_a_sentence() -> None:
    pbx = ScriptedAsterisk()
    pbx.script["originate"] = ignore
    async with pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        await watched.until_live()
        with pytest.raises(AmiConnectionError, match="did not send an answer to Originate within 0.1 s"):
            await watched.link.request(AmiAction("Originate"), 0.1)


async def test_an_action_without_a_connection_is_refused_with_the_reason() -> None:
    async with ScriptedAsterisk(greeting=b"SSH-2.0\r\n") as pbx, linked(endpoint(pbx.port)) as watched:
        await watched.until(lambda status: status.trouble)
        with pytest.raises(AmiConnectionError, match="is not connected: .*SSH-2.0"):
            await watched.link.request(AmiAction("Ping"))
        with pytest.raises(AmiConnectionError, match="is not connected"):
            await watched.link.resync()


async def test_a_connection_lost_during_an_action_ends_it_with_the_reason() -> None:
    pbx = ScriptedAsterisk()
    pbx.script["originate"] = lambda visitor, _action: visitor.cut()
    async with pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        await watched.until_live()
        with pytest.raises(AmiConnectionError, match="the actions session ended before an answer to Originate"):
            await watched.link.request(AmiAction("Originate"))


async def test_stopping_logs_both_sessions_off() -> None:
    async with ScriptedAsterisk() as pbx:
        async with linked(endpoint(pbx.port), NO_PING) as watched:
            await watched.until_live()
        assert len(pbx.asked("logoff")) == 2
        assert not watched.status.connected


async def test_stopping_while_connecting_leaves_nothing_open() -> None:
    pbx = ScriptedAsterisk()
    pbx.script["login"] = ignore
    async with pbx:
        async with linked(endpoint(pbx.port), NO_PING) as watched:
            await watched.until(lambda _: pbx.asked("login"))
        await watched.until(lambda _: not pbx.visitors)


async def test_a_host_that_is_no_name_is_said_and_the_link_goes_on_trying() -> None:
    async with linked(endpoint(1, host="pbx..example"), NO_PING) as watched:
        status = await watched.until(lambda status: status.trouble)
        assert "cannot be reached: " in (status.trouble or "")


async def test_events_that_cannot_be_processed_end_the_session_and_not_the_reading() -> None:
    """A board that stands still behind a link that looks alive would be worse than a reconnection."""
    broken = False

    def panics(_source: str, batch: Batch) -> None:
        nonlocal broken
        if broken and batch.messages:
            broken = False
            raise _Panic

    async with ScriptedAsterisk() as pbx, linked(endpoint(pbx.port), NO_PING, handler=panics) as watched:
        await watched.until_live()
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        broken = True
        for visitor in pbx.visitors:
            if visitor.reads_events:
                visitor.send(b"Event: Reload\r\nModule: All\r\n\r\n")
        status = await watched.until(lambda status: status.reconnects >= 1 and status.state == "live")
        assert status.resyncs >= 2
        assert status.ring_bytes == 0


class _Panic(BaseException):
    """What a panic of the core looks like from here: no `Exception`."""


async def test_a_clock_that_is_set_back_does_not_stop_the_boards_time() -> None:
    set_back = 0.0
    board = StatusBoard("main")

    def seen() -> list[str]:
        return [json.loads(row)["since"] for _, row in board.rows("operators")]

    async with (
        ScriptedAsterisk() as pbx,
        linked(endpoint(pbx.port), NO_PING, board=board, clock=lambda: time.time() - set_back) as watched,
    ):
        numbers = itertools.count(1001)

        def add_member() -> None:
            member = ("Event", "QueueMemberAdded"), ("Queue", "support"), ("Interface", f"PJSIP/{next(numbers)}")
            for visitor in pbx.visitors:
                if visitor.reads_events:
                    visitor.send(message(*member, ("Status", "1")))

        await watched.until_live()
        add_member()
        await watched.until(lambda _: seen())
        before = min(seen())
        set_back = 3600.0

        def told_in_the_past(_: object) -> bool:
            add_member()
            return min(seen()) < before

        await watched.until(told_in_the_past)


async def test_who_waits_for_a_resync_is_told_when_the_link_is_stopped() -> None:
    pbx = ScriptedAsterisk()
    async with pbx:
        async with linked(endpoint(pbx.port), replace(NO_PING, stall_seconds=60.0)) as watched:
            await watched.until_live()
            pbx.script["queuestatus"] = ignore
            asked = len(pbx.asked("queuestatus"))
            waiting = asyncio.create_task(watched.link.resync())
            await watched.until(lambda _: len(pbx.asked("queuestatus")) > asked)
        with pytest.raises(AmiConnectionError, match="is not connected: the link was stopped"):
            async with asyncio.timeout(10):
                await waiting


async def test_a_second_link_on_the_same_board_tells_the_gap_in_between() -> None:
    board = StatusBoard("main")
    async with ScriptedAsterisk() as pbx:
        async with linked(endpoint(pbx.port), NO_PING, board=board) as watched:
            await watched.until_live()
        assert not board.synchronized
        async with linked(endpoint(pbx.port), NO_PING, board=board) as watched:
            await watched.until_live()
            assert watched.keys.count("sync.gap") == 1
