"""What the fake Asterisk tells, and when: pace, lists and the jumps they make, the end, the five real recordings."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ami_client import AmiClient, ManualClock, serving, value
from tests.recordings import capture, channels, event, listed, queue_status
from vss_router.ami.capture import Capture
from vss_router.ami.replay import ReplayServer
from vss_router.ami.replay_recording import Recording

CAPTURES = sorted((Path(__file__).parents[1] / "data").glob("*.ami.gz"))
LISTS = {
    "QueueStatus": "QueueStatusComplete",
    "QueueSummary": "QueueSummaryComplete",
    "CoreShowChannels": "CoreShowChannelsComplete",
    "Status": "StatusComplete",
    "DeviceStateList": "DeviceStateListComplete",
    "ExtensionStateList": "ExtensionStateListComplete",
    "Agents": "AgentsComplete",
    "PJSIPShowEndpoints": "EndpointListComplete",
    "BridgeList": "BridgeListComplete",
}
# Events A to F, one a second; list 1 stands after B, list 2 after D.
RECORDING = capture(
    event("A", 0),
    event("B", 1),
    queue_status(1),
    channels(1, ("PJSIP/1-01", "bridge-1"), ("PJSIP/2-02", "bridge-1"), ("PJSIP/3-03", "")),
    event("C", 2),
    event("BridgeEnter", 3, BridgeUniqueid="bridge-2", BridgeType="basic", BridgeTechnology="holding_bridge"),
    queue_status(2),
    channels(2, ("PJSIP/3-03", "bridge-2")),
    event("E", 4),
    event("F", 5),
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


Serving = AbstractAsyncContextManager[ReplayServer]


def paced(clock: ManualClock, recording: Capture = RECORDING, speed: float = 1.0) -> Serving:
    return serving(ReplayServer(recording, speed=speed, clock=clock, sleep=clock.sleep))


async def calls(client: AmiClient) -> tuple[list[str], str]:
    """The events before the answer of a QueueStatus, and the `Calls` that tells which list it was."""
    seen = await client.ask("QueueStatus")
    answer = next(number for number, message in enumerate(seen) if message[0].startswith("Response"))
    told = value(seen[answer + 1], "Calls") if len(seen) > answer + 1 else value(seen[answer], "Message")
    return [value(message, "Event") for message in seen[:answer]], told


async def logged_in(server: ReplayServer, events: str | None = None) -> AmiClient:
    client = await AmiClient.connect(server.port)
    await client.login(events=events)
    if events is None:
        assert value(await client.message(), "Event") == "FullyBooted"
    return client


async def test_after_the_last_list_a_list_action_gets_an_error_and_never_an_older_list(clock: ManualClock) -> None:
    async with paced(clock) as server:
        client = await logged_in(server)
        await clock.advance(4.5)
        assert (await calls(client))[1] == "The recording holds no QueueStatus after this point"
        for action in ("BridgeList", "CoreShowChannels"):
            assert (await client.ask(action))[-1][0] == "Response: Error"
        # The rest is still played, and the link answers on.
        await clock.advance(1)
        assert await client.events() == ["F"]
        await server.played()
        assert value((await client.ask("Setvar", Variable="X"))[-1], "Message") == "Variable Set"


async def test_a_list_recorded_last_of_all_is_answered_again_and_again(clock: ManualClock) -> None:
    async with paced(clock, capture(event("A", 0), event("B", 1), queue_status(7))) as server:
        client = await logged_in(server)
        await clock.advance(60)
        assert await client.events() == ["A", "B"]
        assert [await calls(client), await calls(client)] == [([], "7"), ([], "7")]


async def test_a_list_cut_off_by_the_end_is_never_answered(clock: ManualClock) -> None:
    cut = queue_status(2)[:-40]
    async with paced(clock, capture(event("A", 0), queue_status(1), event("B", 1), cut)) as server:
        client = await logged_in(server)
        assert await calls(client) == (["A"], "1")
        await clock.advance(1)
        assert (await calls(client))[1] == "The recording holds no QueueStatus after this point"


async def test_a_recording_without_times_plays_at_full_speed(clock: ManualClock) -> None:
    async with serving(
        ReplayServer(capture(event("A"), event("B")), speed=1.0, clock=clock, wall=lambda: 77.5)
    ) as server:
        client = await logged_in(server)
        assert [value(message, "Event") for message in await client.until("Event: B")] == ["A", "B"]
        assert value((await client.ask("Ping"))[-1], "Timestamp") == "77.500000"


async def test_play_waits_for_a_login_that_reads_events(clock: ManualClock) -> None:
    async with paced(clock) as server:
        silent = await logged_in(server, events="off")
        await clock.advance(100)
        reading = await logged_in(server)
        assert await reading.events() == ["A"]
        assert await silent.events() == []


@pytest.mark.parametrize("speed", [0.5, 1.0, 20.0])
async def test_events_come_when_the_speed_says_so(clock: ManualClock, speed: float) -> None:
    async with paced(clock, speed=speed) as server:
        client = await logged_in(server)
        assert await client.events() == ["A"]
        await clock.advance(0.9 / speed)
        assert await client.events() == []
        await clock.advance(0.2 / speed)
        assert await client.events() == ["B"]
        await clock.advance(9 / speed)
        assert await client.events() == ["C", "BridgeEnter", "E", "F"]


async def test_an_action_between_two_lists_gets_the_next_one_after_the_events_up_to_it(clock: ManualClock) -> None:
    async with paced(clock) as server:
        events, actions = await logged_in(server), await logged_in(server, events="off")
        assert await calls(actions) == ([], "1")
        assert await events.events() == ["A", "B"]
        await clock.advance(1.5)
        assert await events.events() == ["C"]
        assert await calls(actions) == ([], "2")
        assert await events.events() == ["BridgeEnter"]


async def test_after_a_jump_time_goes_on_from_the_list(clock: ManualClock) -> None:
    async with paced(clock) as server:
        client = await logged_in(server)
        assert await calls(client) == (["A", "B"], "1")
        await clock.advance(0.5)
        assert await client.events() == []
        await clock.advance(0.5)
        assert await client.events() == ["C"]


async def test_lists_of_one_place_may_be_asked_in_any_order_and_again(clock: ManualClock) -> None:
    async with paced(clock) as server:
        client = await logged_in(server)
        for _ in range(2):
            assert len(await client.ask("CoreShowChannels", ActionID="again")) >= 5
            assert (await calls(client))[1] == "1"
        assert server.playhead.place == 2


async def test_one_session_for_all_gets_the_events_before_the_list_on_the_same_stream(clock: ManualClock) -> None:
    async with paced(clock) as server:
        client = await logged_in(server)
        await calls(client)
        await clock.advance(1)
        assert await calls(client) == (["C", "BridgeEnter"], "2")


async def test_the_askers_action_id_stands_in_place_of_the_recorders(clock: ManualClock) -> None:
    async with paced(clock) as server:
        client = await logged_in(server, events="off")
        assert {value(message, "ActionID") for message in await client.ask("QueueStatus", ActionID=r"a\1 b")} == {
            r"a\1 b"
        }
        client.write("QueueStatus")
        seen = await client.until("EventList: Complete")
        assert [value(message, "ActionID") for message in seen] == [""] * 3


async def test_bridge_list_and_info_are_made_of_the_channel_list(clock: ManualClock) -> None:
    async with paced(clock) as server:
        client = await logged_in(server)
        start, bridge, end = (await client.ask("BridgeList", ActionID="b"))[-3:]
        assert start == ["Response: Success", "ActionID: b", "EventList: start", "Message: Bridge listing will follow"]
        assert bridge[:4] == [
            "Event: BridgeListItem",
            "ActionID: b",
            "BridgeUniqueid: bridge-1",
            "BridgeType: basic",
        ]
        assert (value(bridge, "BridgeTechnology"), value(bridge, "BridgeNumChannels")) == ("simple_bridge", "2")
        assert end == ["Event: BridgeListComplete", "ActionID: b", "EventList: Complete", "ListItems: 1"]
        members = (await client.ask("BridgeInfo", BridgeUniqueid="bridge-1"))[1:]
        assert [value(message, "Channel") for message in members] == ["PJSIP/1-01", "PJSIP/2-02", ""]
        assert value(members[0], "Application") == ""
        assert value(members[-1], "BridgeNumChannels") == "2"
        gone = (await client.ask("BridgeInfo", BridgeUniqueid="bridge-9"))[-1]
        assert value(gone, "Message") == "Specified BridgeUniqueid not found"
        await clock.advance(1)
        held = (await client.ask("BridgeList"))[-2]
        assert (value(held, "BridgeUniqueid"), value(held, "BridgeTechnology")) == ("bridge-2", "holding_bridge")
        assert len(await client.ask("BridgeList", BridgeType="simple_bridge")) == 2


async def test_lists_are_cut_down_to_what_was_asked_for(clock: ManualClock) -> None:
    rows = [
        ("QueueParams", {"Queue": "help"}),
        ("QueueMember", {"Queue": "help", "Name": "Anna", "Location": "PJSIP/1"}),
        ("QueueMember", {"Queue": "help", "Name": "Boris", "Location": "PJSIP/2"}),
        ("QueueParams", {"Queue": "sales"}),
    ]
    statuses = [("Status", {"Channel": "PJSIP/1-01"}), ("Status", {"Channel": "PJSIP/2-02"})]
    recording = capture(event("A", 0), listed("QueueStatus", "q", rows), listed("Status", "s", statuses))
    async with paced(clock, recording) as server:
        client = await logged_in(server, events="off")
        assert value((await client.ask("QueueStatus"))[-1], "ListItems") == "4"
        assert value((await client.ask("QueueStatus", Queue="help"))[-1], "ListItems") == "3"
        assert value((await client.ask("QueueStatus", Queue="help", Member="PJSIP/2"))[-1], "ListItems") == "2"
        assert value((await client.ask("QueueStatus", Queue="none"))[-1], "ListItems") == "0"
        assert value((await client.ask("Status", Channel="PJSIP/2-02"))[-1], "ListItems") == "1"
        assert value((await client.ask("Status", Channel="PJSIP/9-09"))[-1], "Message") == "No such channel"


async def test_live_events_of_actions_are_no_items_of_a_list(clock: ManualClock) -> None:
    answer = b"Response: Success\r\nActionID: d7\r\nMessage: Originate successfully queued\r\n\r\n"
    response = event("OriginateResponse", 1, ActionID="d7", Response="Success")
    async with paced(clock, capture(event("A", 0), answer, response)) as server:
        client = await logged_in(server)
        await clock.advance(1)
        assert await client.events() == ["A", "OriginateResponse"]


async def test_lists_of_the_old_dialect_end_by_name(clock: ManualClock) -> None:
    old = (
        b"Response: Success\r\nActionID: 1\r\nMessage: Queue status will follow\r\n\r\n"
        b"Event: QueueParams\r\nQueue: help\r\nCalls: 4\r\nActionID: 1\r\n\r\n"
        b"Event: QueueStatusComplete\r\nActionID: 1\r\n\r\n"
    )
    async with paced(clock, capture(event("A", 0), old)) as server:
        client = await logged_in(server, events="off")
        client.write("QueueStatus", ActionID="x")
        seen = await client.until("Event: QueueStatusComplete", "ActionID: x")
        assert value(seen[1], "Calls") == "4"


async def test_settings_are_told_without_moving_time(clock: ManualClock) -> None:
    settings_answer = b"Response: Success\r\nActionID: s\r\nAMIversion: 11.0.0\r\nAsteriskVersion: 22.10.1\r\n\r\n"
    async with paced(clock, capture(event("A", 0), event("B", 1), settings_answer, event("C", 2))) as server:
        client = await logged_in(server, events="off")
        assert value((await client.ask("CoreSettings"))[-1], "AsteriskVersion") == "22.10.1"
        assert server.playhead.place == 0


async def test_at_full_speed_play_waits_a_bounded_while_at_the_first_list() -> None:
    clock = ManualClock()
    full_speed = ReplayServer(RECORDING, speed=None, clock=clock, sleep=clock.sleep, patience=5.0, rest=1.0)
    async with serving(full_speed) as server:
        events, actions = await logged_in(server), await logged_in(server, events="off")
        await clock.advance(4.0)
        assert await events.events() == ["A", "B"]
        assert await calls(actions) == ([], "1")
        # Shortly after a list it rests, so that the other lists of the set are found at the same place.
        await clock.advance(0.5)
        assert len(await actions.ask("CoreShowChannels")) == 5
        await clock.advance(2.0)
        assert await events.events() == ["C", "BridgeEnter", "E", "F"]


async def test_at_full_speed_nobody_asking_holds_play_no_longer_than_the_patience() -> None:
    clock = ManualClock()
    async with serving(ReplayServer(RECORDING, speed=None, clock=clock, sleep=clock.sleep, patience=5.0)) as server:
        client = await logged_in(server)
        await clock.advance(5.5)
        assert await client.events() == ["A", "B", "C", "BridgeEnter", "E", "F"]


def test_the_next_list_is_never_older_and_never_skips_one() -> None:
    recording = Recording(RECORDING)
    places = [recording.next_list("queueSTATUS", place) for place in range(len(recording) + 1)]
    assert [entry.place if entry else None for entry in places] == [2, 2, 2, 4, 4, None, None]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.one_of(st.floats(0, 3), st.sampled_from(["QueueStatus", "CoreShowChannels"])), max_size=12))
async def test_however_time_and_actions_alternate_each_event_comes_once_and_in_order(steps: list[float | str]) -> None:
    clock = ManualClock()
    async with paced(clock) as server:
        client = await logged_in(server)
        names: list[str] = []
        for step in steps:
            if isinstance(step, float):
                await clock.advance(step)
                names += await client.events()
                continue
            before = len(names)
            seen = await client.ask(step)
            names += [value(m, "Event") for m in seen if any(line.startswith("Timestamp") for line in m)]
            answered = not seen[-1][0].startswith("Response: Error")
            # Lists stand after two and four events: never an older one, and an error only past the last.
            assert (len(names) in {2, 4}) if answered else (before > 4 and len(names) == before)
        await clock.advance(60)
        names += await client.events()
        assert names == ["A", "B", "C", "BridgeEnter", "E", "F"]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
async def test_every_list_of_a_real_recording_is_answered_whole(path: Path) -> None:
    recorded = Recording(Capture.read(path))
    sets = len(recorded.lists["queuestatus"])
    clock = ManualClock()
    async with serving(ReplayServer(path, clock=clock, sleep=clock.sleep)) as server:
        client = await logged_in(server, events="off")
        for round_number in range(sets):
            # What is asked in another order than it was recorded may lie one set further, never further back.
            for action, end in LISTS.items():
                place = server.playhead.place
                answer = await client.ask(action)
                items = [message for message in answer[1:-1] if message[0].startswith("Event: ")]
                assert value(answer[-1], "Event") == end
                assert value(answer[-1], "ListItems") == str(len(items)), (action, round_number)
                assert {value(message, "ActionID") for message in answer} == {f"ask-{action}"}
                assert server.playhead.place >= place
            if round_number + 1 < sets:
                server.playhead.ask(recorded.lists["queuestatus"][round_number + 1].place)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
async def test_every_live_event_of_a_real_recording_goes_out_byte_for_byte(path: Path) -> None:
    recorded = Recording(Capture.read(path))
    async with serving(ReplayServer(path, speed=None, patience=0)) as server:
        clients = [await AmiClient.connect(server.port) for _ in range(2)]
        await asyncio.gather(*(client.login(events="off") for client in clients))
        # Written before either answer is read, both are in force before the play begins.
        for client in clients:
            client.write("Events", EventMask="on")
        await asyncio.gather(*(client.message() for client in clients))
        # Both are read at once: who does not read is cut.
        size = len(recorded.stream)
        first, second = await asyncio.gather(*(client.reader.readexactly(size) for client in clients))
        assert first == recorded.stream
        assert second == recorded.stream
        await server.played()
