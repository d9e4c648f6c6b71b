"""The fake Asterisk as a server: login, permissions, masks, filters, and the actions that need no recorded list.

The expected texts are what a live Asterisk 22.10 answered to the same bytes.
"""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trustme

from tests.ami_client import AmiClient, ManualClock, serving, settle, value
from tests.recordings import START, capture, event, listed, queue_status
from vss_router.ami.replay import Account, ReplayServer
from vss_router.errors import CaptureError, ServeError, SettingsError

MEMBER = {
    "Queue": "help",
    "Name": "Anna",
    "Location": "PJSIP/1",
    "StateInterface": "PJSIP/1",
    "Membership": "static",
    "Penalty": "3",
    "Status": "1",
    "Paused": "0",
    "PausedReason": "",
}
RECORDING = capture(
    event("Newchannel", 0),
    listed("QueueStatus", "rec-1", [("QueueMember", MEMBER)]),
    event("QueueMemberPenalty", 5, "agent,all", Queue="help", MemberName="Anna", Interface="PJSIP/1", Penalty="9"),
    event("Hangup", 9),
)
Serving = AbstractAsyncContextManager[ReplayServer]
Serve = Callable[..., Serving]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def serve(clock: ManualClock) -> Serve:
    def made(*args: object, **options: object) -> Serving:
        replay = ReplayServer(*(args or (RECORDING,)), clock=clock, sleep=clock.sleep, **options)  # type: ignore[arg-type]
        return serving(replay)

    return made


@pytest.fixture
async def client(serve: Serve) -> AsyncIterator[AmiClient]:
    async with serve() as server, await AmiClient.connect(server.port) as connected:
        yield connected


async def refused(client: AmiClient, action: str, **headers: str) -> str:
    answer = (await client.ask(action, **headers))[-1]
    assert answer[0] == "Response: Error"
    return value(answer, "Message")


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_not_above_zero_is_refused(speed: float) -> None:
    with pytest.raises(SettingsError, match="cannot be played"):
        ReplayServer(RECORDING, speed=speed)


def test_there_must_be_something_to_replay() -> None:
    with pytest.raises(CaptureError, match="nothing to replay"):
        ReplayServer([])
    with pytest.raises(CaptureError, match="neither events nor lists"):
        ReplayServer(capture())


async def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"Port {port} on 127.0.0.1 cannot be listened on"):
            await ReplayServer(RECORDING, port=port).__aenter__()


async def test_a_wrong_secret_costs_a_second_an_error_and_the_connection(serve: Serve, clock: ManualClock) -> None:
    async with serve(secret="right") as server, await AmiClient.connect(server.port) as client:
        client.write("Login", Username="vss", Secret="wrong", ActionID="7")
        await clock.slept_for(1.0)
        await clock.advance(1.0)
        assert await client.message() == ["Response: Error", "ActionID: 7", "Message: Authentication failed"]
        assert await client.message() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Secret": "right"},
        {"Username": "nobody", "Secret": "right"},
        {"Username": "vss", "AuthType": "MD5", "Key": "0" * 32},
        {"Username": "vss", "AuthType": "MD5"},
    ],
    ids=["no user", "unknown user", "wrong key", "no key"],
)
async def test_other_bad_logins_fail_the_same_way(serve: Serve, headers: dict[str, str]) -> None:
    accounts = {"vss": Account(secret="right")}
    strict = ReplayServer(RECORDING, accounts=accounts, sleep=_at_once)
    async with serving(strict) as server, await AmiClient.connect(server.port) as client:
        await client.ask("Challenge", AuthType="MD5")
        assert await refused(client, "Login", **headers) == "Authentication failed"
        assert await client.message() == []


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


async def test_whoever_does_not_log_in_is_cut() -> None:
    async with (
        serving(ReplayServer(RECORDING, auth_timeout=0.01)) as server,
        await AmiClient.connect(server.port) as client,
    ):
        assert await client.at_end()


async def test_before_the_login_only_login_and_challenge_are_heard(client: AmiClient) -> None:
    assert await refused(client, "Ping") == "Permission denied"
    assert await refused(client, "NoSuchAction") == "Permission denied"
    assert await refused(client, "Challenge", AuthType="SHA") == "Must specify AuthType"


