"""What a PBX, or whoever answers in its place, may do wrong: found, said in one sentence, recovered from."""

import asyncio
import logging

import pytest
from msgspec.structs import replace

from tests.integration.scripted_asterisk import ScriptedAsterisk, Visitor, ignore, message, refuse
from tests.integration.watched_link import QUICK, endpoint, linked
from vss_router import AmiAction
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


async def test_a_list_that_never_ends_is_asked_again_and_then_the_session_is_cut() -> None:
    pbx = ScriptedAsterisk()
    broken = True

    def endless(visitor: Visitor, action: dict[str, str]) -> None:
        if broken:
            visitor.answer(action, "Success", ("EventList", "start"), ("Message", "Queue status will follow"))
        else:
            pbx.usual(visitor, action)

    pbx.script["queuestatus"] = endless
    async with pbx, linked(endpoint(pbx.port), replace(NO_PING, stall_seconds=0.1)) as watched:
        status = await watched.until(lambda status: status.trouble, 20)
        assert "QueueStatus was asked 3 times and never came whole" in (status.trouble or "")
        ids = [action["actionid"] for action in pbx.asked("queuestatus")]
        assert len(ids) == len(set(ids)) >= 3
        broken = False
        status = await watched.until_live()
        assert status.resyncs_failed >= 1


async def test_a_list_with_a_wrong_count_is_asked_again() -> None:
    pbx = ScriptedAsterisk()

    def miscounted(visitor: Visitor, action: dict[str, str]) -> None:
        visitor.send_list(action, items=3 if len(pbx.asked("queuestatus")) == 1 else None)

    pbx.script["queuestatus"] = miscounted
    async with pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        status = await watched.until_live()
        assert "list_incomplete" in watched.gaps
        assert len(pbx.asked("queuestatus")) == 2
        assert status.resyncs == 1


async def test_a_cut_in_the_middle_of_a_list_begins_the_resync_anew() -> None:
    pbx = ScriptedAsterisk()

    def cut_first(visitor: Visitor, action: dict[str, str]) -> None:
        if len(pbx.asked("queuestatus")) == 1:
            visitor.answer(action, "Success", ("EventList", "start"), ("Message", "Queue status will follow"))
            visitor.send(b"Event: QueueParams\r\nActionID: " + action["actionid"].encode() + b"\r\nQue")
            visitor.writer.close()
        else:
            pbx.usual(visitor, action)

    pbx.script["queuestatus"] = cut_first
    async with pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        status = await watched.until_live()
        assert status.reconnects >= 1
        assert len(pbx.asked("queuestatus")) == 2


async def test_a_slow_list_is_waited_for_as_long_as_it_flows() -> None:
    pbx = ScriptedAsterisk()
    stall = 0.2

    async def slow(visitor: Visitor, action: dict[str, str]) -> None:
        action_id = action["actionid"]
        visitor.answer(action, "Success", ("EventList", "start"), ("Message", "Channels will follow"))
        for number in range(8):
            await asyncio.sleep(stall / 2)
            visitor.send(
                message(
                    ("Event", "CoreShowChannel"),
                    ("ActionID", action_id),
                    ("Channel", f"PJSIP/100{number}-0000000{number}"),
                    ("Uniqueid", f"1700000000.{number}"),
                    ("Linkedid", f"1700000000.{number}"),
                    ("ChannelState", "6"),
                    ("Duration", "00:00:10"),
                )
            )
        visitor.send(
            message(
                ("Event", "CoreShowChannelsComplete"),
                ("ActionID", action_id),
                ("EventList", "Complete"),
                ("ListItems", "8"),
            )
        )

    pbx.script["coreshowchannels"] = slow
    async with pbx, linked(endpoint(pbx.port), replace(NO_PING, stall_seconds=stall)) as watched:
        status = await watched.until_live()
        assert len(pbx.asked("coreshowchannels")) == 1
        assert status.resyncs_failed == 0


async def test_an_oversized_message_is_skipped_and_brings_a_resync() -> None:
    async with ScriptedAsterisk() as pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        await watched.until_live()
        for visitor in pbx.visitors:
            if visitor.reads_events:
                visitor.send(b"Event: UserEvent\r\nText: " + b"x" * (2 * 1024 * 1024) + b"\r\n\r\n")
        status = await watched.until(lambda status: status.resyncs == 2)
        assert "oversized" in watched.gaps
        assert status.reconnects == 0


async def test_lists_that_are_refused_are_named_and_not_asked_again() -> None:
    pbx = ScriptedAsterisk()
    pbx.script["agents"] = pbx.script["devicestatelist"] = refuse
    async with pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        status = await watched.until_live()
        assert status.lists_refused == {"DeviceStateList": "Permission denied", "Agents": "Permission denied"}
        await watched.link.resync()
        assert len(pbx.asked("agents")) == 1
        assert watched.status.resyncs == 2


