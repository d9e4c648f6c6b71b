"""AMI bytes to messages, through the binding: whatever the split, whatever stands in them."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vss_router import AmiDecoder
from vss_router._core import AmiMessage
from vss_router.errors import SettingsError

DATA = Path(__file__).parents[1] / "data"
CAPTURES = sorted(path.name for path in DATA.glob("*.ami.gz"))
PIECES = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"Event: ",
    b"Event: Hangup\r\n",
    b"Response: Success\r\n",
    b"Response: Follows\r\n",
    b"--END COMMAND--\r\n\r\n",
    b"Asterisk Call Manager/11.0.0\r\n",
    b"Key: value\r\n",
    b"ChanVariable(SIP/a-1): k=v\r\n",
    b"Output: a\r\n",
    b": ",
    "Клиент".encode(),
    b"\xff\x00",
]
STREAMS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=40), max_size=40).map(b"".join)


def decode(*chunks: bytes, encoding: str = "utf-8") -> list[AmiMessage]:
    decoder = AmiDecoder(encoding)
    return [message for chunk in chunks for message in decoder.feed(chunk)]


def facts(messages: list[AmiMessage]) -> list[tuple[str, str, list[tuple[str, str]], list[str], bytes]]:
    return [(each.kind, each.name, each.headers, each.output, each.raw) for each in messages]


def test_an_unknown_encoding_is_refused_by_name_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"koi8-r.*cp1251.*latin-1"):
        AmiDecoder("koi8-r")


def test_text_is_not_taken_for_bytes() -> None:
    with pytest.raises(TypeError):
        AmiDecoder().feed("Event: A\r\n\r\n")  # type: ignore[arg-type]


def test_an_oversized_message_is_counted_and_the_next_one_comes() -> None:
    decoder = AmiDecoder()
    assert decoder.feed(b"Event: Flood\r\nX: " + b"x" * (1 << 20)) == []
    assert (decoder.skipped, decoder.messages) == (1, 0)
    assert [message.name for message in decoder.feed(b"xxx\r\n\r\nEvent: Next\r\n\r\n")] == ["Next"]
    assert (decoder.skipped, decoder.messages, decoder.pending) == (1, 1, 0)


def test_a_lost_connection_forgets_the_half_received_message() -> None:
    decoder = AmiDecoder()
    decoder.feed(b"Event: Hangup\r\nUniqueid: 17")
    assert decoder.pending == 27
    decoder.reset()
    assert decoder.pending == 0
    messages = decoder.feed(b"Asterisk Call Manager/11.0.0\r\nEvent: A\r\n\r\n")
    assert [message.name for message in messages] == ["Asterisk Call Manager/11.0.0", "A"]


def test_a_message_is_read_by_any_case_of_its_keys() -> None:
    [message] = decode(b"Event: VarSet\r\nActionID: 7\r\nVariable: a\r\nvariable: b\r\n\r\n")
    assert (message.kind, message.name, message.action_id) == ("event", "VarSet", "7")
    assert message.get("VARIABLE") == "a"
    assert message.get_all("Variable") == ["a", "b"]
    assert message.headers == [("Event", "VarSet"), ("ActionID", "7"), ("Variable", "a"), ("variable", "b")]
    assert message.raw == b"Event: VarSet\r\nActionID: 7\r\nVariable: a\r\nvariable: b\r\n"


def test_a_missing_header_is_none_or_the_default() -> None:
    [message] = decode(b"Event: A\r\n\r\n")
    assert message.get("Channel") is None
    assert message.get("Channel", "none") == "none"
    assert message.get_all("Channel") == []
    assert message.action_id is None


@pytest.mark.parametrize(
    ("encoding", "text"), [("utf-8", "\ufffd\ufffd\ufffd\ufffd"), ("cp1251", "Обед"), ("latin-1", "Îáåä")]
)
def test_bytes_that_are_not_utf_8_are_read_by_the_fall_back(encoding: str, text: str) -> None:
    stream = b"Event: A\r\nPausedReason: \xce\xe1\xe5\xe4\r\nMemberName: " + "Обед".encode() + b"\r\n\r\n"
    [message] = decode(stream, encoding=encoding)
    assert message.get("PausedReason") == text
    assert message.get("MemberName") == "Обед"
    assert b"\xce\xe1\xe5\xe4" in message.raw


def test_escapes_of_asterisk_are_undone() -> None:
    [message] = decode(b"Event: Newstate\r\nCallerIDName: O\\'Brien\r\nLinkedid: 1\r\n\r\n")
    assert message.get("CallerIDName") == "O'Brien"
    assert ("CallerIDName", "O'Brien") in message.headers


@pytest.mark.parametrize(
    "answer",
    [
        b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\nfirst\n\n  third\n--END COMMAND--\r\n\r\n",
        (
            b"Response: Success\r\nActionID: 1\r\nMessage: Command output follows\r\n"
            b"Output: first\r\nOutput: \r\nOutput:   third\r\n\r\n"
        ),
    ],
    ids=["13", "16"],
)
def test_both_dialects_of_command_answers_give_the_same_lines(answer: bytes) -> None:
    [message] = decode(answer)
    assert message.output == ["first", "", "  third"]
    assert message.action_id == "1"


def test_a_message_outlives_its_decoder_and_the_next_feed() -> None:
    decoder = AmiDecoder()
    [first] = decoder.feed(b"Event: A\r\nX: 1\r\n\r\nEvent: B\r\n")
    decoder.feed(b"Y: 2\r\n\r\n" * 100)
    del decoder
    assert first.headers == [("Event", "A"), ("X", "1")]


def test_a_message_does_not_show_numbers_of_people_when_printed() -> None:
    [message] = decode(b"Event: Newchannel\r\nCallerIDNum: 79001234567\r\n\r\n")
    assert repr(message) == '<AmiMessage event "Newchannel", 2 headers>'


@given(stream=STREAMS, data=st.data())
def test_any_split_gives_the_same_messages(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = facts(decode(stream))
    assert facts(decode(*chunks)) == whole
    assert facts(decode(*(stream[index : index + 1] for index in range(len(stream))))) == whole


@given(stream=st.binary(max_size=2_000))
def test_random_bytes_raise_nothing_and_every_message_stands_in_them(stream: bytes) -> None:
    for message in decode(stream):
        assert message.raw in stream
        assert message.get("Key", "x") in {"x", *(value for _, value in message.headers)}


@pytest.mark.parametrize("name", CAPTURES)
def test_every_message_of_a_recording_is_a_greeting_an_event_or_a_response(name: str) -> None:
    stream = gzip.decompress((DATA / name).read_bytes())
    messages = decode(*(stream[start : start + 4_096] for start in range(0, len(stream), 4_096)))
    assert [message.kind for message in messages].count("greeting") == 1
    assert {message.kind for message in messages} == {"greeting", "event", "response"}
    # Nothing but messages and the blank lines between them was in the stream.
    lines = [line for message in messages for line in message.raw.split(b"\r\n") if line]
    assert lines == [line for line in stream.split(b"\r\n") if line]
    assert sum(len(message.headers) for message in messages) == sum(
        len(message.raw.splitlines()) for message in messages if message.kind != "greeting"
    )
