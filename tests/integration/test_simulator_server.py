"""The simulator as a live Asterisk: sessions on loopback, time moved by hand."""

import pytest

from tests.ami_client import AmiClient, ManualClock, value
from tests.unit.simulator_reference import SNAPSHOTS, Reference
from vss_router.ami.simulator import Simulator, SimulatorServer
from vss_router.errors import SettingsError


def served(clock: ManualClock, speed: float | None = 1.0, **settings: str) -> SimulatorServer:
    simulator = Simulator(12, 3, calls_per_second=1.0, seed=4)
    return SimulatorServer(simulator, speed=speed, clock=clock, sleep=clock.sleep, write_timeout=5.0, **settings)  # type: ignore[arg-type]


def headers(message: list[str]) -> dict[str, str]:
    return {key: text.strip() for key, _, text in (line.partition(":") for line in message)}


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_that_cannot_be_is_refused(speed: float) -> None:
    with pytest.raises(SettingsError, match="cannot be played"):
        SimulatorServer(Simulator(warm_up=0), speed=speed)


async def test_a_wrong_secret_is_refused() -> None:
    clock = ManualClock()
    async with served(clock, secret="right") as server, await AmiClient.connect(server.port) as client:
        client.write("Login", Username="vss", Secret="wrong", ActionID="login")
        await clock.advance(1.5)
        message = await client.message()
        assert "Response: Error" in message
        assert await client.at_end()


async def test_it_greets_and_says_that_it_has_booted() -> None:
    async with served(ManualClock()) as server, await AmiClient.connect(server.port) as client:
        assert client.greeting == "Asterisk Call Manager/11.0.0\r\n"
        assert "Message: Authentication accepted" in await client.login()
        assert (await client.message())[0] == "Event: FullyBooted"


async def test_no_event_comes_before_its_time() -> None:
    clock = ManualClock()
    async with served(clock) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        assert await client.events() == ["FullyBooted"]
        begin = server.simulator.now
        await clock.advance(5)
        assert server.simulator.now == pytest.approx(begin + 5, abs=0.03)
        assert len(await client.events()) > 20


async def test_ping_tells_the_simulated_time() -> None:
    clock = ManualClock()
    async with served(clock, speed=10.0) as server, await AmiClient.connect(server.port) as client:
        await client.login(events="off")
        first = float(value((await client.ask("Ping"))[-1], "Timestamp"))
        await clock.advance(2)
        second = float(value((await client.ask("Ping"))[-1], "Timestamp"))
        assert second - first == pytest.approx(20, abs=0.5)


async def test_the_events_of_a_session_lead_from_its_lists_to_later_ones() -> None:
    clock = ManualClock()
    async with (
        served(clock) as server,
        await AmiClient.connect(server.port) as events,
        await AmiClient.connect(server.port) as actions,
    ):
        await events.login()
        await actions.login(events="off")
        seen = await listed(actions)
        await clock.advance(40)
        told = await listed(actions)
        events.write("Ping", ActionID="end")
        for message in (await events.until("ActionID: end"))[1:-1]:
            seen.apply(headers(message))
        assert seen == told


async def listed(client: AmiClient) -> Reference:
    reference = Reference()
    for action in SNAPSHOTS:
        found = await client.ask(action, ActionID=f"x-{action}")
        reference.seed("\r\n\r\n".join("\r\n".join(message) for message in found).encode())
    return reference


async def test_at_full_speed_it_goes_as_fast_as_it_is_read() -> None:
    clock = ManualClock()
    async with served(clock, speed=None) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        begin = server.simulator.now
        for _ in range(400):
            await client.message()
        assert server.simulator.now > begin + 3
        assert clock.now == 1_000.0


async def test_a_session_gets_the_classes_it_asked_for() -> None:
    clock = ManualClock()
    async with served(clock) as server, await AmiClient.connect(server.port) as client:
        await client.login(events="agent")
        await clock.advance(10)
        names = set(await client.events())
        assert "QueueMemberStatus" in names
        assert not names & {"Newchannel", "FullyBooted"}


