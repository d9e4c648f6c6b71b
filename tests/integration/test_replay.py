"""The fake Asterisk as a server: login, permissions, masks, filters, and the actions that need no recorded list.

The expected texts are what a live Asterisk 22.10 answered to the same bytes.
"""

import asyncio
import hashlib
import socket
import ssl

import pytest
import trustme

from tests.ami_client import AmiClient, ManualClock, serving, settle, value
from tests.integration.replay_serving import RECORDING, Serve, refused
from tests.recordings import START, capture, event, listed, queue_status
from vss_router.ami.replay import Account, ReplayServer
from vss_router.errors import CaptureError, ServeError, SettingsError


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
