"""What can go wrong with a resync: lists that do not come whole, are refused or cut, fences that are not to be had."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.integration.scripted_asterisk import LISTS, ScriptedAsterisk, Visitor, message, refuse
from tests.integration.watched_link import QUICK, endpoint, linked

# An idle link in these tests is never pinged: they are about something else.
NO_PING = replace(QUICK, ping_seconds=60.0, pong_seconds=60.0)


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


@pytest.mark.parametrize("stream", ["answers to pings", "events"])
async def test_a_fence_whose_event_never_comes_is_given_up_however_much_else_comes(stream: str) -> None:
    pbx = ScriptedAsterisk()
    pbx.script["setvar"] = lambda visitor, action: visitor.answer(action, "Success", ("Message", "Variable Set"))
    timings = replace(NO_PING, fence_seconds=0.1)
    if stream == "answers to pings":
        timings = replace(timings, ping_seconds=0.01, pong_seconds=0.01)

    async def talk() -> None:
        while True:
            pbx.publish(("Event", "Newexten"), ("Privilege", "dialplan,all"), ("Uniqueid", "1700000000.1"))
            await asyncio.sleep(0.01)

    async with pbx, linked(endpoint(pbx.port), timings) as watched:
        talking = asyncio.create_task(talk()) if stream == "events" else None
        try:
            status = await watched.until_live()
        finally:
            if talking:
                talking.cancel()
        assert status.fence == "none"
        assert status.resyncs_failed == 1


async def test_a_list_that_stalls_is_asked_again_though_pings_are_answered() -> None:
    pbx = ScriptedAsterisk()

    def stalls_once(visitor: Visitor, action: dict[str, str]) -> None:
        if len(pbx.asked("queuestatus")) == 1:
            visitor.answer(action, "Success", ("EventList", "start"), ("Message", "Queue status will follow"))
        else:
            pbx.usual(visitor, action)

    pbx.script["queuestatus"] = stalls_once
    timings = replace(NO_PING, stall_seconds=0.2, ping_seconds=0.01, pong_seconds=0.02)
    async with pbx, linked(endpoint(pbx.port), timings) as watched:
        status = await watched.until_live()
        assert len(pbx.asked("queuestatus")) == 2
        assert status.resyncs == 1


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


async def test_lists_refused_by_a_pbx_that_is_shutting_down_never_empty_the_board() -> None:
    pbx = ScriptedAsterisk()
    pbx.script["setvar"] = pbx.script["queuepause"] = refuse

    def with_a_queue(visitor: Visitor, action: dict[str, str]) -> None:
        params = [("Event", "QueueParams"), ("ActionID", action["actionid"]), ("Queue", "help"), ("Strategy", "linear")]
        visitor.send_list(action, [message(*params)])

    def shutting_down(visitor: Visitor, action: dict[str, str]) -> None:
        visitor.answer(action, "Error", ("Message", "Asterisk is shutting down"))

    pbx.script["queuestatus"] = with_a_queue
    async with pbx, linked(endpoint(pbx.port), NO_PING) as watched:
        await watched.until_live()
        assert [name for name, _ in watched.link.board.rows("queues")] == ["help"]
        for name in LISTS:
            pbx.script[name] = shutting_down
        pbx.publish(("Event", "Reload"), ("Privilege", "system,all"), ("Module", "app_queue"), ("Status", "0"))
        status = await watched.until(lambda status: status.resyncs_failed >= 1)
        assert status.lists_refused == {}
        assert status.resyncs == 1
        assert [name for name, _ in watched.link.board.rows("queues")] == ["help"]
