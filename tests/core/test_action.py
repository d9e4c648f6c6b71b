"""Actions on their way to Asterisk: what it would misread is never made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vss_router import AmiAction, AmiDecoder
from vss_router.errors import AmiActionError, AmiError

PLAIN = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=60)
KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True).filter(
    lambda key: key.lower() not in {"action", "actionid", "output", "event", "response"}
)


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\r\nAction: Originate", "a\0b", "\n"])
def test_line_ends_and_nul_are_refused_in_every_part(bad: str) -> None:
    with pytest.raises(AmiActionError):
        AmiAction(bad)
    with pytest.raises(AmiActionError):
        AmiAction("Ping", {bad: "value"})
    with pytest.raises(AmiActionError, match=r"value of `Key`.*take it out"):
        AmiAction("Ping", {"Key": bad})
    with pytest.raises(AmiActionError):
        AmiAction("Ping", action_id=bad)


@pytest.mark.parametrize("key", ["", "a b", "a:", "Key: x", "Action"])
def test_a_key_that_would_be_read_as_another_is_refused(key: str) -> None:
    with pytest.raises(AmiActionError):
        AmiAction("Ping", {key: "value"})


def test_a_line_over_1024_bytes_is_refused_counting_bytes_and_its_line_end() -> None:
    assert len(AmiAction("Ping", {"Key": "x" * 1017}).encode().splitlines(keepends=True)[1]) == 1024
    for value in ("x" * 1018, "Я" * 509):
        with pytest.raises(AmiActionError, match="`Key`"):
            AmiAction("Ping", {"Key": value})


def test_more_than_128_headers_are_refused_with_the_action_s_own() -> None:
    assert AmiAction("Originate", [("Variable", "a=b")] * 126, action_id="1").encode().count(b"\r\n") == 129
    with pytest.raises(AmiActionError, match="129 headers"):
        AmiAction("Originate", [("Variable", "a=b")] * 127, action_id="1")


def test_the_error_is_an_ami_error_and_a_value_error_and_hides_the_value() -> None:
    with pytest.raises(AmiActionError) as caught:
        AmiAction("Login", {"Secret": "hunter2\n"})
    assert isinstance(caught.value, AmiError)
    assert isinstance(caught.value, ValueError)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("headers", [{"Key": 1}, [("Key",)], 5, ["Key"]])
def test_headers_that_are_no_pairs_of_text_are_a_type_or_value_error(headers: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        AmiAction("Ping", headers)  # type: ignore[arg-type]


def test_headers_come_from_a_mapping_or_from_pairs_in_order_and_may_repeat() -> None:
    assert AmiAction("Ping").encode() == b"Action: Ping\r\n\r\n"
    by_mapping = AmiAction("Setvar", {"Variable": "X", "Value": "1"}, action_id="7")
    assert by_mapping.encode() == b"Action: Setvar\r\nActionID: 7\r\nVariable: X\r\nValue: 1\r\n\r\n"
    assert (by_mapping.name, by_mapping.action_id) == ("Setvar", "7")
    by_pairs = AmiAction("Originate", (pair for pair in [("Variable", "a=1"), ("Variable", "b=2")]))
    assert by_pairs.encode() == b"Action: Originate\r\nVariable: a=1\r\nVariable: b=2\r\n\r\n"


def test_an_action_does_not_show_its_secret_when_printed() -> None:
    assert repr(AmiAction("Login", {"Secret": "hunter2"})) == '<AmiAction "Login">'


@given(headers=st.lists(st.tuples(KEYS, PLAIN), max_size=20), action_id=st.none() | PLAIN.filter(bool))
def test_what_is_encoded_is_read_back_the_same(headers: list[tuple[str, str]], action_id: str | None) -> None:
    encoded = AmiAction("Event", headers, action_id=action_id).encode()
    [message] = AmiDecoder().feed(encoded)
    own = [("Action", "Event")] + ([("ActionID", action_id)] if action_id is not None else [])
    assert [(key, value) for key, value in message.headers] == own + headers