async def test_actions_asterisk_does_not_know_are_refused_in_its_words(client: AmiClient) -> None:
    await client.login()
    unknown = "Invalid/unknown command: Nope. Use Action: ListCommands to show available commands."
    assert await refused(client, "Nope") == unknown
    # Modules the recorded PBX did not have, or whose lists were never asked.
    assert (await refused(client, "Agents")).startswith("Invalid/unknown command: Agents.")
    assert (await refused(client, "BridgeList")).startswith("Invalid/unknown command: BridgeList.")


async def test_malformed_actions_are_refused_and_the_next_one_is_read(client: AmiClient) -> None:
    await client.login()
    assert await refused(client, "") == "Missing action in request"
    assert await refused(client, "Ping", X="y" * 1_100) == "Failed to parse message: line too long"
    assert await refused(client, "Ping", X="y" * 200_000) == "Failed to parse message: line too long"
    many = {f"X{number}": "y" for number in range(140)}
    answer = (await client.ask("Ping", ActionID="many", **many))[-1]
    assert value(answer, "Message") == "Too many lines in message or allocation failure"
    assert value((await client.ask("Ping"))[-1], "Ping") == "Pong"


async def test_actions_with_missing_headers_are_refused_in_asterisks_words(client: AmiClient) -> None:
    await client.login()
    assert await refused(client, "Events") == "Invalid event mask"
    assert await refused(client, "Setvar") == "No variable specified"
    assert await refused(client, "Setvar", Variable="X", Channel="PJSIP/zz") == "No such channel"
    assert await refused(client, "QueuePause", Paused="true") == "Need 'Interface' and 'Paused' parameters."
    assert await refused(client, "QueuePause", Interface="PJSIP/9", Paused="true") == "Interface not found"
    assert await refused(client, "QueuePause", Interface="PJSIP/1", Paused="1", Queue="no") == "Interface not found"
    assert await refused(client, "Command") == "No command provided"
    assert await refused(client, "Filter", Operation="Del", Filter="x") == "Unknown operation"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Filter": "["}, "Filter did not compile.  Check the syntax of the filter given."),
        ({}, "Filter was formatted incorrectly.  Check the syntax of the filter given."),
        ({"MatchCriteria": "nam(X)"}, "Filter was formatted incorrectly.  Check the syntax of the filter given."),
        ({"MatchCriteria": "name()"}, "Filter was formatted incorrectly.  Check the syntax of the filter given."),
        (
            {"MatchCriteria": "name(X),method(exact)"},
            "Filter was formatted incorrectly.  Check the syntax of the filter given.",
        ),
        (
            {"MatchCriteria": "name(X)", "Filter": "y"},
            "Filter was formatted incorrectly.  Check the syntax of the filter given.",
        ),
    ],
)
async def test_filters_that_cannot_be_read_are_refused(
    client: AmiClient, headers: dict[str, str], message: str
) -> None:
    await client.login()
    assert await refused(client, "Filter", Operation="Add", **headers) == message


async def test_an_account_may_only_what_its_classes_allow(serve: Serve) -> None:
    accounts = {"reader": Account(read="call,agent,system", write="system")}
    recording = capture(
        event("Newchannel", 0), queue_status(1), *(listed(name, name) for name in ("DeviceStateList", "Agents"))
    )
    async with serve(recording, accounts=accounts) as server, await AmiClient.connect(server.port) as client:
        await client.login("reader", events="off")
        for action in ("Setvar", "QueuePause", "DeviceStateList", "Agents", "Command"):
            assert await refused(client, action) == "Permission denied"
        assert (await client.ask("QueueStatus"))[0][0] == "Response: Success"
        assert (await client.ask("Filter", Operation="Add", Filter="x"))[-1][0] == "Response: Success"


async def test_the_greeting_is_the_recorded_one_and_the_login_is_answered(client: AmiClient) -> None:
    assert client.greeting == "Asterisk Call Manager/11.0.0\r\n"
    assert await client.login(events="off") == [
        "Response: Success",
        "ActionID: login",
        "Message: Authentication accepted",
    ]
    again = (await client.ask("Login", Username="x"))[-1]
    assert value(again, "Message") == "Already authenticated"


