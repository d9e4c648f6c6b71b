"""What the journal promises: nothing acknowledged before it is on disk, one sentence when it cannot be, order kept."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from vss_router.broker.journal import JournalFile, Write
from vss_router.broker.journal.sqlite_file import SqliteFile
from vss_router.broker.journal.write import steps
from vss_router.errors import JournalError

SCHEMA = ["CREATE TABLE IF NOT EXISTS line (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)"]
INSERT = "INSERT INTO line (text) VALUES (?)"
ALL = "SELECT text FROM line ORDER BY id"


def lines(*texts: str) -> list[Write]:
    return [Write(INSERT, [(text,) for text in texts])]


async def kept(journal: JournalFile) -> list[str]:
    return [row[0] for row in await journal.read(ALL)]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[JournalFile]:
    journal = JournalFile(tmp_path / "journal.db", SCHEMA)
    await journal.start()
    yield journal
    await journal.stop()


async def reopened(path: Path, **options: int) -> JournalFile:
    journal = JournalFile(path, SCHEMA, **options)
    await journal.start()
    return journal


async def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(JournalError, match=r"journal .*file/journal.db cannot be opened \(.*\): correct the rights"):
        await reopened(tmp_path / "file" / "journal.db")


async def test_a_folder_in_place_of_the_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(JournalError, match="cannot be opened .*: correct the rights of its folder"):
        await reopened(tmp_path / "journal.db")


async def test_a_second_holder_is_refused(journal: JournalFile, tmp_path: Path) -> None:
    await journal.append(lines("a"))
    with pytest.raises(JournalError, match=r"journal.db is in use by another process: stop that one"):
        await reopened(tmp_path / "journal.db")


async def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    newer = await reopened(path, version=2)
    await newer.append(lines("a"))
    await newer.stop()
    with pytest.raises(JournalError, match=r"written by a newer version \(format 2, this one knows 1\)"):
        await reopened(path)
    again = await reopened(path, version=2)
    assert await kept(again) == ["a"]
    await again.stop()


async def test_a_full_journal_says_so_keeps_what_it_has_and_goes_on_when_there_is_space(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await reopened(path, disk_bytes=256 * 1024)
    await journal.append(lines("first"))
    with pytest.raises(JournalError, match=r"journal.db is full: its limit of 262144 bytes is reached"):
        await journal.append(lines("x" * 400_000))
    stats = journal.stats
    assert (stats.failed_rows, "is full" in (stats.trouble or "")) == (1, True)
    await journal.append(lines("second"))
    assert journal.stats.trouble is None
    assert await kept(journal) == ["first", "second"]
    await journal.stop()


def test_a_real_write_error_is_one_sentence_and_not_an_acknowledgement(tmp_path: Path) -> None:
    program = """
import asyncio, pathlib, resource, signal, sys
from vss_router.broker.journal import JournalFile, Write
from vss_router.errors import JournalError

async def main() -> None:
    journal = JournalFile(pathlib.Path(sys.argv[1]), ["CREATE TABLE IF NOT EXISTS line (text TEXT)"])
    await journal.start()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    acknowledged = 0
    try:
        for number in range(100):
            await journal.append([Write("INSERT INTO line VALUES (?)", [("x" * 10_000,)])])
            acknowledged += 1
    except JournalError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.append([Write("INSERT INTO line VALUES (?)", [("end",)])])
    rows = await journal.read("SELECT count(*) FROM line")
    print(rows[0][0] - acknowledged)
    await journal.stop()

