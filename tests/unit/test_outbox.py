"""The outbox between its callers and a broker that refuses, stalls, cuts and comes back."""

import asyncio
import datetime
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.outbox_rig import event, eventually, message, rig
from tests.transport_double import CONFIRMED, ScriptedTransport
from vss_router.broker.message import Confirm, Headers, Message, Outcome, Properties
from vss_router.errors import BrokerUnavailableError, MessageError, OutboxFullError, UnroutableError

BOTH = pytest.mark.parametrize("kept", [False, True], ids=["memory", "file"])


def place(kept: bool, folder: Path) -> Path | None:
    return folder / "outbox.db" if kept else None


def judged(outcome: Outcome, reason: str, *names: str) -> Callable[[Message], Confirm]:
    """A broker that treats the messages of these names so."""

    def judge(given: Message) -> Confirm:
        return Confirm(outcome, reason) if given.properties.message_id in names else CONFIRMED

    return judge


# -- messages that cannot be sent --------------------------------------------------------------------------------------


async def test_a_message_over_the_limit_is_refused_with_its_size() -> None:
    async with rig(message_bytes=1_000) as both:
        with pytest.raises(MessageError, match="'gacs.completed' of .* bytes is too big: at most 1000 bytes"):
            await both.outbox.publish(message(1, body=b"x" * 1_001))
        assert both.outbox.offer([message(2), message(3, body=b"x" * 1_001), message(4)]) == 1
        await both.drained()
        assert both.transport.ids == ["2"]
        assert both.outbox.stats.dropped == 2


async def test_a_routing_key_a_property_or_a_header_that_amqp_has_no_place_for_is_refused() -> None:
    async with rig() as both:
        with pytest.raises(MessageError, match="routing key 'aaaa.* is longer than 255 bytes"):
            await both.outbox.publish(message(1, key="a" * 256))
        with pytest.raises(MessageError, match="property 'жжж.* of a message .* is longer than 255 bytes"):
            await both.outbox.publish(message("ж" * 128))
        with pytest.raises(MessageError, match="priority 256"):
            await both.outbox.publish(Message("", "q", b"", Properties(priority=256)))
        with pytest.raises(MessageError, match="header of a message 'q' cannot be written"):
            await both.outbox.publish(Message("", "q", b"", Properties(headers={"x": object()})))  # type: ignore[dict-item]


@BOTH
async def test_a_message_that_no_queue_takes_is_told_to_who_waits(tmp_path: Path, kept: bool) -> None:
    async with rig(place(kept, tmp_path)) as both:
        both.transport.judge = judged(Outcome.RETURNED, "no queue is bound", "lost")
        with pytest.raises(UnroutableError, match="no queue is bound"):
            await both.outbox.publish(message("lost", mandatory=True))
        await both.outbox.publish(message("next"))
        assert both.outbox.stats.returned == 1
        assert both.troubles == []


async def test_a_returned_message_that_nobody_waits_for_is_counted_told_and_kept(tmp_path: Path) -> None:
    transport = ScriptedTransport(connected=False)
    transport.judge = judged(Outcome.RETURNED, "no queue is bound", "lost", "main:1")
    async with rig(tmp_path / "outbox.db", transport=transport) as both:
        await both.outbox.publish(message("lost", mandatory=True))
        both.outbox.offer([event(1)])
        transport.restore()
        await eventually(lambda: both.outbox.stats.dead_messages == 1, "one dead")
        assert [(trouble.kind, trouble.times) for trouble in both.troubles] == [("returned", 1)]
        [dead] = await both.outbox.dead()
        assert (dead.message.properties.message_id, dead.reason) == ("lost", "no queue is bound")


@BOTH
async def test_a_refused_message_is_told_and_blocks_nothing_behind_it(tmp_path: Path, kept: bool) -> None:
    async with rig(place(kept, tmp_path)) as both:
        both.transport.judge = judged(Outcome.REFUSED, "no exchange vss.evnts", "bad")
        answers = await both.outbox.publish_many([message("a"), message("bad"), message("b")])
        sentence = "the broker did not take 'gacs.completed': no exchange vss.evnts"
        assert [str(answer) for answer in answers] == ["None", sentence, "None"]
        assert isinstance(answers[1], MessageError)
        assert both.transport.ids == ["a", "b"]


