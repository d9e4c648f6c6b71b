"""A PBX's events on their way to the broker: who publishes, what is dropped, and the gaps that say so."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.outbox_rig import eventually, rig
from tests.transport_double import ScriptedTransport
from vss_router._core import StatusBoard
from vss_router.broker import ami_publishing
from vss_router.broker.ami_publishing import AmiEvent, AmiPublishing
from vss_router.broker.message import Message
from vss_router.broker.outbox import Outbox
from vss_router.events import SyncGap, decode

NOW = 1_763_800_000.0
DATA = Path(__file__).parents[1] / "data"


def made(*seqs: int) -> list[AmiEvent]:
    """Events with these numbers, as the board writes them."""
    row = '"row":{"id":"PJSIP/1001","name":"Agent"}'
    head = '"event":"operator.update","timestamp":"2026-11-21T20:10:05.410Z"'
    bodies = (f'{{{head},{row},"id":"{uuid(seq)}","source":"main","seq":{seq}}}' for seq in seqs)
    return [(seq, "operator.update", body.encode()) for seq, body in zip(seqs, bodies, strict=True)]


def uuid(seq: int) -> str:
    return f"01a20198-1530-73d9-b7a5-{seq:012d}"


class Speaks:
    """Who publishes, as the test says."""

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer

    def __call__(self, _source: str) -> bool | None:
        return self.answer


def publishing(outbox: Outbox, speaks: Speaks | None = None, **settings: Any) -> AmiPublishing:
    arguments: dict[str, Any] = {"clock": lambda: NOW, **settings}
    return AmiPublishing(outbox, publishes=speaks or Speaks(True), ids=lambda: "gap-id", **arguments)


def seqs(queue: list[Message]) -> list[object]:
    """The numbers of the messages; a gap is shown as (from, to)."""
    return [shown(each) for each in queue]


def shown(given: Message) -> object:
    if given.routing_key == "sync.gap":
        gap = decode(given.exchange, given.routing_key, given.body, arrived=0.0)
        assert isinstance(gap, SyncGap)
        return (gap.from_seq, gap.to_seq)
    return given.properties.headers["x-seq"]


async def test_what_finds_no_room_lies_in_a_gap_that_goes_before_what_follows() -> None:
    async with rig(transport=ScriptedTransport(connected=False), memory_messages=4) as both:
        give = publishing(both.outbox)
        give("main", made(10, 11, 12))
        give("main", made(15, 16, 17))
        give("main", made(20))
        both.transport.restore()
        await both.drained()
        give("main", made(21, 22))
        await both.drained()
        assert seqs(both.transport.queue) == [10, 11, 12, 15, (15, 20), 21, 22]
        gap = decode("vss.events", "sync.gap", both.transport.queue[4].body, arrived=0.0)
        assert isinstance(gap, SyncGap)
        assert (gap.source, gap.seq, gap.id) == ("main", 20, "gap-id")
        assert gap.started == gap.ended == gap.timestamp == datetime.fromtimestamp(NOW, UTC)
        assert both.transport.queue[4].properties.headers == {"x-source": "main", "x-seq": 20}
        assert (give.stats.published, give.stats.missed, give.stats.gaps) == (6, 3, 1)


async def test_a_gap_does_not_wait_for_the_next_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_publishing, "RETRY_SECONDS", 0.001)
    async with rig(transport=ScriptedTransport(connected=False), memory_messages=2) as both:
        give = publishing(both.outbox)
        give("main", made(1, 2, 3))
        both.transport.restore()
        await eventually(lambda: len(both.transport.queue) == 3, "the gap published")
        assert seqs(both.transport.queue) == [1, 2, (2, 3)]
        give.close()


async def test_a_gap_of_one_pbx_holds_no_other_up() -> None:
    async with rig(transport=ScriptedTransport(connected=False), memory_messages=3) as both:
        give = publishing(both.outbox)
        give("main", made(1, 2, 3, 4))
        both.transport.restore()
        await both.drained()
        give("second", made(7))
        give("main", made(5))
        await both.drained()
        assert seqs(both.transport.queue) == [1, 2, 3, 7, (3, 4), 5]


async def test_an_event_too_big_for_a_message_is_a_gap_too() -> None:
    async with rig(message_bytes=1_000) as both:
        give = publishing(both.outbox)
        give("main", [*made(1), (2, "queue.update", b"x" * 1_001), *made(3)])
        give("main", made(4))
        await both.drained()
        assert seqs(both.transport.queue) == [1, (1, 3), 4]


async def test_the_router_that_does_not_hold_the_lease_publishes_nothing() -> None:
    async with rig() as both:
        give = publishing(both.outbox, Speaks(False))
        give("main", made(1, 2))
        give.close()
        assert both.outbox.stats.accepted == 0
        assert give.stats.withheld == 2


async def test_taking_over_a_gap_covers_the_last_of_what_was_left_to_the_other() -> None:
    now = NOW
    async with rig() as both:
        speaks = Speaks(False)
        give = publishing(both.outbox, speaks, clock=lambda: now, overlap_seconds=15)
        for seq in (1, 2, 3, 4):
            give("main", made(seq * 10))
            now += 10
        speaks.answer = True
        give("main", made(50))
        await both.drained()
        assert seqs(both.transport.queue) == [(30, 40), 50]
        give("main", made(60))
        await both.drained()
        assert seqs(both.transport.queue) == [(30, 40), 50, 60]


async def test_taking_over_a_gap_that_waits_for_room_covers_what_was_left_to_the_other_too() -> None:
    async with rig(transport=ScriptedTransport(connected=False), memory_messages=2) as both:
        speaks = Speaks(True)
        give = publishing(both.outbox, speaks)
        give("main", made(1, 2, 3))
        speaks.answer = False
        give("main", made(4, 5, 6))
        speaks.answer = True
        both.transport.restore()
        await both.drained()
        give("main", made(7))
        await both.drained()
        assert seqs(both.transport.queue) == [1, 2, (2, 6), 7]
        give.close()


async def test_while_it_is_open_who_publishes_events_are_held_then_published_or_left() -> None:
    async with rig() as both:
        for answer, expected in ((True, [1, 2, 3]), (False, [])):
            both.transport.queue.clear()
            speaks = Speaks(None)
            give = publishing(both.outbox, speaks)
            give("main", made(1, 2))
            assert give.stats.held == 2
            speaks.answer = answer
            give("main", made(3))
            await both.drained()
            assert seqs(both.transport.queue) == expected
            assert give.stats.held == 0
            give.close()


async def test_what_cannot_be_held_lies_in_a_gap_only_if_nobody_else_told_it() -> None:
    async with rig() as both:
        for answer, expected in ((True, [(0, 2), 3, 4, 5]), (False, [])):
            both.transport.queue.clear()
            speaks = Speaks(None)
            give = publishing(both.outbox, speaks, held_events=2)
            give("main", made(1, 2, 3, 4))
            speaks.answer = answer
            give("main", made(5))
            await both.drained()
            assert seqs(both.transport.queue) == expected
            give.close()


async def test_the_decision_is_found_out_without_a_further_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_publishing, "RETRY_SECONDS", 0.001)
    async with rig() as both:
        speaks = Speaks(None)
        give = publishing(both.outbox, speaks)
        give("main", made(1))
        speaks.answer = True
        await eventually(lambda: len(both.transport.queue) == 1, "published")
        give.close()


async def test_a_message_is_what_the_board_wrote_with_the_properties_of_all() -> None:
    async with rig() as both:
        [event] = made(5)
        publishing(both.outbox)("main", [event])
        call = (6, "call.end", b'{"event":"call.end","id":"' + uuid(6).encode() + b'","source":"main","seq":6}')
        publishing(both.outbox)("main", [call])
        await both.drained()
        update, end = both.transport.queue
        assert update.body is event[2]
        properties = msgspec.structs.asdict(update.properties)
        assert properties["message_id"] == uuid(5), "the event's own id, not the row's"
        assert properties["type"] == "operator.update"
        assert properties["timestamp"] == 1_795_291_805, "the event's own time, as in its body"
        assert end.properties.timestamp is None, "it names none"
        assert properties["app_id"] == "vss-router"
        assert properties["headers"] == {"x-source": "main", "x-seq": 5}
        assert (update.mandatory, end.mandatory) == (False, True)


async def test_the_ids_a_real_board_writes_are_found() -> None:
    recording = gzip.decompress((DATA / "asterisk-22.ami.gz").read_bytes())
    board = StatusBoard("main", first_seq=1)
    batches = [board.feed(recording[at : at + 4096], NOW).events for at in range(0, len(recording), 4096)]
    async with rig(memory_messages=100_000) as both:
        give = publishing(both.outbox)
        for events in batches:
            give("main", events)
        await both.drained()
        expected = [msgspec.json.decode(event[2])["id"] for events in batches for event in events]
        assert both.transport.ids == expected
        assert len(expected) > 100


async def test_what_no_queue_takes_is_left_out_as_long_as_none_does_but_what_must_reach_one_is_not() -> None:
    taken: set[str] = set()
    async with rig() as both:
        give = publishing(both.outbox, takes=taken.__contains__)
        give("main", made(10, 11))
        taken.add("operator.update")
        give("main", made(12))
        must = (13, "call.start", made(13)[0][2])
        give("main", [must])
        await both.drained()
        assert seqs(both.transport.queue) == [12, 13]
        assert give.stats.published == 2