async def test_a_filter_keeps_events_back() -> None:
    clock = ManualClock()
    async with served(clock) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        criteria = "action(exclude),name(VarSet),method(none)"
        assert "Response: Success" in (await client.ask("Filter", Operation="Add", MatchCriteria=criteria))[-1]
        await clock.advance(10)
        names = await client.events()
        assert "Newchannel" in names
        assert "VarSet" not in names


async def test_a_global_variable_comes_back_as_a_fence() -> None:
    async with served(ManualClock()) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        client.write("Setvar", Variable="VSS_FENCE", Value="f1", ActionID="s")
        seen = await client.until("Event: VarSet", "Channel: none", "Value: f1")
        assert any("Message: Variable Set" in message for message in seen)


async def test_a_pause_changes_the_member_and_is_announced_for_each_queue() -> None:
    async with served(ManualClock()) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        client.write("QueuePause", Interface="PJSIP/1002", Paused="true", Reason="Обед", ActionID="p")
        await client.until("ActionID: p", "Message: Interface paused successfully")
        announced = [message for message in await client.ask("Ping") if message[0] == "Event: QueueMemberPause"]
        assert len(announced) == 3
        assert all("PausedReason: Обед" in message for message in announced)
        members = [message for message in await client.ask("QueueStatus") if "Location: PJSIP/1002" in message]
        assert [value(member, "Paused") for member in members] == ["1", "1", "1"]


async def test_a_pause_of_nobody_is_refused() -> None:
    async with served(ManualClock()) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        refused = (await client.ask("QueuePause", Interface="PJSIP/none", Paused="true"))[-1]
        assert "Message: Interface not found" in refused
        assert "Response: Error" in (await client.ask("QueuePause", Interface="PJSIP/1001", ActionID="n"))[-1]


async def test_members_are_removed_added_and_weighted() -> None:
    async with served(ManualClock()) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        member = {"Queue": "sales", "Interface": "PJSIP/1002"}
        assert "Response: Success" in (await client.ask("QueueRemove", **member))[-1]
        assert "Response: Error" in (await client.ask("QueueRemove", **member, ActionID="again"))[-1]
        assert "Response: Success" in (await client.ask("QueueAdd", **member, Penalty="4"))[-1]
        assert "Response: Error" in (await client.ask("QueueAdd", **member, ActionID="twice"))[-1]
        assert "Response: Success" in (await client.ask("QueuePenalty", **member, ActionID="w"[:1], Penalty="2"))[-1]
        found = await client.ask("QueueStatus", Queue="sales", Member="PJSIP/1002")
        (row,) = [message for message in found if "Location: PJSIP/1002" in message]
        assert "Penalty: 2" in row
        assert "Membership: dynamic" in row


async def test_an_originate_ends_with_its_response_under_its_own_id() -> None:
    clock = ManualClock()
    async with served(clock) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        answer = await client.ask(
            "Originate", Channel="PJSIP/1005", Exten="79990000001", Context="autodial", Async="true",
            ChannelId="attempt-1", ActionID="o1",
        )  # fmt: skip
        assert "Message: Originate successfully queued" in answer[-1]
        await clock.advance(25)
        response = (await client.until("Event: OriginateResponse", "ActionID: o1"))[-1]
        assert "Uniqueid: attempt-1" in response


async def test_a_call_to_nobody_is_refused() -> None:
    async with served(ManualClock()) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        assert "Response: Error" in (await client.ask("Originate", Channel="PJSIP/9", Exten="1"))[-1]


async def test_an_unknown_action_is_refused_as_asterisk_refuses_it() -> None:
    async with served(ManualClock()) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        assert "Invalid/unknown command: Dance" in " ".join((await client.ask("Dance"))[-1])


async def test_after_a_stall_of_its_clock_it_does_not_flood() -> None:
    clock = ManualClock()
    async with served(clock) as server, await AmiClient.connect(server.port) as client:
        await client.login()
        begin = server.simulator.now
        clock.now += 3600
        await client.ask("QueueSummary")
        assert server.simulator.now < begin + 1
