"""The board through the binding: what its calls take, bring and refuse."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vss_router import StatusBoard
from vss_router._core import Batch
from vss_router.errors import VssError

RECORDING = Path(__file__).parents[1] / "data" / "asterisk-22-before-restart.ami.gz"
STREAM = gzip.decompress(RECORDING.read_bytes())[:200_000]
NOW = 1_800_000_000.0
FENCE = b"Event: VarSet\r\nChannel: none\r\nUniqueid: none\r\nVariable: VSS_FENCE\r\nValue: token\r\n\r\n"


def board(**options: object) -> StatusBoard:
    return StatusBoard("main", 1, **options)  # type: ignore[arg-type]


def message(name: str, **headers: str) -> bytes:
    return "\r\n".join([f"Event: {name}", *(f"{key}: {text}" for key, text in headers.items()), "", ""]).encode()


def member(paused: str = "0") -> bytes:
    return message("QueueMemberAdded", Queue="help", Interface="PJSIP/1001", Status="1", Paused=paused)


def listed(action: str, action_id: str, *items: bytes, claimed: int | None = None) -> bytes:
    tail = f"ActionID: {action_id}\r\n\r\n".encode()
    count = len(items) if claimed is None else claimed
    parts = [f"Response: Success\r\nActionID: {action_id}\r\nEventList: start\r\n\r\n".encode()]
    parts += [item.removesuffix(b"\r\n") + tail for item in items]
    end = f"Event: {action}Complete\r\nActionID: {action_id}\r\nEventList: Complete\r\nListItems: {count}\r\n\r\n"
    return b"".join([*parts, end.encode()])


def reasons(batch: Batch) -> list[str]:
    return [gap.reason for gap in batch.gaps]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"encoding": "koi8-r"}, "koi8-r"),
        ({"ended_seconds": -1.0}, "ended_seconds"),
        ({"window_seconds": 0.0}, "window_seconds"),
        ({"wrapup_seconds": {"help": -5.0}}, "wrapup_seconds"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(VssError, match=sentence):
        board(**options)


@pytest.mark.parametrize("source", ["", "a b", "a:b", "{a}", "x" * 65])
def test_a_source_without_a_usable_name_is_refused(source: str) -> None:
    with pytest.raises(VssError, match="source"):
        StatusBoard(source)


def test_unknown_words_are_answered_with_the_known_ones() -> None:
    here = board()
    with pytest.raises(VssError, match="events"):
        here.feed(b"", NOW, "both")  # type: ignore[arg-type]
    with pytest.raises(VssError, match="operators"):
        here.rows("people")  # type: ignore[arg-type]
    with pytest.raises(VssError, match="CoreShowChannels"):
        here.begin_resync({"SIPpeers": "1"}, now=NOW)
    with pytest.raises(VssError, match="begin_resync"):
        here.list_asked_again("1", "2")
    here.begin_resync({"QueueStatus": "1"}, "token", now=NOW)
    with pytest.raises(VssError, match="9"):
        here.list_asked_again("9", "2")


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -5.0, 1e300])
def test_a_clock_that_cannot_be_breaks_nothing(now: float) -> None:
    here = board()
    here.feed(member(), now)
    here.tick(now)
    assert json.loads(here.snapshot())["operators"][0]["id"] == "PJSIP/1001"


def test_rows_that_are_not_there_are_none() -> None:
    here = board()
    assert (
        here.operator("PJSIP/1") is here.channel("1") is here.call("1") is here.queue("q") is here.callers("q") is None
    )
    assert here.rows("operators") == []
    assert here.snapshot().endswith(b'"operators":[],"channels":[],"queues":[],"calls":[]}')


def test_events_are_seq_key_and_json() -> None:
    here = board()
    batch = here.feed(member(), NOW)
    assert [key for _, key, _ in batch.events] == ["operator.update", "queue.update"]
    for seq, key, body in batch.events:
        event = json.loads(body)
        assert (event["seq"], event["event"], event["source"]) == (seq, key, "main")
    assert (here.seq, batch.messages, here.source) == (batch.events[-1][0], 1, "main")
    assert json.loads(here.operator("1001") or b"")["id"] == "PJSIP/1001"
    assert json.loads(here.rows("operators", state="available", queue="help")[0][1])["state"] == "available"
    assert here.rows("operators", after="PJSIP/1001") == here.rows("operators", limit=0) == []


def test_the_first_number_is_the_clock_in_microseconds_unless_told() -> None:
    here = StatusBoard()
    here.feed(member(), NOW)
    assert here.seq // 1_000_000 == int(NOW)
    assert StatusBoard(first_seq=7).feed(member(), NOW).events[0][0] == 7


def test_greeting_and_responses_come_with_their_session() -> None:
    here = board()
    batch = here.feed(
        b"Asterisk Call Manager/11.0.0\r\nResponse: Error\r\nActionID: 7\r\nMessage: Permission denied\r\n\r\n",
        NOW,
        "actions",
    )
    assert batch.greeting == "Asterisk Call Manager/11.0.0"
    [response] = batch.responses
    assert (response.session, response.action_id, response.status, response.success) == ("actions", "7", "Error", False)
    assert (response.message, response.get("message"), response.get("x", "y")) == (
        "Permission denied",
        "Permission denied",
        "y",
    )
    assert response.output == []
    assert ("Message", "Permission denied") in response.headers


def test_a_resync_asks_for_its_fence_swaps_at_it_and_tells_the_difference() -> None:
    here = board()
    here.begin_resync({"CoreShowChannels": "c", "QueueStatus": "q"}, "token", reason="connect", now=NOW)
    assert (here.resync, sorted(here.resync_pending), here.synchronized) == ("collecting", ["c", "q"], False)
    assert reasons(here.feed(listed("CoreShowChannels", "c"), NOW, "actions")) == []
    item = message("QueueMember", Queue="help", Location="PJSIP/1001", Status="1", Paused="1", PausedReason="lunch")
    batch = here.feed(listed("QueueStatus", "q", item, claimed=4), NOW, "actions")
    assert [(gap.reason, gap.action_id) for gap in batch.gaps] == [("list_incomplete", "q")]
    here.list_asked_again("q", "q2")
    assert reasons(here.feed(listed("QueueStatus", "q2", item), NOW, "actions")) == ["fence_wanted"]
    assert (here.resync, here.operator("1001")) == ("fencing", None)
    batch = here.feed(FENCE, NOW)
    assert reasons(batch) == ["resynced"]
    assert (here.resync, here.synchronized) == ("none", True)
    reconciled = json.loads(next(body for _, key, body in batch.events if key == "sync.reconciled"))
    assert (reconciled["reason"], reconciled["added"]) == ("connect", ["operator:PJSIP/1001", "queue:help"])
    assert json.loads(here.operator("1001") or b"")["state"] == "paused"
    assert here.drift() == {}, "what was never compared has not drifted"


def test_a_lost_session_drops_the_resync_and_opens_the_gap_once() -> None:
    here = board()
    here.begin_resync({"QueueStatus": "q"}, "token", now=NOW)
    here.feed(listed("QueueStatus", "q"), NOW, "actions")
    here.feed(FENCE, NOW)
    here.begin_resync({"QueueStatus": "q"}, "token", now=NOW)
    assert reasons(here.lost("events", "cut", NOW + 1)) == ["resync_dropped"]
    assert reasons(here.overflowed(10, NOW + 2)) == ["overflow"]
    assert not here.synchronized
    here.connected(NOW + 3)
    here.feed(b"the rest of a message\r\n\r\n", NOW + 3)  # after an overflow the next whole message counts
    here.begin_resync({"QueueStatus": "q"}, fence_member="PJSIP/1001", now=NOW + 3)
    assert reasons(here.abandon_resync("slow")) == ["resync_dropped"]
    here.begin_resync({"QueueStatus": "q"}, "token", now=NOW + 3)
    here.feed(listed("QueueStatus", "q"), NOW + 4, "actions")
    keys = [key for _, key, _ in here.feed(FENCE, NOW + 5).events]
    assert keys == ["sync.gap", "sync.reconciled"]
    stats = here.stats()
    assert (stats["gaps"], stats["resyncs"], stats["lost_bytes"]) == (1, 2, 10)


def test_wrap_up_and_the_clock_offset_are_seconds() -> None:
    here = board(wrapup_seconds={"help": 2.5})
    here.clock_offset(1.0)
    here.feed(member(), NOW)
    row = json.loads(here.operator("1001") or b"")
    assert row["memberships"][0]["wrapup_seconds"] == 2.5
    paused = member("1").replace(b"\r\n\r\n", b"\r\nTimestamp: 1800000011.500000\r\n\r\n")
    here.feed(paused, NOW)
    assert json.loads(here.operator("1001") or b"")["since"] == "2027-01-15T08:00:10.500Z"
    assert here.as_of == "2027-01-15T08:00:10.500Z"


@given(data=st.data())
def test_any_chunking_gives_the_same_events_and_snapshot(data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(STREAM)))
    cuts = sorted(data.draw(st.lists(st.integers(0, end), max_size=12)))
    whole, cut = board(), board()
    events = whole.feed(STREAM[:end], NOW).events
    pieces = [STREAM[start:stop] for start, stop in zip([0, *cuts], [*cuts, end], strict=True)]
    assert [event for piece in pieces for event in cut.feed(piece, NOW).events] == events
    assert cut.snapshot() == whole.snapshot()


@given(chunks=st.lists(st.tuples(st.sampled_from(["events", "actions"]), st.binary(max_size=300)), max_size=8))
def test_random_bytes_on_either_session_raise_nothing(chunks: list[tuple[str, bytes]]) -> None:
    here = board()
    for session, chunk in chunks:
        here.feed(chunk, NOW, session)  # type: ignore[arg-type]
    assert json.loads(here.snapshot())["source"] == "main"