async def test_refused_messages_that_nobody_waits_for_are_kept_and_can_be_published_again(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db") as both:
        both.transport.judge = judged(Outcome.REFUSED, "no such exchange", "1", "2")
        both.outbox.offer([message(n) for n in range(5)])
        await eventually(lambda: both.outbox.stats.dead_messages == 2, "two dead")
    async with rig(tmp_path / "outbox.db", transport=both.transport) as again:
        assert again.outbox.stats.dead_messages == 2
        both.transport.judge = lambda _: CONFIRMED
        assert await again.outbox.revive(await again.outbox.dead()) == 2
        await again.drained()
        assert sorted(map(str, both.transport.ids)) == ["0", "1", "2", "3", "4"]
        assert await again.outbox.dead() == []


class Choking(ScriptedTransport):
    """Raises at every call with a message named `bad`, and so many times (`raises`) at any call."""

    def __init__(self, raises: int = 0) -> None:
        super().__init__()
        self.raises = raises
        self.raised = 0

    async def publish(self, messages: Sequence[Message]) -> list[Confirm]:
        if self.raises > 0 or any(message.properties.message_id == "bad" for message in messages):
            self.raises -= 1
            self.raised += 1
            raise OverflowError("float too large to pack")
        return await super().publish(messages)


@BOTH
async def test_a_message_that_the_transport_chokes_on_is_refused_and_the_others_go_in_order(
    tmp_path: Path, kept: bool
) -> None:
    async with rig(place(kept, tmp_path), transport=Choking(), batch=4) as both:
        names = [*range(10), "bad", *range(10, 40)]
        answers = await both.outbox.publish_many([message(name) for name in names])
        await both.drained()
        sentences = [str(answer) for answer in answers if answer is not None]
        if kept:
            assert sentences == []
            await eventually(lambda: both.outbox.stats.dead_messages == 1, "one dead")
            sentences = [dead.reason for dead in await both.outbox.dead()]
        assert [sentence.partition("the transport cannot send it ")[2][:15] for sentence in sentences] == [
            "(OverflowError("
        ]
        assert both.transport.ids == [str(number) for number in range(40)]
        assert both.outbox.stats.refused == 1
        await both.outbox.publish_many([message(name) for name in range(40, 80)])
        await both.drained()
        assert max(len(call) for call in both.transport.calls[-10:]) > 1


async def test_of_messages_in_a_row_that_the_transport_chokes_on_each_is_tried_more_often() -> None:
    async with rig(transport=(choking := Choking())) as both:
        answers = await both.outbox.publish_many([message(name) for name in [0, "bad", "bad", "bad", 1, "bad", 2]])
        assert [answer is None for answer in answers] == [True, False, False, False, True, False, True]
        assert both.transport.ids == ["0", "1", "2"]
        assert choking.raised == 1 + (3 + 6 + 9) + 3


async def test_a_transport_that_fails_at_any_message_for_a_while_loses_none() -> None:
    async with rig(transport=Choking(raises=3), batch=4) as both:
        assert await both.outbox.publish_many([message(number) for number in range(20)]) == [None] * 20
        assert both.transport.ids == [str(number) for number in range(20)]


# -- no broker ---------------------------------------------------------------------------------------------------------


async def test_a_publish_without_broker_returns_once_it_is_on_disk_and_survives(tmp_path: Path) -> None:
    headers: Headers = {"when": datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC), "deep": {"list": [1, b"x", None]}}
    full = Message("", "q", b"\x00\xff", Properties(headers=headers, priority=5, persistent=False), mandatory=True)
    async with rig(tmp_path / "outbox.db", transport=ScriptedTransport(connected=False)) as both:
        async with asyncio.timeout(5):
            await both.outbox.publish(full)
            await both.outbox.publish(message(2))
        assert both.outbox.stats.disk_messages == 2
    async with rig(tmp_path / "outbox.db") as again:
        await again.outbox.publish(message(3))
        await again.drained()
        assert again.transport.queue[0] == full
        assert again.transport.ids[1:] == ["2", "3"]
        assert again.outbox.stats.inherited == 2
    async with rig(tmp_path / "outbox.db") as empty:
        assert empty.outbox.stats.inherited == 0


async def test_a_publish_without_broker_and_disk_waits_and_is_told_at_the_end() -> None:
    async with rig(transport=ScriptedTransport(connected=False)) as both:
        waiting = asyncio.create_task(both.outbox.publish(message(1)))
        await eventually(lambda: both.outbox.stats.memory_messages == 1, "taken")
        assert not waiting.done()
    with pytest.raises(BrokerUnavailableError, match="stopped before the broker confirmed"):
        await waiting


