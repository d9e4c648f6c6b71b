"""What every store of status does with rows set by hand: written once, run against each of them.

A subclass gives the fixture `store`, empty and with one PBX called `main`.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from vss_router.errors import StatusQueryError
from vss_router.status.manual_rows import ChannelChange, MembershipChange, OperatorChange, QueueChange
from vss_router.status.reader_protocols import Answer
from vss_router.status.rows import Caller, ChannelRow, OperatorRow, Party, QueueRow
from vss_router.status.store_protocols import StatusStore

ODD = ["PJSIP/1@a b", "PJSIP/100%", "Анна/1001", "a/b/c", "PJSIP/" + "x" * 10_000, "a:operators", "{main}", "'\"\\]["]
CALLER = Caller(
    position=1,
    channel="1.1",
    call_id="1.1",
    number="100",
    name=None,
    joined_at=datetime(2026, 11, 21, 10, tzinfo=UTC),
    priority=0,
    ringing=[],
)


async def now(asked: Any) -> Any:
    """An answer of a reader that answers at once or of one that is awaited."""
    return await asked if hasattr(asked, "__await__") else asked


def in_queues(*names: str, paused: tuple[str, ...] = ()) -> list[MembershipChange]:
    return [MembershipChange(queue=name, paused=name in paused) for name in names]


async def ids(store: StatusStore, table: str, **question: Any) -> list[str]:
    answer = await now(getattr(store, table)(**question))
    return [row["id"] if "id" in row else row["name"] for row in msgspec.json.decode(answer.body)["items"]]


def row(answer: Answer, shape: Any) -> Any:
    return msgspec.json.decode(answer.body, type=shape)


class StoreContract:
    """The tests; a fixture `store` is the subclass's."""

    async def test_an_empty_id_is_refused(self, store: StatusStore) -> None:
        with pytest.raises(StatusQueryError, match="The id is empty"):
            await store.set_operator("", OperatorChange(name="Anna"))
        with pytest.raises(StatusQueryError, match="The id is empty"):
            await store.set_queue("", QueueChange())

    async def test_a_value_that_no_row_may_have_is_refused_and_nothing_is_set(self, store: StatusStore) -> None:
        await store.set_queue("a", QueueChange())
        wrong: Any = "asleep"
        with pytest.raises(StatusQueryError, match="The row cannot be set so: Invalid enum value 'asleep'"):
            await store.set_operator("PJSIP/1", OperatorChange(state=wrong))
        number: Any = 7
        with pytest.raises(StatusQueryError, match="Expected `str`, got `int`"):
            await store.set_channel("1.1", ChannelChange(context=number))
        assert await now(store.channel("1.1")) is None
        assert await now(store.operator("PJSIP/1")) is None

    async def test_an_unknown_pbx_is_refused(self, store: StatusStore) -> None:
        await store.set_queue("a", QueueChange())
        with pytest.raises(StatusQueryError, match="No PBX is called 'other': the sources are main"):
            await store.set_operator("PJSIP/1", OperatorChange(), source="other")
        with pytest.raises(StatusQueryError, match="No PBX is called"):
            await store.remove_queue("a", source="other")
        with pytest.raises(StatusQueryError, match="No PBX is called"):
            await store.clear("other")
        with pytest.raises(StatusQueryError, match="No PBX is called"):
            await store.counts("other")

    async def test_what_is_not_there_is_not_removed(self, store: StatusStore) -> None:
        await store.set_queue("a", QueueChange())
        assert not await store.remove_operator("PJSIP/1")
        assert not await store.remove_channel("1.1")
        assert not await store.remove_queue("b")

    async def test_a_row_that_is_set_is_read_back_marked_and_whole(self, store: StatusStore) -> None:
        answer = await store.set_operator("PJSIP/1001", OperatorChange(name="Anna", memberships=in_queues("a", "b")))
        read = await now(store.operator("PJSIP/1001"))
        assert read.body == answer.body
        anna = row(answer, OperatorRow)
        assert (anna.source, anna.id, anna.extension, anna.name, anna.manual) == (
            "main",
            "PJSIP/1001",
            "1001",
            "Anna",
            True,
        )
        assert (anna.state, anna.intent, anna.activity, anna.reachable) == ("available", "available", "idle", True)
        assert [(place.queue, place.interface) for place in anna.memberships] == [
            ("a", "PJSIP/1001"),
            ("b", "PJSIP/1001"),
        ]
        assert (answer.seq, answer.source) == (anna.seq, "main")

        line = row(await store.set_channel("1.1", ChannelChange(name="PJSIP/1-01", state=6)), ChannelRow)
        assert (line.name, line.state, line.state_name, line.linkedid, line.manual) == (
            "PJSIP/1-01",
            6,
            "Up",
            "1.1",
            True,
        )

        queue = row(await store.set_queue("a", QueueChange(strategy="ringall", callers=[CALLER])), QueueRow)
        assert (queue.name, queue.strategy, queue.callers, queue.manual) == ("a", "ringall", [CALLER], True)
        callers = await now(store.callers("a"))
        assert [caller["number"] for caller in msgspec.json.decode(callers.body)["items"]] == ["100"]

    async def test_a_change_leaves_the_fields_it_does_not_name(self, store: StatusStore) -> None:
        await store.set_operator("PJSIP/1", OperatorChange(name="Anna", reason="lunch", memberships=in_queues("a")))
        first = row(await store.set_operator("PJSIP/1", OperatorChange(call="1.1")), OperatorRow)
        assert (first.name, first.reason, first.call, len(first.memberships)) == ("Anna", "lunch", "1.1", 1)
        emptied = row(await store.set_operator("PJSIP/1", OperatorChange(call=None, memberships=[])), OperatorRow)
        assert (emptied.name, emptied.call, emptied.memberships) == ("Anna", None, [])

        await store.set_channel("1.1", ChannelChange(caller=Party(number="100", name=None)))
        line = row(await store.set_channel("1.1", ChannelChange(on_hold=True)), ChannelRow)
        assert (line.caller.number, line.on_hold) == ("100", True)

        await store.set_queue("a", QueueChange(offered=3))
        assert row(await store.set_queue("a", QueueChange(answered=2)), QueueRow).offered == 3

    async def test_a_state_brings_what_it_follows_from_and_begins_now(self, store: StatusStore) -> None:
        before = row(await store.set_operator("PJSIP/1", OperatorChange(reason="x")), OperatorRow)
        talking = row(await store.set_operator("PJSIP/1", OperatorChange(state="talking")), OperatorRow)
        assert (talking.activity, talking.intent, talking.reachable, talking.reason) == (
            "talking",
            "available",
            True,
            None,
        )
        assert talking.since > before.since
        paused = row(await store.set_operator("PJSIP/1", OperatorChange(state="paused", reason="lunch")), OperatorRow)
        assert (paused.activity, paused.intent, paused.reason) == ("idle", "paused", "lunch")
        again = row(await store.set_operator("PJSIP/1", OperatorChange(state="paused")), OperatorRow)
        assert (again.since, again.reason) == (paused.since, "lunch")

    async def test_pauses_of_memberships_are_the_paused_queues(self, store: StatusStore) -> None:
        change = OperatorChange(memberships=in_queues("a", "b", "c", paused=("a", "c")))
        assert row(await store.set_operator("PJSIP/1", change), OperatorRow).paused_queues == ["a", "c"]

    async def test_each_row_has_a_greater_seq_than_the_one_before(self, store: StatusStore) -> None:
        seqs = [
            (await store.set_operator("PJSIP/1", OperatorChange())).seq,
            (await store.set_operator("PJSIP/1", OperatorChange(name="Anna"))).seq,
            (await store.set_queue("a", QueueChange())).seq,
        ]
        assert None not in seqs
        assert seqs == sorted(set(seqs), key=lambda seq: seq or 0)

    async def test_lists_and_filters_know_rows_by_hand(self, store: StatusStore) -> None:
        await store.set_operator("PJSIP/1", OperatorChange(memberships=in_queues("a", "b")))
        await store.set_operator("PJSIP/2", OperatorChange(state="paused", memberships=in_queues("b")))
        assert await ids(store, "operators") == ["PJSIP/1", "PJSIP/2"]
        assert await ids(store, "operators", state="paused") == ["PJSIP/2"]
        assert await ids(store, "operators", queue="a") == ["PJSIP/1"]
        await store.set_operator("PJSIP/1", OperatorChange(memberships=in_queues("c")))
        assert await ids(store, "operators", queue="a") == []
        assert await ids(store, "operators", queue="b") == ["PJSIP/2"]
        assert await ids(store, "operators", queue="c") == ["PJSIP/1"]

    async def test_an_operator_is_set_and_removed_by_extension_too(self, store: StatusStore) -> None:
        await store.set_operator("PJSIP/1001", OperatorChange(name="Anna"))
        changed = row(await store.set_operator("1001", OperatorChange(reason="x")), OperatorRow)
        assert (changed.id, changed.name, changed.reason) == ("PJSIP/1001", "Anna", "x")
        assert await ids(store, "operators") == ["PJSIP/1001"]
        assert await store.remove_operator("1001")
        assert await ids(store, "operators") == []

    async def test_a_channel_is_set_and_removed_by_name_too(self, store: StatusStore) -> None:
        await store.set_channel("1.1", ChannelChange(name="PJSIP/1-01"))
        assert row(await store.set_channel("PJSIP/1-01", ChannelChange(exten="s")), ChannelRow).id == "1.1"
        assert await store.remove_channel("PJSIP/1-01")
        assert await ids(store, "channels") == []

    async def test_a_removed_row_is_gone_everywhere(self, store: StatusStore) -> None:
        await store.set_operator("PJSIP/1", OperatorChange(memberships=in_queues("a")))
        await store.set_queue("a", QueueChange())
        assert await store.remove_operator("PJSIP/1")
        assert not await store.remove_operator("PJSIP/1")
        assert await now(store.operator("PJSIP/1")) is None
        assert await ids(store, "operators", queue="a") == []
        assert await store.remove_queue("a")
        assert await now(store.queue("a")) is None
        assert await ids(store, "queues") == []

    async def test_operators_of_a_removed_queue_are_still_its_members(self, store: StatusStore) -> None:
        await store.set_operator("PJSIP/1", OperatorChange(memberships=in_queues("a")))
        await store.set_queue("a", QueueChange())
        assert await store.remove_queue("a")
        assert await ids(store, "operators", queue="a") == ["PJSIP/1"]

    async def test_clearing_removes_every_row_and_says_how_many(self, store: StatusStore) -> None:
        for number in range(3):
            await store.set_operator(f"PJSIP/{number}", OperatorChange(memberships=in_queues("a")))
        await store.set_queue("a", QueueChange())
        await store.set_channel("1.1", ChannelChange())
        assert await store.counts("main") == {"operators": 3, "channels": 1, "calls": 0, "queues": 1}
        assert await store.clear() == 5
        assert await store.counts("main") == {"operators": 0, "channels": 0, "calls": 0, "queues": 0}
        assert await ids(store, "operators", queue="a") == []
        assert await store.clear("main") == 0

    @pytest.mark.parametrize("odd", ODD, ids=lambda text: text[:12])
    async def test_ids_of_any_characters_are_kept(self, store: StatusStore, odd: str) -> None:
        answers = [
            await store.set_operator(odd, OperatorChange(memberships=in_queues(odd))),
            await store.set_channel(odd, ChannelChange()),
        ]
        assert [msgspec.json.decode(answer.body)["id"] for answer in answers] == [odd, odd]
        assert msgspec.json.decode((await store.set_queue(odd, QueueChange())).body)["name"] == odd
        assert await ids(store, "operators", queue=odd) == [odd]
        assert await ids(store, "queues") == [odd]
        assert await store.remove_operator(odd)
        assert await store.remove_channel(odd)
        assert await store.remove_queue(odd)
        assert await store.counts("main") == {"operators": 0, "channels": 0, "calls": 0, "queues": 0}
