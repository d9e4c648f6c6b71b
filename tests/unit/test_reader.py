"""The memory reader: what it answers, in what order, and what it refuses."""

from contextlib import suppress
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.board_double import BoardDouble, call, channel, operator, queue
from vss_router.errors import AmbiguousSourceError, StatusQueryError, StatusUnavailableError
from vss_router.status import Answer, MemoryReader, OperatorRow
from vss_router.status.cursor import Cursor
from vss_router.status.reader import LARGEST_PAGE
from vss_router.status.rows import OperatorState


def rows_of(answer: Answer) -> list[tuple[str, str]]:
    return [(row["source"], row.get("id", row.get("name"))) for row in msgspec.json.decode(answer.body)["items"]]


def cursor_of(answer: Answer) -> str | None:
    following: str | None = msgspec.json.decode(answer.body)["next_cursor"]
    return following


def two_pbxs(**more: Any) -> MemoryReader:
    return MemoryReader(
        {
            "north": BoardDouble("north", operators=[operator("PJSIP/1"), operator("PJSIP/2")], seq=7),
            "south": BoardDouble("south", operators=[operator("PJSIP/2"), operator("PJSIP/3")], seq=9),
        },
        **more,
    )


def test_a_row_is_the_boards_own_bytes_with_what_is_known_about_them() -> None:
    board = BoardDouble(operators=[operator("PJSIP/1001")], seq=123)

    answer = MemoryReader({"main": board}).operator("PJSIP/1001")

    assert answer == Answer(
        body=board.operator("PJSIP/1001") or b"",
        as_of=board.as_of,
        position="main:123",
        seq=123,
        stale=False,
        source="main",
        source_of_truth="memory",
    )
    assert msgspec.json.decode(answer.body, type=OperatorRow).id == "PJSIP/1001"


def test_an_operator_is_found_by_extension() -> None:
    answer = MemoryReader({"main": BoardDouble(operators=[operator("PJSIP/1001")])}).operator("1001")
    assert answer is not None
    assert msgspec.json.decode(answer.body)["id"] == "PJSIP/1001"


def test_each_table_has_its_single_row_and_its_list() -> None:
    reader = MemoryReader(
        {
            "main": BoardDouble(
                channels=[channel("17.1"), channel("17.2")],
                calls=[call("17.1")],
                queues=[queue("support"), queue("sales")],
            )
        }
    )
    assert rows_of(reader.channels()) == [("main", "17.1"), ("main", "17.2")]
    assert rows_of(reader.calls()) == [("main", "17.1")]
    assert rows_of(reader.queues()) == [("main", "sales"), ("main", "support")]
    for answer in (reader.channel("17.2"), reader.call("17.1"), reader.queue("sales")):
        assert answer is not None
        assert answer.source == "main"


def test_an_unknown_row_is_none() -> None:
    reader = MemoryReader({"main": BoardDouble()})
    found = [reader.operator("x"), reader.channel("x"), reader.call("x"), reader.queue("x"), reader.callers("x")]
    assert found == [None] * 5


def test_the_callers_of_a_queue_are_a_list_like_the_others() -> None:
    answer = MemoryReader({"main": BoardDouble(queues=[queue("support")])}).callers("support")
    assert answer is not None
    decoded = msgspec.json.decode(answer.body)
    assert [caller["position"] for caller in decoded["items"]] == [1]
    assert decoded["next_cursor"] is None


def test_operators_are_filtered_by_state_and_queue() -> None:
    reader = MemoryReader(
        {
            "main": BoardDouble(
                operators=[
                    operator("PJSIP/1", state="paused"),
                    operator("PJSIP/2", state="paused", queues=["sales"]),
                    operator("PJSIP/3", queues=["sales", "support"]),
                ]
            )
        }
    )
    assert rows_of(reader.operators(state="paused")) == [("main", "PJSIP/1"), ("main", "PJSIP/2")]
    assert rows_of(reader.operators(queue="sales")) == [("main", "PJSIP/2"), ("main", "PJSIP/3")]
    assert rows_of(reader.operators(queue="sales", state="paused")) == [("main", "PJSIP/2")]
    assert rows_of(reader.operators(queue="nobody's")) == []