async def test_messages_under_way_when_the_outbox_stops_are_kept(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db", stop_seconds=0.01) as both:
        both.transport.stall()
        both.outbox.offer([event(seq) for seq in range(1, 6)])
        await eventually(lambda: both.outbox.stats.under_way == 5, "under way")
    async with rig(tmp_path / "outbox.db") as again:
        await again.drained()
        assert again.transport.ids == [f"main:{seq}" for seq in range(1, 6)]


async def test_after_the_stop_nothing_is_taken() -> None:
    async with rig() as both:
        pass
    with pytest.raises(OutboxFullError, match="not running"):
        await both.outbox.publish(message(1))
    assert both.outbox.offer([event(1)]) == 0


async def test_events_that_are_not_confirmed_in_time_go_to_disk_in_one_batch(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db") as both:
        both.transport.stall()
        both.outbox.offer([event(seq) for seq in range(1, 101)])
        await both.on_disk(100)
        assert both.outbox.stats.journalled == 100
        both.transport.flow()
        await both.drained()
        await both.on_disk(0)
        assert both.transport.ids == [f"main:{seq}" for seq in range(1, 101)]


async def test_a_confirm_in_time_touches_no_disk(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db") as both:
        for number in range(20):
            await both.outbox.publish(message(number))
        assert both.outbox.stats.journalled <= 2, "a slow machine may need more than 20 ms once"
        assert both.outbox.stats.confirmed == 20


async def test_nothing_new_overtakes_what_an_unnoticed_cut_lost() -> None:
    async with rig(batch=1, outstanding=8) as both:
        await both.outbox.publish(message("first"))
        both.transport.stall()
        both.outbox.offer([event(1)])
        await eventually(lambda: both.outbox.stats.under_way == 1, "under way")
        [lost] = both.transport._transit
        both.transport._transit.clear()  # the broker never saw it, and nobody was told yet
        both.transport.restore()
        both.transport.flow()
        both.outbox.offer([event(2)])
        for _ in range(10):
            await asyncio.sleep(0)
        assert both.transport.ids == ["first"], "the second waits for the first"
        lost.answer.set_result([Confirm(Outcome.LOST)])
        await both.drained()
        assert both.transport.ids == ["first", "main:1", "main:2"]


# -- callers -----------------------------------------------------------------------------------------------------------


async def test_a_caller_who_loses_patience_has_published_all_the_same() -> None:
    async with rig() as both:
        both.transport.stall()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(both.outbox.publish(message(1)), 0.01)
        both.transport.flow()
        await both.drained()
        assert both.transport.ids == ["1"]


async def test_concurrent_callers_share_one_batch() -> None:
    async with rig() as both:
        await both.outbox.publish(message(0))
        begun = len(both.transport.calls)
        await asyncio.gather(*(both.outbox.publish(message(number)) for number in range(1, 101)))
        assert len(both.transport.calls) - begun <= 2
        assert both.transport.ids == [str(number) for number in range(101)]


# -- all at once -------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_to_the_connection_everything_arrives_in_order(
    tmp_path: Path, kept: bool, seed: int
) -> None:
    chance = random.Random(seed)
    transport = ScriptedTransport(seed=seed)
    bounds = {"memory_messages": chance.choice([64, 3_000])} if kept else {}
    async with rig(
        place(kept, tmp_path),
        transport=transport,
        batch=chance.choice([1, 7, 256]),
        outstanding=chance.choice([8, 2_048]),
        **bounds,
    ) as both:

        async def spoil() -> None:
            for _ in range(60):
                await asyncio.sleep(chance.random() * 0.01)
                match chance.choice(["cut", "cut", "stall", "nothing"]):
                    case "cut":
                        transport.cut()
                        await asyncio.sleep(chance.random() * 0.02)
                        transport.restore()
                    case "stall":
                        transport.stall()
                        await asyncio.sleep(chance.random() * 0.04)
                        transport.flow()

        spoiling = asyncio.create_task(spoil())
        sent: dict[str, int] = {"a": 0, "b": 0}
        published = 0
        for _ in range(150):
            source = chance.choice("ab")
            batch = [event(sent[source] + n, source) for n in range(1, chance.randint(2, 20))]
            taken = both.outbox.offer(batch)
            sent[source] += taken
            if chance.random() < 0.2:
                await both.outbox.publish(message(f"p:{published}"))
                published += 1
            await asyncio.sleep(0 if chance.random() < 0.9 else 0.005)
        await spoiling
        await both.drained()
        first_seen = list(dict.fromkeys(map(str, transport.ids)))
        for source, last in (("a", sent["a"]), ("b", sent["b"])):
            assert [name for name in first_seen if name.startswith(source)] == [
                f"{source}:{seq}" for seq in range(1, last + 1)
            ]
        assert [name for name in first_seen if name.startswith("p")] == [f"p:{number}" for number in range(published)]
        assert both.outbox.stats.republished > 0
