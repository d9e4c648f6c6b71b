"""The simulator against a slow, obvious reader: what its events say is what its lists say."""

import gzip
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.simulator_reference import SNAPSHOTS, Reference, messages
from vss_router.ami.capture import Capture
from vss_router.ami.simulator import Simulator
from vss_router.errors import CaptureError, SettingsError

DATA = Path(__file__).parent.parent / "data"


def listed(simulator: Simulator) -> Reference:
    reference = Reference()
    reference.seed(b"".join(simulator.list(action, "x") for action in SNAPSHOTS))
    return reference


def stream(simulator: Simulator, seconds: float) -> bytes:
    return b"".join(message for _, message in simulator.advance(simulator.now + seconds))


def follow(simulator: Simulator, seconds: float, steps: int) -> Iterator[Reference]:
    """What events alone make of a simulation that was listed once, after each step."""
    seen = listed(simulator)
    for _ in range(steps):
        for message in messages(stream(simulator, seconds)):
            seen.apply(message)
        yield seen


# -- what cannot be simulated


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("operators", 0),
        ("queues", 0),
        ("memberships", 0),
        ("calls_per_second", -1.0),
        ("calls_per_second", float("nan")),
        ("talk_seconds", 0.0),
        ("warm_up", -1.0),
    ],
)
def test_a_number_that_makes_no_call_centre_is_refused_by_name(setting: str, value: float) -> None:
    with pytest.raises(SettingsError, match=setting):
        Simulator(**{setting: value})  # type: ignore[arg-type]


def test_two_paces_at_once_are_refused() -> None:
    with pytest.raises(SettingsError, match="not both"):
        Simulator(calls_per_second=1.0, events_per_second=50.0)


def test_an_unknown_list_is_refused() -> None:
    with pytest.raises(SettingsError, match="'SIPpeers'"):
        Simulator(warm_up=0).list("SIPpeers")


@pytest.mark.parametrize("setting", ["seconds", "lists_every"])
def test_a_recording_of_no_length_is_refused(setting: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=setting):
        Simulator(warm_up=0).record(tmp_path / "none.ami", **{"seconds": 1.0, "lists_every": 1.0} | {setting: 0.0})


def test_a_recording_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="missing"):
        Simulator(warm_up=0).record(tmp_path / "missing" / "x.ami", 1)


# -- the same again


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, two = Simulator(seed=5), Simulator(seed=5)
    assert stream(one, 60) == stream(two, 60)
    assert one.list("QueueStatus", "q") == two.list("QueueStatus", "q")


def test_another_seed_gives_other_traffic() -> None:
    assert stream(Simulator(seed=5), 30) != stream(Simulator(seed=6), 30)


