"""Reading recordings: what is refused and how, and that no byte of a good one is lost."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vss_router.ami.capture import Capture
from vss_router.errors import CaptureError

DATA = Path(__file__).parents[1] / "data"
CAPTURES = sorted(DATA.glob("*.ami.gz"))
SMALL = (
    b"Asterisk Call Manager/11.0.0\r\n"
    b"Response: Success\r\nActionID: login\r\nMessage: Authentication accepted\r\n\r\n"
    b"Event: Newchannel\r\nPrivilege: call,all\r\nTimestamp: 12.500000\r\nUniqueid: 1.1\r\n\r\n"
)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(CaptureError, match="There is no recording nowhere.ami"):
        Capture.read("nowhere.ami")


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"cannot be read \(Is a directory\)"):
        Capture.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\r\n\r\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_no_recording(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.ami"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match="is empty"):
        Capture.read(path)


@pytest.mark.parametrize("content", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x00\x01\x02", b"SSH-2.0-OpenSSH\r\n"])
def test_what_is_not_ami_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.ami"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match="is not a recording of an Asterisk manager session"):
        Capture.read(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_gzip_file_cut_short_is_damaged(tmp_path: Path, kept: float) -> None:
    whole = CAPTURES[0].read_bytes()
    path = tmp_path / "cut.ami.gz"
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(CaptureError, match="damaged or cut short"):
        Capture.read(path)


def test_a_gzip_file_with_wrong_bytes_is_damaged(tmp_path: Path) -> None:
    whole = bytearray(CAPTURES[0].read_bytes())
    whole[200:260] = b"\xff" * 60
    path = tmp_path / "wrong.ami.gz"
    path.write_bytes(whole)
    with pytest.raises(CaptureError, match="damaged or cut short"):
        Capture.read(path)


def test_content_not_name_tells_gzip_from_plain(tmp_path: Path) -> None:
    (tmp_path / "plain.ami.gz").write_bytes(SMALL)
    (tmp_path / "packed.ami").write_bytes(gzip.compress(SMALL))
    assert Capture.read(tmp_path / "plain.ami.gz").data == SMALL
    assert Capture.read(tmp_path / "packed.ami").data == SMALL


def test_a_message_cut_in_half_at_the_end_is_left_out() -> None:
    kinds = [message.kind for message in Capture(SMALL + b"Event: Hangup\r\nUniq").messages()]
    assert kinds == ["greeting", "response", "event"]


def test_messages_tell_kind_name_offset_and_time() -> None:
    greeting, response, event = Capture(SMALL).messages()
    assert (greeting.kind, greeting.name, greeting.offset) == ("greeting", "Asterisk Call Manager/11.0.0", 0)
    assert (response.kind, response.name, response.action_id) == ("response", "Success", "login")
    assert (event.kind, event.name, event.timestamp) == ("event", "Newchannel", 12.5)
    assert SMALL[event.offset :].startswith(b"Event: Newchannel")
    assert event.get("uniqueID") == "1.1"
    assert event.get("Linkedid") is None


def test_a_timestamp_that_is_no_number_is_none() -> None:
    (event,) = Capture(b"Event: Foo\r\nTimestamp: soon\r\n\r\n").messages()
    assert event.timestamp is None


def test_a_recording_without_greeting_is_read() -> None:
    capture = Capture(b"Event: Foo\r\n\r\nEvent: Bar\r\n\r\n")
    assert capture.greeting is None
    assert [message.name for message in capture.messages()] == ["Foo", "Bar"]


def test_lone_line_feeds_and_extra_blank_lines_end_messages_too() -> None:
    data = b"Event: A\nX: 1\n\nEvent: B\r\n\r\n\r\nEvent: C\r\n\r\n"
    messages = list(Capture(data).messages())
    assert [message.name for message in messages] == ["A", "B", "C"]
    assert b"".join(message.raw for message in messages) == data


def test_blank_lines_in_the_output_of_an_old_command_end_nothing() -> None:
    output = b"Response: Follows\r\nPrivilege: Command\r\nfirst\n\nsecond\n--END COMMAND--\r\n\r\n"
    messages = list(Capture(output + b"Event: After\r\n\r\n").messages())
    assert [message.raw for message in messages] == [output, b"Event: After\r\n\r\n"]


@pytest.mark.parametrize("half", [b"", b"Event: Hangup\r\nUniq", b"Event: Hangup\r\nUniqueid: 1\r\n"])
def test_two_sessions_in_one_file_are_taken_apart(half: bytes) -> None:
    capture = Capture(SMALL + half + SMALL)
    first, second = capture.sessions()
    assert (first.data, second.data) == (SMALL + half, SMALL)
    kinds = [message.kind for message in capture.messages()]
    assert kinds == ["greeting", "response", "event"] * 2


def test_a_value_that_reads_like_a_greeting_begins_no_session() -> None:
    capture = Capture(SMALL + b"Event: UserEvent\r\nSays: Asterisk Call Manager/11.0.0\r\nMore: 1\r\n\r\n")
    assert capture.sessions() == [capture]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_no_byte_of_a_recording_is_lost(path: Path) -> None:
    capture = Capture.read(path)
    messages = list(capture.messages())
    assert b"".join(message.raw for message in messages) == capture.data
    assert all(capture.data.startswith(message.raw, message.offset) for message in messages)
    assert [message.kind for message in messages[:3]] == ["greeting", "response", "event"]
    assert {message.kind for message in messages[3:]} == {"event", "response"}


@given(
    st.lists(st.sampled_from([b"Event: A\r\n", b"X: y\r\n", b"\r\n", b"\n", b"Response: Follows\r\n", b"\xff: \r\n"]))
)
def test_whatever_follows_the_first_message_its_bytes_come_back_in_order(lines: list[bytes]) -> None:
    data = SMALL + b"".join(lines)
    joined = b"".join(message.raw for message in Capture(data).messages())
    assert data.startswith(joined)