async def test_without_a_fence_passes_are_compared() -> None:
    pbx = ScriptedAsterisk()
    pbx.script["setvar"] = refuse
    async with pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        status = await watched.until_live()
        assert status.fence == "none"
        assert 2 <= len(pbx.asked("queuestatus")) <= 5
        assert pbx.asked("queuepause") == []


@pytest.mark.parametrize("paused", ["0", "1"])
async def test_the_fence_by_queue_pause_changes_nothing(paused: str) -> None:
    pbx = ScriptedAsterisk()
    member = (
        ("Queue", "fence"),
        ("Name", "Fence"),
        ("Location", "Local/s@hold"),
        ("StateInterface", "Local/s@hold"),
        ("Membership", "static"),
        ("Penalty", "0"),
        ("Status", "1"),
        ("Paused", paused),
        ("PausedReason", "lunch" if paused == "1" else ""),
    )

    def queue_status(visitor: Visitor, action: dict[str, str]) -> None:
        action_id = ("ActionID", action["actionid"])
        queue = message(("Event", "QueueParams"), action_id, ("Queue", "fence"), ("Strategy", "linear"))
        visitor.send_list(action, [queue, message(("Event", "QueueMember"), action_id, *member)])

    def queue_pause(visitor: Visitor, action: dict[str, str]) -> None:
        visitor.answer(action, "Success", ("Message", "Interface paused successfully"))
        pbx.publish(
            ("Event", "QueueMemberPause"),
            ("Queue", "fence"),
            ("MemberName", "Fence"),
            ("Interface", "Local/s@hold"),
            ("StateInterface", "Local/s@hold"),
            ("Status", "1"),
            ("Paused", paused),
            ("PausedReason", action.get("reason", "")),
        )

    pbx.script |= {"setvar": refuse, "queuestatus": queue_status, "queuepause": queue_pause}
    async with pbx, linked(endpoint(pbx.port, fence_member="Local/s@hold"), NO_PING) as watched:
        status = await watched.until_live()
        assert status.fence == "queue_pause"
        assert pbx.asked("queuepause")
        for asked in pbx.asked("queuepause"):
            assert (asked["interface"], asked["queue"]) == ("Local/s@hold", "fence")
            assert asked["paused"] == ("true" if paused == "1" else "false")
            assert asked.get("reason") == ("lunch" if paused == "1" else None)


async def test_a_fence_member_that_is_in_no_queue_is_done_without() -> None:
    pbx = ScriptedAsterisk()
    pbx.script["setvar"] = refuse
    async with pbx, linked(endpoint(pbx.port, fence_member="Local/nobody@hold"), NO_PING) as watched:
        status = await watched.until_live()
        assert status.fence == "none"


async def test_a_fence_whose_event_never_comes_is_replaced_by_the_next_best() -> None:
    pbx = ScriptedAsterisk()
    pbx.script["setvar"] = lambda visitor, action: visitor.answer(action, "Success", ("Message", "Variable Set"))
    async with pbx, linked(endpoint(pbx.port), replace(NO_PING, fence_seconds=0.1)) as watched:
        status = await watched.until_live()
        assert status.fence == "none"
        assert status.resyncs_failed == 1


async def test_without_fully_booted_the_link_goes_on_and_resyncs_again_when_it_comes() -> None:
    async with ScriptedAsterisk(booted=False) as pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        await watched.until_live()
        pbx.publish(("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted"))
        status = await watched.until(lambda status: status.resyncs == 2)
        assert status.resync_last_reason == "fully_booted"


async def test_many_triggers_become_one_resync_more() -> None:
    pbx = ScriptedAsterisk()
    release = asyncio.Event()

    async def held(visitor: Visitor, action: dict[str, str]) -> None:
        if len(pbx.asked("queuestatus")) == 2:
            await release.wait()
        pbx.usual(visitor, action)

    pbx.script["queuestatus"] = held
    patient = replace(NO_PING, stall_seconds=10.0, request_seconds=10.0)
    async with pbx, linked(endpoint(pbx.port), patient) as watched:
        await watched.until_live()
        reload_all = (("Event", "Reload"), ("Privilege", "system,all"), ("Module", "All"), ("Status", "0"))
        pbx.publish(*reload_all)
        await watched.until(lambda _: len(pbx.asked("queuestatus")) == 2)
        for _ in range(20):
            pbx.publish(*reload_all)
        await watched.until(lambda _: watched.gaps.count("reload") == 21)
        release.set()
        await watched.until(lambda status: status.resyncs == 3)
        await watched.link.resync()
        assert watched.status.resyncs == 4


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
