"""Keys of rows: whatever the id, a key that an index and PostgreSQL take, and different ids by different keys."""

from hypothesis import given
from hypothesis import strategies as st

from vss_router.database.row_json import to_json
from vss_router.database.row_keys import key_of, milliseconds, moment, plain, queue_set_of
from vss_router.status.rows import ServiceLevel

IDS = st.text(st.characters(), max_size=300) | st.text("ab\0\x01я", max_size=300)


@given(IDS)
def test_a_key_is_short_and_text(row_id: str) -> None:
    key = key_of(row_id)
    assert len(key.encode("utf-8")) <= 200
    assert "\0" not in key


@given(IDS, IDS)
def test_different_ids_have_different_keys(one: str, other: str) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(IDS)
def test_a_key_is_no_other_ids_key(row_id: str) -> None:
    assert key_of(row_id) == row_id or key_of(key_of(row_id)) != key_of(row_id)


@given(st.text("ab", max_size=150))
def test_a_usual_id_is_its_own_key(row_id: str) -> None:
    assert key_of(row_id) == row_id


@given(IDS)
def test_plain_text_is_what_a_database_stores(text: str) -> None:
    assert "\0" not in plain(text).encode("utf-8").decode("utf-8")


def test_a_set_of_queues_has_one_id_whatever_the_order() -> None:
    assert queue_set_of(["a", "b"]) == queue_set_of(["b", "a"]) != queue_set_of(["ab"])
    assert queue_set_of([]) == ""


@given(st.integers(0, 2**42))
def test_a_time_comes_back_exactly(at: int) -> None:
    assert milliseconds(moment(at)) == at


def test_a_rows_marks_and_times_are_written_as_the_boards_do() -> None:
    level = ServiceLevel(of_answered=1.5, of_offered=None)
    assert to_json(level, at=None) == b'{"of_answered":1.5,"of_offered":null}'
    assert to_json(level, of_answered=None, stale=True) == b'{"of_offered":null,"stale":true}'