asyncio.run(main())
"""
    command = [sys.executable, "-c", program, str(tmp_path / "journal.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    sentence, surplus = done.stdout.splitlines()
    assert "the journal" in sentence
    assert "is full" in sentence or "cannot be written" in sentence
    assert surplus == "1"


async def test_a_batch_that_breaks_a_rule_fails_alone(journal: JournalFile) -> None:
    outcomes = await asyncio.gather(
        journal.append(lines("a")),
        journal.append(lines("b", "a", "c")),
        journal.append(lines("d")),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["NoneType", "JournalError", "NoneType"]
    assert await kept(journal) == ["a", "d"]


@pytest.mark.parametrize("value", [2**63, "half \ud800", object()], ids=["long", "surrogate", "object"])
async def test_a_value_that_a_file_cannot_keep_fails_alone(journal: JournalFile, value: Any) -> None:
    outcomes = await asyncio.gather(
        *(journal.append(lines(str(number))) for number in range(5)),
        journal.append([Write(INSERT, [(value,)])]),
        *(journal.append(lines(str(number))) for number in range(5, 10)),
        return_exceptions=True,
    )
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [5]
    assert isinstance(outcomes[5], JournalError)
    with pytest.raises(JournalError, match="cannot be read"):
        await journal.read("SELECT ?", (value,))
    assert await kept(journal) == [str(number) for number in range(10)]


async def test_whatever_ends_the_thread_nobody_waits_for_it(
    journal: JournalFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unforeseen(_file: SqliteFile, _groups: Sequence[Sequence[Write]]) -> list[Exception | None]:
        raise MemoryError

    monkeypatch.setattr(SqliteFile, "commit", unforeseen)
    async with asyncio.timeout(20):
        with pytest.raises(JournalError, match="was closed before"):
            await journal.append(lines("a"))
        with pytest.raises(JournalError, match="is closed"):
            await journal.append(lines("b"))
        await journal.stop()
    assert "is closed" in (journal.stats.trouble or "")
    assert "ended, which it must not" in caplog.text


async def test_an_opening_that_fails_in_an_unforeseen_way_is_one_sentence(tmp_path: Path) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(JournalError, match="cannot be opened .*: correct the rights of its folder"):
            await reopened(tmp_path / "journal\0.db")


async def test_a_closed_journal_refuses(journal: JournalFile) -> None:
    await journal.stop()
    await journal.stop()
    with pytest.raises(JournalError, match="is closed"):
        await journal.append(lines("a"))
    with pytest.raises(JournalError, match="is closed"):
        await journal.read(ALL)


async def test_what_waits_is_written_before_the_journal_closes(journal: JournalFile, tmp_path: Path) -> None:
    appends = [asyncio.create_task(journal.append(lines(str(number)))) for number in range(50)]
    await asyncio.sleep(0)
    await journal.stop()
    await asyncio.gather(*appends)
    again = await reopened(tmp_path / "journal.db")
    assert sorted(await kept(again)) == sorted(str(number) for number in range(50))
    await again.stop()


async def test_a_cancelled_append_is_written_all_the_same(journal: JournalFile) -> None:
    append = asyncio.create_task(journal.append(lines("a")))
    await asyncio.sleep(0)
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    assert await kept(journal) == ["a"]


async def test_many_callers_share_commits_and_keep_their_order(journal: JournalFile) -> None:
    await asyncio.gather(*(journal.append(lines(str(number))) for number in range(2_000)))
    assert await kept(journal) == [str(number) for number in range(2_000)]
    assert journal.stats.commits < 200
    assert journal.stats.rows == 2_000


async def test_callers_over_the_bound_wait_in_line_and_keep_their_order(tmp_path: Path) -> None:
    journal = await reopened(tmp_path / "journal.db", waiting_rows=5)
    appends = [asyncio.create_task(journal.append(lines(f"{number}a", f"{number}b"))) for number in range(200)]
    await asyncio.sleep(0)
    assert journal.stats.waiting_rows <= 6
    await asyncio.gather(*appends)
    assert journal.stats.waiting_rows == 0
    assert await kept(journal) == [f"{number}{half}" for number in range(200) for half in "ab"]
    await journal.stop()


async def test_a_read_sees_every_append_before_it(journal: JournalFile) -> None:
    append = asyncio.create_task(journal.append(lines("a")))
    await asyncio.sleep(0)
    assert await kept(journal) == ["a"]
    await append


async def test_a_wrong_question_is_an_error_and_the_journal_goes_on(journal: JournalFile) -> None:
    with pytest.raises(JournalError, match="cannot be read .*no such table"):
        await journal.read("SELECT * FROM nowhere")
    await journal.append(lines("a"))


@pytest.mark.parametrize("rows", [1, 2, 3, 129, 1_000])
async def test_rows_go_in_few_steps_and_all_arrive(journal: JournalFile, rows: int) -> None:
    write = lines(*(str(number) for number in range(rows)))
    assert len(list(steps(write[0]))) <= 12
    await journal.append(write)
    assert await kept(journal) == [str(number) for number in range(rows)]


@pytest.mark.parametrize("cut", [1, 100, 4_096, 5_000, 20_000])
async def test_a_torn_tail_of_the_log_costs_only_what_was_in_the_tail(tmp_path: Path, cut: int) -> None:
    path, copy = tmp_path / "journal.db", tmp_path / "copy" / "journal.db"
    copy.parent.mkdir()
    journal = await reopened(path)
    for number in range(40):
        await journal.append(lines(f"{number:04}" * 50))
    for name in ("journal.db", "journal.db-wal"):
        (copy.parent / name).write_bytes((tmp_path / name).read_bytes())
    await journal.stop()
    log = copy.with_name("journal.db-wal")
    os.truncate(log, log.stat().st_size - cut)
    again = await reopened(copy)
    found = await kept(again)
    assert found == [f"{number:04}" * 50 for number in range(len(found))]
    assert len(found) >= 30
    await again.append(lines("goes on"))
    await again.stop()


async def test_a_file_cut_short_is_put_aside_and_what_can_be_read_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.db"
    journal = await reopened(path)
    await journal.append(lines(*(f"{number:05}" * 100 for number in range(2_000))))
    await journal.stop()
    whole = path.stat().st_size
    os.truncate(path, whole // 2)
    again = await reopened(path)
    found = await kept(again)
    assert 0 < again.stats.salvaged_rows == len(found) < 2_000
    assert set(found) <= {f"{number:05}" * 100 for number in range(2_000)}
    assert (tmp_path / "journal.db.torn-1").exists()
    assert "was torn" in caplog.text
    await again.append(lines("goes on"))
    await again.stop()


async def test_a_file_that_is_no_journal_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database at all" * 1_000)
    journal = await reopened(path)
    await journal.append(lines("a"))
    assert await kept(journal) == ["a"]
    assert (tmp_path / "journal.db.torn-1").read_bytes().startswith(b"not a database")
    await journal.stop()


async def test_space_of_deleted_rows_is_used_again_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await reopened(path)
    for turn in range(5):
        await journal.append(lines(*(f"{turn}-{number}" + "x" * 10_000 for number in range(500))))
        await journal.append([Write("DELETE FROM line WHERE id >= ?", [(0,)])])
    assert journal.stats.bytes_used < 1_000_000
    await journal.stop()
    assert path.stat().st_size < 15_000_000


def test_every_acknowledged_row_survives_kill_9(tmp_path: Path) -> None:
    program = """
import asyncio, pathlib, sys
from vss_router.broker.journal import JournalFile, Write

async def main() -> None:
    journal = JournalFile(pathlib.Path(sys.argv[1]), ["CREATE TABLE IF NOT EXISTS line (id INTEGER PRIMARY KEY, text)"])
    await journal.start()
    first = (await journal.read("SELECT coalesce(max(id), 0) FROM line"))[0][0]
    for number in range(first + 1, 1_000_000):
        await journal.append([Write("INSERT INTO line VALUES (?, ?)", [(number, "x")])])
        print(number, flush=True)

asyncio.run(main())
"""
    path = tmp_path / "journal.db"
    acknowledged = 0
    for wanted in (1, 7, 30):
        child = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(wanted):
            acknowledged = int(child.stdout.readline())
        child.kill()
        acknowledged = max([acknowledged, *map(int, child.stdout.read().split("\n")[:-1])])
        child.wait(timeout=10)
        child.stdout.close()
    found = [row[0] for row in sqlite3.connect(path).execute("SELECT id FROM line ORDER BY id")]
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= acknowledged