async def test_an_md5_login_needs_the_digest_of_challenge_and_secret(serve: Serve) -> None:
    strict = serve(secret="s3cret", random_number=lambda: 0.5)
    async with strict as server, await AmiClient.connect(server.port) as client:
        first = value((await client.ask("Challenge", AuthType="MD5"))[-1], "Challenge")
        assert first == "1073741823"
        assert value((await client.ask("Challenge", AuthType="md5"))[-1], "Challenge") == first
        key = hashlib.md5(f"{first}s3cret".encode()).hexdigest()
        answer = (await client.ask("Login", Username="vss", AuthType="MD5", Key=key))[-1]
        assert value(answer, "Message") == "Authentication accepted"


async def test_fully_booted_follows_the_login_of_who_reads_class_system_and_of_nobody_else(serve: Serve) -> None:
    accounts = {"all": Account(), "calls": Account(read="call")}
    async with serve(accounts=accounts) as server:
        async with await AmiClient.connect(server.port) as client:
            await client.login("all")
            assert await client.message() == [
                "Event: FullyBooted",
                "Privilege: system,all",
                "Uptime: 7",
                "LastReload: 5",
                "Status: Fully Booted",
            ]
        for user, mask in (("all", "off"), ("all", "call,agent"), ("calls", "on")):
            async with await AmiClient.connect(server.port) as client:
                await client.login(user, events=mask)
                assert "FullyBooted" not in await client.events()


async def test_a_pbx_that_was_still_booting_says_so_with_an_event(serve: Serve, clock: ManualClock) -> None:
    booting = capture(event("Newchannel", 0), event("FullyBooted", 2, "system,all"), event("Hangup", 9), booted=False)
    async with serve(booting) as server:
        async with await AmiClient.connect(server.port) as early:
            await early.login()
            await clock.advance(1)
            assert "FullyBooted" not in await early.events()
            await clock.advance(1)
            assert await early.events() == ["FullyBooted"]
        async with await AmiClient.connect(server.port) as late:
            await late.login()
            assert value(await late.message(), "Event") == "FullyBooted"


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


async def test_ping_tells_the_clock_of_the_play(serve: Serve, clock: ManualClock) -> None:
    async with serve(speed=2.0) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        await clock.advance(1.5)
        assert float(value((await client.ask("Ping"))[-1], "Timestamp")) == START + 3.0


async def test_commands_are_answered_in_both_dialects(serve: Serve) -> None:
    settings = b"Response: Success\r\nActionID: s\r\nAMIversion: 11.0.0\r\nAsteriskVersion: 22.10.1\r\n\r\n"
    recording = capture(event("A", 0), settings)
    async with serve(recording) as server, await AmiClient.connect(server.port) as client:
        await client.login(events="off")
        assert (await client.ask("Command", Command="core show version"))[-1] == [
            "Response: Success",
            "ActionID: ask-Command",
            "Message: Command output follows",
            "Output: Asterisk 22.10.1",
        ]
        assert (await client.ask("Command", Command="nonsense"))[-1][0] == "Response: Error"
    old = capture(event("A", 0))
    old.data = old.data.replace(b"Manager/11.0.0", b"Manager/1.3")
    async with serve(old) as server, await AmiClient.connect(server.port) as client:
        await client.login(events="off")
        answer = (await client.ask("Command", Command="nonsense"))[-1]
        assert (answer[0], answer[-1]) == ("Response: Follows", "--END COMMAND--")


async def test_logoff_says_goodbye_and_closes(client: AmiClient) -> None:
    await client.login(events="off")
    assert (await client.ask("Logoff", ActionID="bye"))[-1] == [
        "Response: Goodbye",
        "ActionID: bye",
        "Message: Thanks for all the fish.",
    ]
    assert await client.message() == []


async def test_tls_is_served_with_the_given_certificate() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(ReplayServer(RECORDING, ssl_context=context, speed=None, patience=0)) as server:
        async with await AmiClient.connect(server.port, trusting) as client:
            await client.login()
            await client.until("Event: Hangup")
        with pytest.raises(ssl.SSLCertVerificationError):
            await AmiClient.connect(server.port, ssl.create_default_context())
    await settle()
