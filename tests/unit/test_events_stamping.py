"""Ids and times that a message gets when it is published."""

from datetime import UTC, datetime
from itertools import count
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from vss_router.events import CallStart, SlotRestart, new_id, stamped

MOMENTS = st.floats(0, 2**48 / 1000 - 1)


@given(MOMENTS, st.binary(min_size=10, max_size=10))
def test_an_id_is_a_uuid_of_version_7_and_its_time(now: float, noise: bytes) -> None:
    made = UUID(new_id(now, lambda size: noise[:size]))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(now * 1000)


@given(st.binary(min_size=10, max_size=10))
def test_74_bits_of_the_noise_stand_in_the_id(noise: bytes) -> None:
    number = int.from_bytes(noise, "big")
    made = [new_id(1.0, lambda _, flipped=number ^ 1 << bit: flipped.to_bytes(10, "big")) for bit in range(80)]  # type: ignore[misc]
    told = [bit for bit in range(80) if made[bit] != new_id(1.0, lambda _: noise)]
    assert told == [*range(62), *range(68, 80)]


@given(st.tuples(MOMENTS, MOMENTS), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_their_time(moments: tuple[float, float], noise: bytes) -> None:
    early, late = sorted(moments)
    assert new_id(early, lambda _: bytes(10)) <= new_id(late, lambda _: noise)


def test_a_message_gets_what_it_lacks_and_keeps_what_it_has() -> None:
    ids = (f"id-{number}" for number in count(1))
    then = datetime(2026, 1, 1, tzinfo=UTC)
    bare = stamped(CallStart(call_id="c", phone_number="1"), now=1795290561.0849, new_id=lambda: next(ids))
    assert (bare.id, bare.timestamp) == ("id-1", datetime(2026, 11, 21, 19, 49, 21, 84_000, tzinfo=UTC))
    assert (bare.call_id, bare.phone_number) == ("c", "1")
    timed = stamped(SlotRestart(slot_id=1, timestamp=then), now=0.0, new_id=lambda: next(ids))
    assert (timed.id, timed.timestamp) == ("id-2", then)
    assert stamped(timed, now=0.0, new_id=lambda: next(ids)) is timed
