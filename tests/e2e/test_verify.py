"""`vss-router verify` on the recordings, and on recordings tampered with so that they must fail."""

import gzip
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from vss_router.cli import run
from vss_router.status.rows import SourceSnapshot
from vss_router.status.verify import Report, verify

CAPTURES = Path(__file__).parents[1] / "data"
FIVE = [
    "asterisk-16",
    "asterisk-22",
    "asterisk-22-transfers",
    "asterisk-22-before-restart",
    "asterisk-22-after-restart",
]
SMALL = "asterisk-22-before-restart"
FLOODS = (b"Event: VarSet\r\n", b"Event: TestEvent\r\n", b"Event: RTCPSent\r\n", b"Event: RTCPReceived\r\n")


@cache
def recorded(name: str) -> tuple[bytes, ...]:
    """The messages of a capture, each with the blank line behind it; the greeting stays with the first."""
    data = gzip.decompress((CAPTURES / f"{name}.ami.gz").read_bytes())
    return tuple(message + b"\r\n\r\n" for message in data.split(b"\r\n\r\n") if message)


def header(message: bytes, key: str) -> str | None:
    for line in message.decode(errors="replace").split("\r\n"):
        name, separator, value = line.partition(": ")
        if separator and name == key:
            return value
    return None


def begins(messages: list[bytes], action_id: str) -> int:
    """Where the list of that ActionID begins."""
    return next(at for at, message in enumerate(messages) if header(message, "ActionID") == action_id)


def last_before(messages: list[bytes], end: int, fits: Callable[[int], bool]) -> int:
    return next(at for at in range(end - 1, -1, -1) if header(messages[at], "ActionID") is None and fits(at))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[bytes]], Path]:
    def write(messages: list[bytes]) -> Path:
        path = tmp_path / "recording.ami"
        path.write_bytes(b"".join(messages))
        return path

    return write


# What cannot be verified


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"GET / HTTP/1.1\r\nHost: pbx\r\n\r\n", "is not a recording"),
        (bytes(range(256)) * 8_000, "is not a recording"),
        (b"\x1f\x8b\x08 not really gzip", "damaged or cut short"),
        (gzip.compress(b"Event: Hangup\r\n\r\n" * 1_000, mtime=0)[:-20], "damaged or cut short"),
        (b"Asterisk Call Manager/11.0.0\r\nEvent: FullyBooted\r\n\r\n", "no complete set of lists"),
    ],
    ids=["empty", "http", "binary", "not gzip", "cut gzip", "no lists"],
)
def test_what_is_no_recording_is_refused_with_one_sentence(
    content: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recording.ami"
    path.write_bytes(content)

    assert run(["verify", str(path)]) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert says in output.err
    assert len(output.err.strip().splitlines()) == 1


def test_a_missing_recording_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(tmp_path / "none.ami")]) == 2
    assert "none.ami" in capsys.readouterr().err


