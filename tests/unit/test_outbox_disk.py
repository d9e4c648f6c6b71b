"""The outbox and its file: a disk that refuses, marks that a restart relies on, rows that go."""

import asyncio
import errno
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.outbox_rig import LONGEST, event, eventually, message, rig
from tests.transport_double import ScriptedTransport
from vss_router.broker.journal import JournalFile, Write
from vss_router.broker.journal.sqlite_file import SqliteFile
from vss_router.broker.message import Confirm, Message, Outcome
from vss_router.broker.outbox import Mark, Outbox, tidying
from vss_router.broker.outbox.entry import Entry
from vss_router.broker.outbox.spool import Spool
from vss_router.errors import BrokerUnavailableError, JournalError, MessageError


def disk_full(_file: SqliteFile, groups: Sequence[Sequence[Write]]) -> list[Exception | None]:
    """What a commit says while the disk has no space."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return [error] * len(groups)


async def test_a_disk_that_refuses_keeps_nothing_from_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_spool: Spool, _entries: Sequence[Entry], _marks: Mapping[str, Mark]) -> None:
        raise JournalError(f"the journal cannot be written ({errno.ENOSPC}): no space")

    async with rig(tmp_path / "outbox.db") as both:
        both.transport.stall()
        with monkeypatch.context() as broken:
            broken.setattr(Spool, "append", refuse)
            both.outbox.offer([event(seq) for seq in range(1, 11)])
            publishing = asyncio.create_task(both.outbox.publish(message("p")))
            await eventually(lambda: both.outbox.stats.journal_failures >= 2, "refused twice")
            assert not publishing.done(), "neither confirmed nor on disk"
            both.transport.flow()
            await publishing
        await both.drained()
        assert both.transport.ids == [*(f"main:{seq}" for seq in range(1, 11)), "p"]
        assert [trouble.kind for trouble in both.troubles] == ["journal"]


async def test_a_stop_ends_a_publish_that_neither_window_nor_disk_nor_broker_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_spool: Spool, _entries: Sequence[Entry], _marks: Mapping[str, Mark]) -> None:
        raise JournalError(f"the journal cannot be written ({errno.ENOSPC}): no space")

    async with rig(tmp_path / "outbox.db", transport=ScriptedTransport(connected=False), memory_messages=1) as both:
        await both.outbox.publish(message("fills the window"))
        monkeypatch.setattr(Spool, "append", refuse)
        publishing = asyncio.create_task(both.outbox.publish(message("nowhere")))
        await eventually(lambda: both.outbox.stats.journal_failures >= 1, "refused")
    async with asyncio.timeout(LONGEST):
        with pytest.raises(BrokerUnavailableError, match="publish it again"):
            await publishing


async def test_a_disk_that_takes_again_gets_what_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = 2
    append = Spool.append

    async def refuse_twice(spool: Spool, entries: Sequence[Entry], marks: Mapping[str, Mark]) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise JournalError("no space")
        await append(spool, entries, marks)

    monkeypatch.setattr(Spool, "append", refuse_twice)
    async with rig(tmp_path / "outbox.db", transport=ScriptedTransport(connected=False)) as both:
        async with asyncio.timeout(10):
            await both.outbox.publish(message("p"))
        assert both.outbox.stats.disk_messages == 1


async def test_a_second_outbox_on_the_same_file_is_refused(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db"):
        with pytest.raises(JournalError, match="in use by another process"):
            async with rig(tmp_path / "outbox.db"):
                pass


@pytest.mark.parametrize(
    "unkeepable",
    [
        event(2**63),
        event(-(2**63) - 1),
        message(1, key="k\ud800"),
        message(1, key="k" * 80 + "\udcff"),
        Message("e\ud800", "k", b""),
        message("m" * 80 + "\ud800"),
    ],
    ids=["seq", "negative seq", "routing key", "long routing key", "exchange", "property"],
)
async def test_a_message_that_the_file_cannot_keep_is_refused_and_harms_nothing(
    tmp_path: Path, unkeepable: Message
) -> None:
    async with (
        rig(tmp_path / "outbox.db", transport=ScriptedTransport(connected=False)) as both,
        asyncio.timeout(LONGEST),
    ):
        with pytest.raises(MessageError, match="is no UTF-8|is out of range"):
            await both.outbox.publish(unkeepable)
        assert both.outbox.offer([unkeepable]) == 0
        await both.outbox.publish(message("after"))
        both.transport.restore()
        await both.drained()
        assert both.transport.ids == ["after"]


async def test_a_broker_whose_reason_is_no_utf8_loses_no_message(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db") as both:
        both.transport.judge = lambda _: Confirm(Outcome.REFUSED, "why \udcff")
        both.outbox.offer([message("refused")])
        await eventually(lambda: both.outbox.stats.dead_messages == 1, "one dead")
        assert [dead.reason for dead in await both.outbox.dead()] == ["why ?"]


async def test_an_outbox_starts_once_its_file_can_be_opened(tmp_path: Path) -> None:
    place, transport = tmp_path / "outbox.db", ScriptedTransport(connected=False)
    place.mkdir()
    outbox = Outbox(transport, path=place)
    for _ in range(2):
        with pytest.raises(JournalError, match="cannot be opened"):
            await outbox.start()
    place.rmdir()
    await outbox.start()
    await outbox.publish(message("kept"))
    assert outbox.stats.disk_messages == 1
    await outbox.stop(0.0)


async def test_an_outbox_that_could_not_read_its_file_lets_go_of_it(tmp_path: Path) -> None:
    place = tmp_path / "outbox.db"
    other = JournalFile(place, ["CREATE TABLE IF NOT EXISTS marks (something INTEGER)"])
    await other.start()
    await other.stop()
    outbox = Outbox(ScriptedTransport(), path=place)
    with pytest.raises(JournalError, match="cannot be read"):
        await outbox.start()
    place.unlink()
    await outbox.start()
    await outbox.stop(0.0)


async def test_marks_tell_how_far_each_pbx_is_safe(tmp_path: Path) -> None:
    now = 1_000.0
    async with rig(tmp_path / "outbox.db", clock=lambda: now) as both:
        assert both.outbox.marks() == {}
        both.outbox.offer([event(seq) for seq in range(1, 11)])
        await both.drained()
        both.transport.stall()
        now = 2_000.0
        both.outbox.offer([event(7, "second"), event(11)])
        await both.on_disk(2)
    async with rig(tmp_path / "outbox.db") as again:
        assert again.outbox.marks() == {"main": Mark(11, 2_000.0), "second": Mark(7, 2_000.0)}


async def test_the_mark_of_confirmed_events_reaches_the_file_though_they_never_do(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db", clock=lambda: 5.0) as both:
        both.outbox.offer([event(seq) for seq in range(1, 11)])
        await both.drained()
    async with rig(tmp_path / "outbox.db") as again:
        assert again.outbox.marks() == {"main": Mark(10, 5.0)}


async def test_a_mark_never_passes_an_event_that_may_still_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Mapping[str, Mark]] = []
    forget = Spool.forget

    async def refuse(_spool: Spool, _entries: Sequence[Entry], _marks: Mapping[str, Mark]) -> None:
        raise JournalError("no space")

    async def seen(spool: Spool, positions: Sequence[int], marks: Mapping[str, Mark]) -> None:
        written.append(dict(marks))
        await forget(spool, positions, marks)

    monkeypatch.setattr(Spool, "append", refuse)
    monkeypatch.setattr(Spool, "forget", seen)
    async with rig(tmp_path / "outbox.db", batch=1, outstanding=8) as both:
        # The first stays under way, those behind it are confirmed.
        transport = both.transport
        transport.stall()
        both.outbox.offer([event(1)])
        await eventually(lambda: both.outbox.stats.under_way == 1, "the first under way")
        held = transport._transit.pop()
        transport.flow()
        both.outbox.offer([event(seq) for seq in range(2, 6)])
        await eventually(lambda: both.outbox.stats.confirmed == 4, "the others confirmed")
        await asyncio.sleep(0)
        assert both.outbox._marks.unwritten() == {}
        transport._transit.append(held)
        transport._take()
        await both.drained()
        assert both.outbox._marks.unwritten()["main"].seq == 5
    assert all("main" not in marks or marks["main"].seq == 5 for marks in written)


async def test_confirmed_rows_leave_the_file(tmp_path: Path) -> None:
    async with rig(tmp_path / "outbox.db", transport=ScriptedTransport(connected=False)) as both:
        both.outbox.offer([event(seq) for seq in range(1, 501)])
        await both.on_disk(500)
        both.transport.restore()
        await both.on_disk(0)
        assert both.outbox.stats.disk_bytes == 0
    with sqlite3.connect(tmp_path / "outbox.db") as file:
        assert file.execute("SELECT count(*) FROM waiting").fetchone() == (0,)
    file.close()


async def test_rows_that_the_disk_would_not_delete_are_deleted_once_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "outbox.db"
    async with rig(place, transport=ScriptedTransport(connected=False)) as both:
        both.outbox.offer([event(seq) for seq in range(1, 51)])
        await both.on_disk(50)
        with monkeypatch.context() as broken:
            broken.setattr(SqliteFile, "commit", disk_full)
            both.transport.restore()
            await both.drained()
            await eventually(lambda: both.outbox.stats.journal_failures >= 2, "refused twice")
            assert both.outbox.stats.disk_messages == 50
            assert [trouble.kind for trouble in both.troubles] == ["journal"]
        await both.on_disk(0)
        assert both.outbox.stats.disk_bytes == 0
    async with rig(place) as again:
        assert again.outbox.stats.inherited == 0
        assert again.outbox.marks()["main"].seq == 50


async def test_messages_that_could_not_be_moved_to_the_dead_are_moved_once_the_disk_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path / "outbox.db") as both:
        both.transport.judge = lambda _: Confirm(Outcome.REFUSED, "no such exchange")
        with monkeypatch.context() as broken:
            broken.setattr(SqliteFile, "commit", disk_full)
            both.outbox.offer([message(number) for number in range(3)])
            await eventually(lambda: both.outbox.stats.journal_failures >= 2, "refused twice")
            assert both.outbox.stats.dead_messages == 0
        await eventually(lambda: both.outbox.stats.dead_messages == 3, "three dead")
        assert len(await both.outbox.dead()) == 3


async def test_more_rows_than_are_deleted_in_one_go_all_leave_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "_MOST_ROWS", 20)
    async with rig(tmp_path / "outbox.db", transport=ScriptedTransport(connected=False)) as both:
        both.outbox.offer([event(seq) for seq in range(1, 56)])
        await both.on_disk(55)
        both.transport.restore()
        await both.on_disk(0)
    with sqlite3.connect(tmp_path / "outbox.db") as file:
        assert file.execute("SELECT count(*) FROM waiting").fetchone() == (0,)
    file.close()