@pytest.mark.parametrize("state", get_args(OperatorState))
def test_every_state_of_the_rows_is_a_filter(state: str) -> None:
    reader = MemoryReader({"main": BoardDouble(operators=[operator("PJSIP/1", state=state)])})
    assert rows_of(reader.operators(state=state)) == [("main", "PJSIP/1")]


@pytest.mark.parametrize("state", ["", "Available", "busy", "x" * 10_000])
def test_a_state_that_does_not_exist_is_refused_with_those_that_do(state: str) -> None:
    with pytest.raises(StatusQueryError, match="use one of available, logged_out, on_hold") as refusal:
        MemoryReader({"main": BoardDouble()}).operators(state=state)
    assert refusal.value.field == "state"
    assert len(str(refusal.value)) < 300


class TestSeveralPbxs:
    def test_an_id_in_one_of_them_needs_no_source(self) -> None:
        answer = two_pbxs().operator("PJSIP/3")
        assert answer is not None
        assert (answer.source, answer.seq, answer.position) == ("south", 9, "south:9")

    def test_an_id_in_both_is_refused_naming_them(self) -> None:
        with pytest.raises(
            AmbiguousSourceError, match="'PJSIP/2' stands in more than one PBX.*north, south"
        ) as refusal:
            two_pbxs().operator("PJSIP/2")
        assert refusal.value.sources == ("north", "south")

    def test_source_picks_one(self) -> None:
        reader = two_pbxs()
        answer = reader.operator("PJSIP/2", "south")
        assert answer is not None
        assert answer.source == "south"
        assert reader.operator("PJSIP/1", "south") is None
        assert rows_of(reader.operators(source="south")) == [("south", "PJSIP/2"), ("south", "PJSIP/3")]

    def test_an_unknown_source_is_refused_with_those_that_exist(self) -> None:
        with pytest.raises(StatusQueryError, match="No PBX is called 'west': the sources are north, south") as refusal:
            two_pbxs().snapshot("west")
        assert refusal.value.field == "source"

    def test_a_list_is_in_order_of_source_and_id(self) -> None:
        answer = two_pbxs().operators()
        assert rows_of(answer) == [
            ("north", "PJSIP/1"),
            ("north", "PJSIP/2"),
            ("south", "PJSIP/2"),
            ("south", "PJSIP/3"),
        ]
        assert (answer.source, answer.seq, answer.position) == (None, None, "north:7,south:9")

    def test_as_of_is_that_of_the_one_furthest_behind(self) -> None:
        reader = MemoryReader(
            {
                "north": BoardDouble("north", as_of="2026-11-21T19:49:21.084Z"),
                "south": BoardDouble("south", as_of="2026-11-21T19:49:20.999Z"),
            }
        )
        assert reader.calls().as_of == "2026-11-21T19:49:20.999Z"

    def test_the_snapshot_is_by_source(self) -> None:
        reader = two_pbxs()
        both = msgspec.json.decode(reader.snapshot().body)
        assert {name: snapshot["seq"] for name, snapshot in both["sources"].items()} == {"north": 7, "south": 9}
        assert msgspec.json.decode(reader.snapshot("south").body)["source"] == "south"

    def test_a_board_that_comes_later_is_seen(self) -> None:
        boards = {"north": BoardDouble("north")}
        reader = MemoryReader(boards)
        boards["east"] = BoardDouble("east", operators=[operator("PJSIP/9")])
        assert reader.sources == ("east", "north")
        assert reader.operator("PJSIP/9") is not None


