"""The fake Asterisk's events: masks, filters, and the facts that actions bring.

The expected texts are what a live Asterisk 22.10 answered to the same bytes.
"""

import pytest

from tests.ami_client import AmiClient, ManualClock, value
from tests.integration.replay_serving import Serve, refused
from tests.recordings import START, capture, event


async def test_each_session_reads_the_classes_it_asked_for(serve: Serve, clock: ManualClock) -> None:
    recording = capture(
        event("first", 0, "test,all"),
        *(event(name, 1, f"{name},all") for name in ("call", "agent", "dialplan")),
        event("none", 1, ""),
    )
    async with serve(recording) as server:
        masks = {"on": ["call", "agent", "dialplan", "none"], "agent,call": ["call", "agent", "none"], "off": []}
        clients = [await AmiClient.connect(server.port) for _ in masks]
        for client, mask in zip(clients, masks, strict=True):
            await client.login(events=mask)
            assert set(await client.events()) <= {"FullyBooted", "first"}
        await clock.advance(2)
        for client, expected in zip(clients, masks.values(), strict=True):
            assert await client.events() == expected


async def test_the_events_action_changes_the_mask_and_starts_the_play(serve: Serve, clock: ManualClock) -> None:
    three = serve(capture(event("A", 0), event("B", 1), event("C", 2)))
    async with three as server, await AmiClient.connect(server.port) as client:
        await client.login(events="off")
        await clock.advance(100)
        assert server.stats.events == 0
        assert value((await client.ask("Events", EventMask="on"))[-1], "Events") == "On"
        await clock.advance(1)
        assert await client.events() == ["A", "B"]
        assert value((await client.ask("Events", EventMask="off"))[-1], "Events") == "Off"
        await clock.advance(1)
        assert await client.events() == []
        assert server.stats.events == 3


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([{"Filter": "Event: New.*"}], ["Newexten", "Newstate"]),
        ([{"Filter": "!Event: Newexten"}], ["VarSet", "VarSet", "Newstate"]),
        ([{"Filter": "Event: New.*"}, {"Filter": "!Channel: PJSIP/2"}], ["Newexten"]),
        ([{"Filter": "!Event: VarSet.*Variable: [[:alpha:]]+X"}], ["VarSet", "Newexten", "Newstate"]),
        ([{"MatchCriteria": "name(VarSet)"}], ["VarSet", "VarSet"]),
        ([{"MatchCriteria": "action(exclude),name(VarSet)"}], ["Newexten", "Newstate"]),
        (
            [{"MatchCriteria": "name(VarSet),header(Variable),method(exact)", "Filter": "KEPT"}],
            ["VarSet"],
        ),
        ([{"MatchCriteria": "header(Channel),method(ends_with)", "Filter": "/2"}], ["Newstate"]),
        ([{"MatchCriteria": "header(Channel:),method(contains)", "Filter": "SIP"}], ["Newexten", "Newstate"]),
        ([{"MatchCriteria": "header(Variable),method(starts_with)", "Filter": "DROP"}], ["VarSet"]),
        # Names are compared with their case.
        ([{"MatchCriteria": "name(varset)"}], []),
    ],
)
async def test_filters_are_applied_as_asterisk_applies_them(
    serve: Serve, clock: ManualClock, filters: list[dict[str, str]], names: list[str]
) -> None:
    recording = capture(
        event("First", 0),
        event("VarSet", 1, Variable="DROPX"),
        event("VarSet", 1, Variable="KEPT"),
        event("Newexten", 1, Channel="PJSIP/1"),
        event("Newstate", 1, Channel="PJSIP/2"),
    )
    async with serve(recording) as server, await AmiClient.connect(server.port) as client:
        await client.login(events="off")
        for headers in filters:
            assert value((await client.ask("Filter", Operation="Add", **headers))[-1], "Message") == "Success"
        await client.ask("Events", EventMask="on")
        await clock.advance(1)
        assert [name for name in await client.events() if name != "First"] == names


async def test_an_old_asterisk_overlooks_match_criteria(serve: Serve) -> None:
    settings = b"Response: Success\r\nActionID: s\r\nAMIversion: 5.0.4\r\nAsteriskVersion: 16.28.0~dfsg-0\r\n\r\n"
    async with serve(capture(event("A", 0), settings)) as server, await AmiClient.connect(server.port) as client:
        await client.login(events="off")
        message = await refused(client, "Filter", Operation="Add", MatchCriteria="name(VarSet)")
        assert message == "Filter was formatted incorrectly.  Check the syntax of the filter given."


async def test_a_global_variable_comes_back_as_an_event_on_every_session_that_reads_its_class(serve: Serve) -> None:
    async with serve() as server:
        reader, caller, other = [await AmiClient.connect(server.port) for _ in range(3)]
        await reader.login()
        await caller.login(events="off")
        await other.login(events="call,agent")
        answer = await caller.ask("Setvar", Variable="VSS_FENCE", Value='a: b=c "q"')
        assert answer[-1][-1] == "Message: Variable Set"
        fence = (await reader.until("Variable: VSS_FENCE"))[-1]
        assert fence == [
            "Event: VarSet",
            "Privilege: dialplan,all",
            f"Timestamp: {START:.6f}",
            "Channel: none",
            "Uniqueid: none",
            "Variable: VSS_FENCE",
            r"Value: a: b=c \"q\"",
        ]
        assert "VarSet" not in [*await caller.events(), *await other.events()]
        assert value((await caller.ask("Getvar", Variable="VSS_FENCE"))[-1], "Value") == 'a: b=c "q"'


async def test_pausing_a_member_brings_its_event_with_the_state_the_recording_has_by_then(
    serve: Serve, clock: ManualClock
) -> None:
    async with serve() as server, await AmiClient.connect(server.port) as client:
        await client.login()
        seen = await client.ask("QueuePause", Interface="PJSIP/1", Paused="true", Reason="tea")
        assert seen[-1][-1] == "Message: Interface paused successfully"
        paused = (await client.until("Event: QueueMemberPause"))[-1]
        assert [line for line in paused if not line.startswith("Timestamp")] == [
            "Event: QueueMemberPause",
            "Privilege: agent,all",
            "Queue: help",
            "MemberName: Anna",
            "Interface: PJSIP/1",
            "StateInterface: PJSIP/1",
            "Membership: static",
            "Penalty: 3",
            "Status: 1",
            "Paused: 1",
            "PausedReason: tea",
            "Ringinuse: 0",
        ]
        await clock.advance(6)
        await client.events()
        seen = await client.ask("QueuePause", Interface="PJSIP/1", Paused="0", Queue="help")
        assert seen[-1][-1] == "Message: Interface unpaused successfully"
        assert value((await client.until("Event: QueueMemberPause"))[-1], "Penalty") == "9"
