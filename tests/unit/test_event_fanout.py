"""Subscribers that misbehave, then those that do not."""

import asyncio

import pytest

from vss_router import event_fanout
from vss_router.event_fanout import EventFanout, TypedEvent

BATCH: list[TypedEvent] = [(1, "call.start", b"{}"), (2, "call.end", b"{}")]


class Recorder:
    def __init__(self) -> None:
        self.batches: list[tuple[str, list[TypedEvent]]] = []

    def __call__(self, source: str, events: list[TypedEvent]) -> None:
        self.batches.append((source, events))


def broken(source: str, events: list[TypedEvent]) -> None:
    raise RuntimeError("broken on purpose")


def test_a_handler_that_raises_is_counted_and_the_others_get_everything() -> None:
    fanout, recorder = EventFanout(), Recorder()
    fanout.subscribe(broken)
    fanout.subscribe(recorder)
    fanout.publish("main", BATCH)
    fanout.publish("main", BATCH)
    assert recorder.batches == [("main", BATCH)] * 2
    first, second = fanout.stats()
    assert (first.name, first.failed, first.delivered) == ("broken", 2, 0)
    assert (second.failed, second.delivered) == (0, 2)


def test_a_slow_handler_is_counted() -> None:
    ticks = iter([0.0, 0.05, 1.0, 1.2])
    fanout = EventFanout(clock=lambda: next(ticks))
    fanout.subscribe(Recorder())
    fanout.publish("main", BATCH)
    fanout.publish("main", BATCH)
    assert [(stats.slow, stats.delivered) for stats in fanout.stats()] == [(1, 2)]


async def test_a_coroutine_that_raises_goes_on_with_the_next_batch() -> None:
    fanout = EventFanout()
    seen: list[str] = []

    async def handler(source: str, events: list[TypedEvent]) -> None:
        seen.append(source)
        if source == "first":
            raise RuntimeError("broken on purpose")

    fanout.subscribe(handler)
    fanout.publish("first", BATCH)
    fanout.publish("second", BATCH)
    stats = fanout.stats()[0]
    await fanout.close()
    assert seen == ["first", "second"]
    assert (stats.failed, stats.delivered) == (1, 1)


async def test_a_coroutine_that_falls_behind_loses_its_oldest_batches_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_fanout, "QUEUED_BATCHES", 2)
    fanout, recorder = EventFanout(), Recorder()
    open_gate = asyncio.Event()
    seen: list[str] = []

    async def handler(source: str, events: list[TypedEvent]) -> None:
        await open_gate.wait()
        seen.append(source)

    fanout.subscribe(handler)
    fanout.subscribe(recorder)
    for source in ("a", "b", "c", "d"):
        fanout.publish(source, BATCH)
    assert [source for source, _ in recorder.batches] == ["a", "b", "c", "d"]
    stats = fanout.stats()[0]
    open_gate.set()
    await fanout.close()
    assert seen == ["c", "d"]
    assert (stats.dropped, stats.delivered) == (2, 2)


async def test_closing_does_not_wait_for_ever_for_a_coroutine_that_hangs() -> None:
    fanout = EventFanout()

    async def handler(source: str, events: list[TypedEvent]) -> None:
        await asyncio.Event().wait()

    fanout.subscribe(handler)
    fanout.publish("main", BATCH)
    async with asyncio.timeout(10):
        await fanout.close(seconds=0.01)
    assert fanout.stats() == []


def test_an_ended_subscription_gets_nothing_more_and_can_be_ended_twice() -> None:
    fanout, recorder = EventFanout(), Recorder()
    unsubscribe = fanout.subscribe(recorder)
    unsubscribe()
    unsubscribe()
    fanout.publish("main", BATCH)
    assert recorder.batches == []


def test_an_empty_batch_is_not_delivered() -> None:
    fanout, recorder = EventFanout(), Recorder()
    fanout.subscribe(recorder)
    fanout.publish("main", [])
    assert recorder.batches == []


async def test_an_object_whose_call_is_a_coroutine_is_awaited() -> None:
    class Handler:
        def __init__(self) -> None:
            self.sources: list[str] = []

        async def __call__(self, source: str, events: list[TypedEvent]) -> None:
            self.sources.append(source)

    fanout, handler = EventFanout(), Handler()
    fanout.subscribe(handler)
    fanout.publish("main", BATCH)
    await fanout.close()
    assert handler.sources == ["main"]


async def test_closing_leaves_no_task_behind_a_coroutine_that_hangs() -> None:
    fanout = EventFanout()

    async def handler(source: str, events: list[TypedEvent]) -> None:
        await asyncio.Event().wait()

    before = asyncio.all_tasks()
    fanout.subscribe(handler)
    fanout.publish("main", BATCH)
    await fanout.close(seconds=0.01)
    left = asyncio.all_tasks() - before
    if left:
        _, left = await asyncio.wait(left, timeout=1)
    assert not left
