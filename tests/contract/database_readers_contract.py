"""What every database answers: last known rows, history, figures. Inherited for SQLite and for PostgreSQL."""

import re
from typing import Any

import msgspec
import pytest

from tests.contract.database_contract import RECORDING
from tests.contract.database_figures_contract import HandlingContract, ServiceLevelContract
from tests.contract.database_states_contract import StateTimeContract
from tests.recorded_database import record, recorder
from tests.recorded_events import (
    operator_row,
    operator_update,
    queue_update,
    said,
)
from tests.recordings import START
from vss_router import StatusBoard
from vss_router.database.engine import Database
from vss_router.database.reader import DatabaseReader
from vss_router.database.recorder import StatusRecorder
from vss_router.errors import AmbiguousSourceError, StatusQueryError, StatusUnavailableError
from vss_router.status import Answer, MemoryReader
from vss_router.status.verify.recording import recorded_chunks

LONG = "PJSIP/" + "длинный/%@ " * 900


def items(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(answer.body)["items"]
    return found


def marked(rows: bytes) -> bytes:
    """Rows of a board as they come back, marked stale."""
    return re.sub(rb'("as_of":"[^"]*")}', rb'\1,"stale":true}', rows)


class ReaderContract:
    @pytest.mark.parametrize(
        ("question", "field"),
        [
            ({"state": "asleep"}, "state"),
            ({"limit": 0}, "limit"),
            ({"cursor": "?"}, "cursor"),
            ({"source": "x"}, "source"),
        ],
    )
    async def test_a_question_that_cannot_be_understood_is_refused(
        self, database: Database, question: dict[str, Any], field: str
    ) -> None:
        await record(database, operator_update(1, "PJSIP/1", "available", 0))
        with pytest.raises(StatusQueryError) as refused:
            await DatabaseReader(database).operators(**question)
        assert refused.value.field == field

    async def test_nothing_recorded_yet_is_no_empty_list(self, database: Database) -> None:
        with pytest.raises(StatusUnavailableError, match="holds nothing of main yet"):
            await DatabaseReader(database, ["main"]).operators()
        with pytest.raises(StatusUnavailableError, match="holds nothing of main yet"):
            await DatabaseReader(database, ["main"]).operator("PJSIP/1")

    async def test_an_id_of_two_pbxs_is_not_guessed(self, database: Database) -> None:
        writing = recorder(database)
        for source in ("north", "south"):
            writing.handle(source, [operator_update(1, "PJSIP/1", "available", 0)])
        await writing.flush()
        reader = DatabaseReader(database)
        for key in ("PJSIP/1", "1"):
            with pytest.raises(AmbiguousSourceError) as refused:
                await reader.operator(key)
            assert refused.value.sources == ("north", "south")
        chosen = await reader.operator("1", source="south")
        assert chosen is not None
        assert (chosen.source, chosen.seq, chosen.position) == ("south", 1, "south:1")

    async def test_an_answer_says_what_it_is(self, database: Database) -> None:
        row = operator_row(7, "PJSIP/1001", "talking", 5, as_of=6)
        await record(database, operator_update(7, "PJSIP/1001", "talking", 5, as_of=6), queue_update(8, "support", 9))
        for configured in (["main"], None):
            assert await DatabaseReader(database, configured).operator("1001") == Answer(
                body=marked(msgspec.json.encode(row)),
                as_of=said(6),
                position="main:7",
                seq=7,
                stale=True,
                source="main",
                source_of_truth="database",
            )
        listed = await DatabaseReader(database).queues()
        assert (listed.as_of, listed.seq, listed.stale, listed.position) == (said(9), 8, True, "main:8")

    @pytest.mark.parametrize("name", [LONG, "PJSIP/a b", "SIP/100%25", "PJSIP/Анна", "a\x01b", "'; DROP TABLE calls"])
    async def test_any_id_is_found_again(self, database: Database, name: str) -> None:
        await record(database, operator_update(1, name, "available", 0, queues=[name]), queue_update(2, name))
        reader = DatabaseReader(database)
        found, queue = await reader.operator(name), await reader.queue(name)
        assert found is not None
        assert queue is not None
        assert msgspec.json.decode(found.body)["id"] == msgspec.json.decode(queue.body)["name"] == name
        assert [row["id"] for row in items(await reader.operators(queue=name))] == [name]
        assert await reader.operator(name + "!") is None

    async def test_after_a_recording_it_answers_as_memory_does(self, database: Database) -> None:
        board = StatusBoard(first_seq=1)
        writing = StatusRecorder(database, {"main": board}, clock=lambda: START)
        for chunk in recorded_chunks(RECORDING):
            writing.handle("main", board.feed(chunk, START).events)
        await writing.flush()
        memory, reader = MemoryReader({"main": board}), DatabaseReader(database, ["main"])
        assert (await reader.operators()).body == marked(memory.operators().body)
        assert (await reader.queues()).body == marked(memory.queues().body)
        for state in ("available", "talking", "paused", "logged_out"):
            assert (await reader.operators(state=state)).body == marked(memory.operators(state=state).body)
        for queue in ("support", "sales", "nowhere"):
            assert (await reader.operators(queue=queue)).body == marked(memory.operators(queue=queue).body)
        live = [row | {"stale": True} for row in items(memory.calls()) if row["status"] != "ended"]
        assert items(await reader.calls()) == live
        for name, _ in board.rows("queues"):
            waiting, shown = await reader.callers(name), memory.callers(name)
            assert waiting is not None
            assert shown is not None
            assert waiting.body == shown.body
        snapshot = msgspec.json.decode((await reader.snapshot()).body)
        assert [row["id"] for row in snapshot["operators"]] == [key for key, _ in board.rows("operators")]
        assert (snapshot["channels"], len(snapshot["calls"])) == ([], len(live))

    async def test_pages_together_are_the_list(self, database: Database) -> None:
        writing = recorder(database)
        for source in ("north", "south"):
            names = [LONG, *(f"PJSIP/{number}" for number in range(5))]
            writing.handle(source, [operator_update(seq, name, "available", 0) for seq, name in enumerate(names, 1)])
        await writing.flush()
        reader = DatabaseReader(database)
        whole = [(row["source"], row["id"]) for row in items(await reader.operators())]
        assert len(whole) == 12
        for limit in (1, 5, 6, 7, 12):
            paged: list[tuple[str, str]] = []
            cursor: str | None = None
            for _ in range(13):
                page = await reader.operators(limit=limit, cursor=cursor)
                paged += [(row["source"], row["id"]) for row in items(page)]
                cursor = msgspec.json.decode(page.body)["next_cursor"]
                if cursor is None:
                    break
            assert paged == whole

    async def test_channels_are_not_kept(self, database: Database) -> None:
        await record(database, operator_update(1, "PJSIP/1", "available", 0))
        reader = DatabaseReader(database)
        assert items(await reader.channels()) == []
        assert await reader.channel("1.1") is None


class DatabaseReadersContract(ReaderContract, StateTimeContract, ServiceLevelContract, HandlingContract):
    """All of it."""