@given(st.lists(st.floats(min_value=0.001, max_value=20), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_it_does_not_matter_in_which_steps_time_passes(steps: list[float]) -> None:
    stepwise, at_once = Simulator(12, 2, warm_up=5), Simulator(12, 2, warm_up=5)
    begin = stepwise.now
    moments = [begin + sum(steps[: count + 1]) for count in range(len(steps))]
    pieces = [message for moment in moments for _, message in stepwise.advance(moment)]
    assert pieces == [message for _, message in at_once.advance(moments[-1])]


# -- consistency


@given(
    seed=st.integers(0, 2**32),
    operators=st.integers(1, 30),
    queues=st.integers(1, 6),
    memberships=st.integers(1, 4),
    calls=st.floats(0.05, 2.0),
)
@settings(max_examples=15, deadline=None)
def test_events_alone_lead_to_what_the_lists_say(
    seed: int, operators: int, queues: int, memberships: int, calls: float
) -> None:
    simulator = Simulator(operators, queues, memberships=memberships, calls_per_second=calls, seed=seed, warm_up=60)
    for seen in follow(simulator, 12.5, 6):
        assert seen == listed(simulator)


def test_events_still_agree_after_a_quarter_of_an_hour() -> None:
    simulator = Simulator(25, 4, calls_per_second=0.6, seed=1)
    for seen in follow(simulator, 300, 3):
        assert seen == listed(simulator)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_nobody_talks_in_two_calls_and_bridges_are_pairs(seed: int) -> None:
    simulator = Simulator(15, 3, calls_per_second=0.7, seed=seed, warm_up=0)  # no list tells who was on hold before
    for seen in follow(simulator, 5, 20):
        talking = Counter(
            channel["Channel"].rpartition("-")[0]
            for uniqueid, channel in seen.channels.items()
            if channel["BridgeId"] and uniqueid not in seen.on_hold and "trunk" not in channel["Channel"]
        )
        assert all(count == 1 for device, count in talking.items() if device.startswith("PJSIP/")), talking
        inside = Counter(channel["BridgeId"] for channel in seen.channels.values() if channel["BridgeId"])
        assert all(inside[bridge] == 2 for bridge in seen.bridges - seen.lots)


def test_what_was_once_there_is_gone_in_the_end() -> None:
    simulator = Simulator(10, 2, calls_per_second=0.5, seed=3)
    early = set(listed(simulator).channels)
    stream(simulator, 1800)
    assert early
    assert not early & set(listed(simulator).channels)


# -- the form


@cache
def real_forms() -> dict[str, set[tuple[str, ...]]]:
    """For each event that a real Asterisk 22 sent, the orders of headers it came in."""
    forms: dict[str, set[tuple[str, ...]]] = {}
    for name in ("asterisk-22", "asterisk-22-transfers"):
        for message in Capture.read(DATA / f"{name}.ami.gz").messages():
            if message.kind == "event":
                forms.setdefault(message.name, set()).add(header_names(message.raw))
    return forms


def header_names(raw: bytes) -> tuple[str, ...]:
    return tuple(line.partition(b":")[0].decode() for line in raw.rstrip().split(b"\r\n"))


NOT_IN_THE_RECORDINGS = {
    "ContactStatus", "LocalOptimizationBegin", "LocalOptimizationEnd", "MusicOnHoldStart", "MusicOnHoldStop",
    "PeerStatus", "UnParkedCall",
}  # fmt: skip


def test_every_event_has_the_headers_of_a_real_one_in_their_order() -> None:
    simulator, seen = Simulator(40, 4, seed=11), set()
    for _, raw in simulator.advance(simulator.now + 1500):
        name = raw[7 : raw.index(b"\r")].decode()
        seen.add(name)
        if name not in NOT_IN_THE_RECORDINGS and b"SwapUniqueid" not in raw:
            form = header_names(raw)
            if name == "OriginateResponse":
                form = (*form[:3], "ActionID", *form[3:])
            assert form in real_forms()[name], raw.decode()
    assert seen >= NOT_IN_THE_RECORDINGS | {
        "AgentCalled", "AgentComplete", "AgentConnect", "AgentRingNoAnswer", "AttendedTransfer", "BlindTransfer",
        "BridgeCreate", "BridgeDestroy", "BridgeEnter", "BridgeLeave", "BridgeMerge", "DeviceStateChange",
        "DialBegin", "DialEnd", "DialState", "Hangup", "HangupRequest", "Hold", "LocalBridge", "NewCallerid",
        "NewConnectedLine", "Newchannel", "Newexten", "Newstate", "OriginateResponse", "ParkedCall",
        "ParkedCallGiveUp", "ParkedCallTimeOut", "QueueCallerAbandon", "QueueCallerJoin", "QueueCallerLeave",
        "QueueMemberAdded", "QueueMemberPause", "QueueMemberPenalty", "QueueMemberRemoved", "QueueMemberStatus",
        "SoftHangupRequest", "Unhold", "VarSet",
    }  # fmt: skip


@pytest.mark.parametrize(
    "action",
    ["Agents", "CoreShowChannels", "DeviceStateList", "ExtensionStateList", "QueueStatus", "QueueSummary", "Status"],
)
def test_a_list_has_the_form_of_a_real_one_and_counts_its_items(action: str) -> None:
    simulator = Simulator(seed=2)
    start, *items, end = (part for part in simulator.list(action, "snap-1-x").split(b"\r\n\r\n") if part)
    assert start.startswith(b"Response: Success\r\nActionID: snap-1-x\r\nEventList: start\r\n")
    assert f"EventList: Complete\r\nListItems: {len(items)}".encode() in end
    for raw in (*items, end):
        name = raw[7 : raw.index(b"\r")].decode()
        assert header_names(raw) in real_forms()[name], raw.decode()


def test_times_never_fall_and_stand_in_the_messages() -> None:
    simulator = Simulator(seed=4)
    moments = simulator.advance(simulator.now + 30)
    times = [when for when, _ in moments]
    assert times == sorted(times)
    assert all(f"Timestamp: {when:.6f}\r\n".encode() in raw for when, raw in moments)


@pytest.mark.parametrize(("operators", "memberships", "wanted"), [(400, 3, 200.0), (60, 2, 30.0)])
def test_the_events_per_second_come_out_about_as_asked(operators: int, memberships: int, wanted: float) -> None:
    simulator = Simulator(operators, 6, memberships=memberships, events_per_second=wanted)
    count = len(simulator.advance(simulator.now + 200))
    assert 0.85 * wanted < count / 200 < 1.15 * wanted


# -- recordings


def test_a_recording_begins_as_a_session_and_holds_complete_lists_in_their_places(tmp_path: Path) -> None:
    path = tmp_path / "short.ami"
    events = Simulator(seed=8).record(path, 45, lists_every=20)
    found = list(Capture.read(path).messages())
    assert [message.name for message in found[:3]] == ["Asterisk Call Manager/11.0.0", "Success", "FullyBooted"]
    assert sum(message.timestamp is not None for message in found) == events
    starts = [message.action_id for message in found if message.kind == "response"][1:]
    assert starts[::9] == [f"snap-{name}-QueueStatus" for name in ("1", "2", "3", "end")]
    assert {start.rpartition("-")[2] for start in starts if start} >= {"CoreShowChannels", "Agents", "CoreStatus"}


def test_a_packed_recording_is_the_plain_one_and_always_the_same_bytes(tmp_path: Path) -> None:
    plain, packed, again = (tmp_path / name for name in ("one.ami", "two.ami.gz", "three.ami.gz"))
    for path in (plain, packed, again):
        Simulator(seed=8).record(path, 10)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert packed.read_bytes() == again.read_bytes()


def test_the_events_of_a_recording_lead_to_each_of_its_lists(tmp_path: Path) -> None:
    path = tmp_path / "checked.ami"
    Simulator(30, 3, calls_per_second=1.0, seed=9, warm_up=0).record(path, 90, lists_every=15)
    seen, compared, lists = Reference(), 0, dict[str, bytes]()
    for message in Capture.read(path).messages():
        snapshot = message.action_id or ""
        if snapshot.startswith("snap-"):
            lists[snapshot.rpartition("-")[0]] = lists.get(snapshot.rpartition("-")[0], b"") + message.raw
        elif message.timestamp is not None:
            compared += _compare(seen, lists)
            if seen.members:
                seen.apply(next(messages(message.raw)))
    assert _compare(seen, lists) + compared >= 6


def _compare(seen: Reference, lists: dict[str, bytes]) -> int:
    """Take in the lists that have just ended: seed from the first, compare with the others."""
    if not lists:
        return 0
    ((_, raw),) = lists.items()
    lists.clear()
    told = Reference()
    told.seed(raw)
    if not seen.members:
        seen.seed(raw)
        return 0
    assert seen.without_bridges() == told.without_bridges()
    return 1
