"""The event filter as Asterisk would apply it; the live tests hold the same against Asterisk itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vss_router.ami.filter import EVENT_FILTERS, KEPT_VARIABLES, all_but


def left_out(event: str) -> bool:
    """Whether one of the filters matches; POSIX's `[:cntrl:]` spelled out, `.` matching a line's end."""
    patterns = [pattern.removeprefix("!").replace("[[:cntrl:]]", r"[\x00-\x1f\x7f]") for pattern in EVENT_FILTERS]
    patterns = [pattern.replace("[:cntrl:]", r"\x00-\x1f\x7f") for pattern in patterns]
    return any(re.search(pattern, event, re.DOTALL) for pattern in patterns)


def event(name: str, privilege: str = "call,all", **headers: str) -> str:
    lines = [f"Event: {name}", f"Privilege: {privilege}", *(f"{key}: {value}" for key, value in headers.items())]
    return "".join(f"{line}\r\n" for line in lines) + "\r\n"


@pytest.mark.parametrize(
    "name",
    [
        "Newchannel", "Newstate", "Newexten", "Hangup", "DialBegin", "BridgeEnter", "Hold", "MusicOnHoldStart",
        "QueueCallerJoin", "QueueMemberStatus", "AgentConnect", "DeviceStateChange", "OriginateResponse",
        "FullyBooted", "Shutdown", "Reload", "UserEvent", "LocalOptimizationEnd", "ParkedCall", "Pickup",
    ],
)  # fmt: skip
def test_what_the_board_needs_is_kept(name: str) -> None:
    assert not left_out(event(name, CallerIDName="RTCPSent Cdr TestEvent"))


@pytest.mark.parametrize("name", ["RTCPSent", "RTCPReceived", "TestEvent", "Cdr", "CEL", "DTMFBegin", "AGIExecStart"])
def test_floods_are_left_out(name: str) -> None:
    assert left_out(event(name))


def test_security_events_are_left_out() -> None:
    assert left_out(event("SuccessfulAuth", "security,all", Service="AMI"))
    assert not left_out(event("Newchannel", "call,all", CallerIDName="Privilege: security"))


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_no_variable_is_kept_but_the_named_ones(variable: str) -> None:
    assert left_out(event("VarSet", "dialplan,all", Channel="none", Variable=variable, Value="1")) is (
        variable not in KEPT_VARIABLES
    )


@pytest.mark.parametrize("kept", KEPT_VARIABLES)
def test_near_misses_of_kept_variables_are_left_out(kept: str) -> None:
    for end in range(len(kept)):
        assert left_out(event("VarSet", "dialplan,all", Variable=kept[:end], Value=kept))
        assert left_out(event("VarSet", "dialplan,all", Variable=kept[:end] + "x" + kept[end + 1 :], Value=kept))
    assert left_out(event("VarSet", "dialplan,all", Variable=f"{kept}x", Value=kept))
    assert not left_out(event("VarSet", "dialplan,all", Variable=kept, Value="anything"))


def test_a_filter_fits_into_a_line_that_asterisk_takes() -> None:
    assert all(len(f"Filter: {pattern}") < 1000 for pattern in EVENT_FILTERS)


def test_one_name_may_begin_another() -> None:
    pattern = re.compile(f"({all_but(['A', 'AB'])})".replace("[[:cntrl:]]", r"\r").replace("[:cntrl:]", r"\r"))
    assert [text for text in ("", "A", "AB", "ABC", "B", "AC") if not pattern.match(f"{text}\r")] == ["A", "AB"]