class TestPages:
    @pytest.mark.parametrize("limit", range(1, 6))
    def test_pages_put_together_are_the_whole_list(self, limit: int) -> None:
        reader = two_pbxs()
        together: list[tuple[str, str]] = []
        cursor: str | None = None
        for _ in range(5):
            page = reader.operators(limit=limit, cursor=cursor)
            assert len(rows_of(page)) <= limit
            together += rows_of(page)
            cursor = cursor_of(page)
            if cursor is None:
                break
        assert together == rows_of(reader.operators())

    def test_a_page_that_ends_with_a_pbx_leads_to_the_next_pbx(self) -> None:
        reader = two_pbxs()
        first = reader.operators(limit=2)
        assert rows_of(first) == [("north", "PJSIP/1"), ("north", "PJSIP/2")]
        assert rows_of(reader.operators(cursor=cursor_of(first))) == [("south", "PJSIP/2"), ("south", "PJSIP/3")]

    def test_the_last_page_has_no_cursor(self) -> None:
        assert cursor_of(two_pbxs().operators(limit=4)) is None

    def test_a_row_that_went_between_two_pages_hides_no_other(self) -> None:
        board = BoardDouble(operators=[operator(f"PJSIP/{number}") for number in range(4)])
        reader = MemoryReader({"main": board})
        cursor = cursor_of(reader.operators(limit=2))
        del board.tables["operators"]["PJSIP/1"]
        assert rows_of(reader.operators(limit=2, cursor=cursor)) == [("main", "PJSIP/2"), ("main", "PJSIP/3")]

    @pytest.mark.parametrize("limit", [0, -1, LARGEST_PAGE + 1, 10**30])
    def test_a_limit_out_of_bounds_is_refused(self, limit: int) -> None:
        with pytest.raises(StatusQueryError, match="out of bounds: use 1 to 10000") as refusal:
            two_pbxs().calls(limit=limit)
        assert refusal.value.field == "limit"

    @given(source=st.text(), after=st.text())
    def test_a_cursor_survives_its_way(self, source: str, after: str) -> None:
        assert Cursor.decode(Cursor(source, after).encode()) == Cursor(source, after)

    @given(text=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
    def test_any_text_is_a_cursor_or_is_refused(self, text: str) -> None:
        found: set[tuple[str, str]] = set()
        with suppress(StatusQueryError):
            found = set(rows_of(two_pbxs().operators(cursor=text)))
        assert found <= set(rows_of(two_pbxs().operators()))

    @pytest.mark.parametrize("text", ["", "x", "AAAA", "bnVsbA", "W10", "WzEsMl0", "WyJhIiwiYiIsImMiXQ", "Ы" * 10_000])
    def test_a_cursor_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(StatusQueryError, match="cursor is not one that this API gave out"):
            two_pbxs().operators(cursor=text)


class TestFreshness:
    def test_an_answer_is_stale_when_its_pbx_is(self) -> None:
        reader = two_pbxs(is_stale={"north": False, "south": True}.__getitem__)
        answers = reader.operator("PJSIP/1"), reader.operator("PJSIP/3"), reader.operators()
        assert [answer.stale for answer in answers if answer is not None] == [False, True, True]

    def test_nothing_is_known_before_the_first_synchronization(self) -> None:
        reader = MemoryReader({"main": BoardDouble(resyncs=0)}, is_stale=lambda _source: True)
        for ask in (reader.snapshot, reader.operators):
            with pytest.raises(StatusUnavailableError, match="Nothing is known yet of main: wait until"):
                ask()
        with pytest.raises(StatusUnavailableError):
            reader.operator("PJSIP/1")

    def test_a_board_that_lost_its_pbx_still_answers(self) -> None:
        reader = two_pbxs(is_stale=lambda _source: True)
        assert len(rows_of(reader.operators())) == 4
        assert reader.operator("PJSIP/7") is None

    def test_one_pbx_not_yet_read_leaves_the_others_readable(self) -> None:
        boards = {
            "north": BoardDouble("north", operators=[operator("PJSIP/1")]),
            "south": BoardDouble("south", resyncs=0),
        }
        reader = MemoryReader(boards, is_stale=lambda source: source == "south")
        assert rows_of(reader.operators()) == [("north", "PJSIP/1")]
        assert reader.operators().stale
        assert reader.operator("PJSIP/1") is not None
        # Whether this one exists is not known.
        with pytest.raises(StatusUnavailableError, match="south"):
            reader.operator("PJSIP/7")

    def test_without_a_pbx_there_is_nothing_to_read(self) -> None:
        with pytest.raises(StatusUnavailableError, match="No PBX is set up"):
            MemoryReader({}).operators()
