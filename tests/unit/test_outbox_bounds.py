"""Queues that are full, and an outbox that is."""

import asyncio
from pathlib import Path

import pytest

from tests.outbox_rig import event, eventually, message, rig
from tests.transport_double import CONFIRMED, ScriptedTransport
from vss_router.broker.message import Confirm, Message, Outcome
from vss_router.errors import OutboxFullError

# -- full queues -------------------------------------------------------------------------------------------------------


async def test_a_full_queue_is_told_to_whoever_sends_a_command() -> None:
    async with rig() as both:
        both.transport.judge = lambda _: Confirm(Outcome.NACKED, "the queue vss.autodial.leads is full")
        with pytest.raises(OutboxFullError, match="vss.autodial.leads is full"):
            await both.outbox.publish(message(1), refusable=True)
        assert both.outbox.stats.full_queue == 1


async def test_a_full_queue_holds_its_lane_back_and_nobody_else(tmp_path: Path) -> None:
    transport = ScriptedTransport()
    full = True
    tries: list[str] = []

    def judge(given: Message) -> Confirm:
        name = str(given.properties.message_id)
        if full and name.startswith("main"):
            tries.append(name)
            return Confirm(Outcome.NACKED, "a queue is full")
        return CONFIRMED

    transport.judge = judge
    async with rig(tmp_path / "outbox.db", transport=transport, batch=1, outstanding=1) as both:
        both.outbox.offer([each for seq in range(1, 21) for each in (event(seq), event(seq, "second"))])
        await eventually(lambda: len(transport.ids) == 20, "the other PBX's events through")
        await eventually(lambda: len(tries) >= 3, "the full queue tried again")
        assert set(tries) == {"main:1"}, "one message probes, the rest makes no copies in other queues"
        assert both.outbox.stats.held_messages >= 19
        full = False
        await both.drained()
        assert transport.ids[20:] == [f"main:{seq}" for seq in range(1, 21)]
        assert [trouble.kind for trouble in both.troubles] == ["nacked"]


async def test_a_queue_with_little_room_is_not_flooded_each_time_it_has_some(tmp_path: Path) -> None:
    transport = ScriptedTransport()
    room = 1
    refused = 0

    def judge(_given: Message) -> Confirm:
        nonlocal room, refused
        if room:
            room -= 1
            return CONFIRMED
        refused += 1
        return Confirm(Outcome.NACKED, "full")

    transport.judge = judge
    async with rig(tmp_path / "outbox.db", transport=transport, batch=1, outstanding=1) as both:
        both.outbox.offer([event(seq) for seq in range(1, 401)])
        await eventually(lambda: refused == 1, "the second refused")
        room = 5
        await eventually(lambda: refused >= 3, "refused again")
        assert (len(transport.ids), refused) == (6, 3), "1 and 2 were taken, 2 of the next 4"
        room = 1_000
        await both.drained()
        assert transport.ids == [f"main:{seq}" for seq in range(1, 401)]


async def test_a_command_for_a_queue_known_to_be_full_is_refused_at_the_door(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db") as both:
        both.transport.judge = lambda _: Confirm(Outcome.NACKED, "full")
        both.outbox.offer([message(1)])
        await eventually(lambda: both.outbox.stats.held_messages == 1, "held")
        with pytest.raises(OutboxFullError, match="a queue that 'gacs.completed' goes to is full"):
            await both.outbox.publish(message(2), refusable=True)
        both.transport.judge = lambda _: CONFIRMED
        await both.drained()
        assert both.transport.ids == ["1"]


# -- bounds ------------------------------------------------------------------------------------------------------------


async def test_what_memory_does_not_hold_waits_on_disk_and_comes_back_in_order(tmp_path: Path) -> None:
    transport = ScriptedTransport(connected=False)
    async with rig(tmp_path / "outbox.db", transport=transport, memory_messages=50) as both:
        for begin in range(1, 1_001, 20):
            assert both.outbox.offer([event(seq) for seq in range(begin, begin + 20)]) == 20
            await both.on_disk(begin + 19)
            assert both.outbox.stats.memory_messages <= 50
        transport.restore()
        await eventually(lambda: len(transport.ids) > 200, "some sent")
        both.outbox.offer([event(seq) for seq in range(1_001, 1_021)])
        await both.drained()
        assert transport.ids == [f"main:{seq}" for seq in range(1, 1_021)]
        await both.on_disk(0)


async def test_without_a_file_events_over_the_bound_are_dropped_counted_and_told() -> None:
    async with rig(transport=ScriptedTransport(connected=False), memory_messages=10) as both:
        assert both.outbox.offer([event(seq) for seq in range(1, 26)]) == 10
        assert both.outbox.offer([message("alert", key="system.alert")], urgent=True) == 1
        assert both.outbox.stats.dropped == 15
        assert [(trouble.kind, trouble.times) for trouble in both.troubles] == [("dropped", 15)]
        both.transport.restore()
        await both.drained()
        assert both.transport.ids == [*(f"main:{seq}" for seq in range(1, 11)), "alert"]


async def test_a_publish_waits_for_room_and_is_refused_when_none_comes() -> None:
    async with rig(transport=ScriptedTransport(connected=False), memory_messages=10, room_seconds=0.05) as both:
        both.outbox.offer([event(seq) for seq in range(1, 11)])
        with pytest.raises(OutboxFullError, match="no more can be published, 10 messages wait in memory"):
            await both.outbox.publish(message("late"))
        waiting = asyncio.create_task(both.outbox.publish(message("in time")))
        await asyncio.sleep(0)
        both.transport.restore()
        await waiting
        assert both.transport.ids[-1] == "in time"


async def test_when_the_disk_bound_is_near_the_oldest_telemetry_goes_first(tmp_path: Path) -> None:
    transport = ScriptedTransport(connected=False)
    async with rig(
        tmp_path / "outbox.db", transport=transport, memory_messages=20, disk_bytes=100_000, room_seconds=5
    ) as both:
        for number in range(300):
            name = f"t{number}" if number % 2 else f"e{number}"
            key = "telemetry.metrics" if number % 2 else "pipeline.start"
            async with asyncio.timeout(10):
                await both.outbox.publish(message(name, key=key, body=b"x" * 300))
        stats = both.outbox.stats
        assert stats.telemetry_dropped > 0
        assert stats.disk_bytes <= 100_000
        transport.restore()
        await both.drained()
        ids = [str(name) for name in transport.ids]
        assert [name for name in ids if name.startswith("e")] == [f"e{n}" for n in range(0, 300, 2)]
        kept = [int(name[1:]) for name in ids if name.startswith("t")]
        assert kept == sorted(kept)
        assert "telemetry_dropped" in {trouble.kind for trouble in both.troubles}


async def test_when_the_disk_is_full_producers_wait_and_events_are_dropped(tmp_path: Path) -> None:
    transport = ScriptedTransport(connected=False)
    async with rig(
        tmp_path / "outbox.db", transport=transport, memory_messages=1_000, disk_bytes=50_000, room_seconds=0.005
    ) as both:
        answers = await both.outbox.publish_many([message(number, body=b"x" * 300) for number in range(120)])
        taken = answers.count(None)
        assert 50 < taken < 120
        assert "messages wait on disk, and 50000 bytes are all they may take" in str(answers[-1])
        assert all(isinstance(answer, OutboxFullError) for answer in answers[taken:])
        assert both.outbox.offer([event(1)]) in {0, 1}, "a small one may still fit"
        transport.restore()
        await both.drained()
        assert transport.ids[:taken] == [str(number) for number in range(taken)]
        await both.outbox.publish(message("again"))