def test_one_set_of_lists_is_not_enough(
    write: Callable[[list[bytes]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    messages = list(recorded(SMALL))
    path = write(messages[: begins(messages, "snap-2-QueueStatus")])
    assert run(["verify", str(path)]) == 2
    assert "only one complete set" in capsys.readouterr().err


def test_a_second_set_cut_in_the_middle_is_no_set(
    write: Callable[[list[bytes]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    messages = list(recorded(SMALL))
    path = write(messages[: begins(messages, "snap-2-CoreShowChannels") + 5])
    assert run(["verify", str(path)]) == 2
    assert "only one complete set" in capsys.readouterr().err


def test_a_seeding_list_with_a_wrong_count_makes_its_set_incomplete(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded(SMALL))
    del messages[begins(messages, "snap-1-QueueStatus") + 3]
    report = verify(write(messages))
    assert report.sets == 2
    assert report.seeded_from[0].startswith("snap-2-")


def test_a_dump_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    capture = CAPTURES / f"{SMALL}.ami.gz"
    assert run(["verify", str(capture), "--dump", str(tmp_path / "file" / "dump")]) == 1
    assert "choose another --dump folder" in capsys.readouterr().err


# What must fail


@pytest.mark.parametrize(
    ("event", "action", "key", "wrong"),
    [
        ("QueueMember", "QueueStatus", "Status", "4"),
        ("QueueMember", "QueueStatus", "Penalty", "77"),
        ("QueueMember", "QueueStatus", "PausedReason", "Nowhere"),
        ("QueueMember", "QueueStatus", "Membership", "realtime"),
        ("QueueMember", "QueueStatus", "LoginTime", "1"),
        ("QueueMember", "QueueStatus", "Location", "PJSIP/none"),
        ("QueueEntry", "QueueStatus", "Uniqueid", "1.1"),
        ("QueueEntry", "QueueStatus", "Position", "99"),
        ("CoreShowChannel", "CoreShowChannels", "Channel", "PJSIP/none-1"),
        ("CoreShowChannel", "CoreShowChannels", "ChannelState", "9"),
        ("CoreShowChannel", "CoreShowChannels", "CallerIDNum", "000"),
        ("CoreShowChannel", "CoreShowChannels", "CallerIDName", "Nobody"),
        ("CoreShowChannel", "CoreShowChannels", "ConnectedLineNum", "000"),
        ("CoreShowChannel", "CoreShowChannels", "ConnectedLineName", "Nobody"),
        ("CoreShowChannel", "CoreShowChannels", "Context", "nowhere"),
        ("CoreShowChannel", "CoreShowChannels", "Exten", "000"),
        ("CoreShowChannel", "CoreShowChannels", "Linkedid", "1.1"),
        ("CoreShowChannel", "CoreShowChannels", "BridgeId", "none"),
        ("CoreShowChannel", "CoreShowChannels", "Uniqueid", "1.1"),
        ("Status", "Status", "ChannelState", "9"),
        ("Status", "Status", "BridgeID", "none"),
    ],
)
def test_one_wrong_field_in_one_listed_row_is_drift(
    event: str, action: str, key: str, wrong: str, write: Callable[[list[bytes]], Path]
) -> None:
    messages = list(recorded(SMALL))
    begin = begins(messages, f"snap-2-{action}")
    at = next(at for at in range(begin, len(messages)) if messages[at].startswith(f"Event: {event}\r\n".encode()))
    right = header(messages[at], key)
    messages[at] = messages[at].replace(f"\r\n{key}: {right}".encode(), f"\r\n{key}: {wrong}".encode(), 1)

    report = verify(write(messages))

    assert report.drift
    failing = [found for found in report.differences if found.core and found.in_flight is None]
    assert {found.action_id for found in failing} == {f"snap-2-{action}"}


def test_an_inverted_pause_in_a_list_is_drift(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded(SMALL))
    at = begins(messages, "snap-3-QueueStatus")
    while header(messages[at], "Paused") != "1":
        at += 1
    messages[at] = messages[at].replace(b"\r\nPaused: 1", b"\r\nPaused: 0")
    report = verify(write(messages))
    assert [(found.field, found.board, found.asterisk) for found in report.differences if found.core] == [
        ("member.paused", True, False)
    ]


def test_a_row_missing_in_a_list_is_drift(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded(SMALL))
    del messages[begins(messages, "snap-3-CoreShowChannels") + 2]
    report = verify(write(messages))
    assert report.drift
    assert any("snap-3-CoreShowChannels has" in note for note in report.notes)


def test_two_callers_that_changed_places_in_a_list_are_drift(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded("asterisk-22-after-restart"))
    begin = begins(messages, "snap-end-QueueStatus")
    entries = [at for at in range(begin, len(messages)) if messages[at].startswith(b"Event: QueueEntry\r\n")]
    first = entries[0]
    second = next(at for at in entries[1:] if header(messages[at], "Queue") == header(messages[first], "Queue"))
    for at, was, becomes in ((first, "1", "2"), (second, "2", "1")):
        assert header(messages[at], "Position") == was
        messages[at] = messages[at].replace(f"Position: {was}".encode(), f"Position: {becomes}".encode())
    report = verify(write(messages))
    assert [found.field for found in report.differences if found.core] == ["waiting.order"]


def test_a_lost_hangup_is_drift(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded(SMALL))
    end = begins(messages, "snap-3-QueueStatus")
    lost = last_before(messages, end, lambda at: messages[at].startswith(b"Event: Hangup\r\n"))
    uniqueid = header(messages.pop(lost), "Uniqueid")
    report = verify(write(messages))
    assert ("channel.set", uniqueid) in {
        (found.field, found.row) for found in report.differences if found.in_flight is None
    }


def test_a_lost_pause_is_drift(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded("asterisk-22"))
    end = begins(messages, "snap-4-QueueStatus")
    told: set[tuple[str | None, str | None]] = set()

    def is_last_word(at: int) -> bool:
        # The pause must be the last event of its member: every member event states all its fields.
        member = (header(messages[at], "Queue"), header(messages[at], "Interface"))
        if not messages[at].startswith(b"Event: QueueMember") or member in told:
            return False
        told.add(member)
        return messages[at].startswith(b"Event: QueueMemberPause\r\n") and header(messages[at], "Paused") == "1"

    lost = messages.pop(last_before(messages, end, is_last_word))
    report = verify(write(messages))
    row = f"{header(lost, 'Queue')} {header(lost, 'Interface')}"
    assert ("snap-4-QueueStatus", "member.paused", row) in {
        (found.action_id, found.field, found.row) for found in report.differences if found.in_flight is None
    }


def test_a_lost_leave_of_a_caller_who_stays_on_the_line_is_drift(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded("asterisk-22"))
    end = begins(messages, "snap-3-QueueStatus")
    alive = {header(message, "Uniqueid") for message in messages[end:] if header(message, "ActionID") is None}

    def fits(at: int) -> bool:
        return messages[at].startswith(b"Event: QueueCallerLeave\r\n") and header(messages[at], "Uniqueid") in alive

    queue = header(messages.pop(last_before(messages, end, fits)), "Queue")
    report = verify(write(messages))
    assert ("snap-3-QueueStatus", "waiting.set", queue) in {
        (found.action_id, found.field, found.row) for found in report.differences if found.in_flight is None
    }


def test_a_lost_newstate_that_nothing_repeats_before_the_list_is_drift(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded("asterisk-22-transfers"))
    # As with the default event filter: the floods repeat every field of their channel.
    messages = [message for message in messages if not message.startswith(FLOODS)]
    end = begins(messages, "snap-4-CoreShowChannels")
    told: set[str | None] = set()

    def is_last_word(at: int) -> bool:
        uniqueid = header(messages[at], "Uniqueid")
        if uniqueid in told:
            return False
        told.add(uniqueid)
        return messages[at].startswith(b"Event: Newstate\r\n")

    uniqueid = header(messages.pop(last_before(messages, end, is_last_word)), "Uniqueid")
    report = verify(write(messages))
    assert ("channel.state", uniqueid) in {
        (found.field, found.row) for found in report.differences if found.in_flight is None
    }


def test_drift_is_exit_1_and_the_row_is_named(
    write: Callable[[list[bytes]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    messages = list(recorded(SMALL))
    at = begins(messages, "snap-2-CoreShowChannels") + 1
    messages[at] = messages[at].replace(b"\r\nExten: ", b"\r\nExten: 9")
    assert run(["verify", str(write(messages))]) == 1
    output = capsys.readouterr().out
    assert "DRIFT" in output
    assert str(header(messages[at], "Uniqueid")) in output


# What must not fail


@pytest.mark.parametrize("name", FIVE)
def test_a_real_recording_has_no_drift(name: str) -> None:
    report = verify(CAPTURES / f"{name}.ami.gz")
    assert [found for found in report.differences if found.core and found.in_flight is None] == []
    assert not report.drift
    assert all(result.compared > 0 for result in report.fields if result.core)


@pytest.mark.parametrize("name", FIVE)
def test_a_recording_under_the_default_event_filter_has_no_drift(
    name: str, write: Callable[[list[bytes]], Path]
) -> None:
    report = verify(write([message for message in recorded(name) if not message.startswith(FLOODS)]))
    assert [found for found in report.differences if found.core and found.in_flight is None] == []


def test_rows_that_changed_while_a_list_was_sent_are_told_with_their_event() -> None:
    report = verify(CAPTURES / "asterisk-22.ami.gz")
    assert {(found.action_id, found.field, found.in_flight) for found in report.differences if found.core} == {
        ("snap-6-QueueStatus", "waiting.set", "QueueCallerJoin"),
        ("snap-9-Status", "channel.set", "Newchannel"),
    }


def test_plain_and_gzip_give_the_same_report(write: Callable[[list[bytes]], Path]) -> None:
    plain = verify(write(list(recorded(SMALL))))
    packed = verify(CAPTURES / f"{SMALL}.ami.gz")
    assert msgspec.structs.replace(plain, recording="") == msgspec.structs.replace(packed, recording="")


def test_a_last_list_without_end_is_noted_and_not_compared(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded(SMALL))
    report = verify(write(messages[: begins(messages, "snap-3-CoreShowChannels") + 5]))
    assert not report.drift
    assert report.notes == ["The list snap-3-CoreShowChannels has no end and was not compared."]


def test_two_sessions_in_one_file_are_seeded_one_by_one(write: Callable[[list[bytes]], Path]) -> None:
    report = verify(write([*recorded(SMALL), *recorded("asterisk-22-after-restart")]))
    assert not report.drift
    assert report.sets == 6
    assert len({action_id.rpartition("-")[0] for action_id in report.seeded_from}) == 1
    assert len(report.seeded_from) == len(set(report.seeded_from)) * 2
    assert len(report.notes) == 1


def test_a_reload_of_the_queues_is_followed_by_new_seeding(write: Callable[[list[bytes]], Path]) -> None:
    messages = list(recorded("asterisk-22-transfers"))
    stamp = header(messages[begins(messages, "snap-3-QueueStatus") - 1], "Timestamp")
    reload = f"Event: Reload\r\nPrivilege: system,all\r\nTimestamp: {stamp}\r\nModule: app_queue\r\nStatus: 0\r\n\r\n"
    messages.insert(begins(messages, "snap-3-QueueStatus"), reload.encode())
    report = verify(write(messages))
    assert not report.drift
    assert [note for note in report.notes if note.startswith("Seeded anew from snap-3-QueueStatus after reload")]


def test_json_is_the_whole_report(capsys: pytest.CaptureFixture[str]) -> None:
    capture = CAPTURES / f"{SMALL}.ami.gz"
    assert run(["verify", str(capture), "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out, type=Report) == verify(capture)


def test_the_table_names_every_core_field_with_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    capture = CAPTURES / f"{SMALL}.ami.gz"
    assert run(["verify", str(capture)]) == 0
    output = capsys.readouterr().out
    lines = {line.split()[1]: line for line in output.splitlines() if line.startswith("│")}
    for result in verify(capture).fields:
        if result.core:
            assert f"{result.compared:,}" in lines[result.field]
    assert "No drift" in output


def test_dump_holds_the_board_as_it_was_before_each_later_list(tmp_path: Path) -> None:
    report = verify(CAPTURES / f"{SMALL}.ami.gz", tmp_path / "dump")

    messages = list(recorded(SMALL))
    lists = {
        action_id
        for message in messages
        if header(message, "EventList") == "start" and (action_id := header(message, "ActionID"))
    }
    later = {action_id for action_id in lists if not action_id.startswith("snap-1-")}
    assert {path.stem for path in (tmp_path / "dump").iterdir()} == later
    assert not report.drift
    for number in (2, 3):
        snapshot = (tmp_path / "dump" / f"snap-{number}-CoreShowChannels.json").read_bytes()
        board = msgspec.json.decode(snapshot, type=SourceSnapshot)
        listed = {
            header(message, "Uniqueid")
            for message in messages
            if message.startswith(b"Event: CoreShowChannel\r\n")
            and header(message, "ActionID") == f"snap-{number}-CoreShowChannels"
        }
        assert {row.id for row in board.channels} == listed


def test_an_action_id_cannot_leave_the_dump_folder(write: Callable[[list[bytes]], Path], tmp_path: Path) -> None:
    messages = [message.replace(b"ActionID: snap-2-Agents", b"ActionID: ../../snap/2") for message in recorded(SMALL)]
    verify(write(messages), tmp_path / "dump")
    assert json.loads((tmp_path / "dump" / "%2E.%2F..%2Fsnap%2F2.json").read_bytes())["source"] == "main"
