"""Back-off, jitter, clock offset: what a link's waiting and timing is made of."""

import random

from hypothesis import given
from hypothesis import strategies as st

from vss_router.ami.backoff import Backoff, jittered
from vss_router.ami.clock_offset import ClockOffset


def test_waits_grow_to_their_bound_and_never_end() -> None:
    highest = Backoff(1.0, 30.0, lambda: 1.0)
    assert [highest.next() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    for _ in range(5000):
        assert highest.next() == 30
    highest.reset()
    assert highest.next() == 1


def test_no_wait_is_shorter_than_half_the_first() -> None:
    lowest = Backoff(1.0, 30.0, lambda: 0.0)
    assert {lowest.next() for _ in range(50)} == {0.5}


def test_two_routers_do_not_wait_alike() -> None:
    one, other = (Backoff(1.0, 30.0, random.Random(seed).random) for seed in (1, 2))
    assert [one.next() for _ in range(5)] != [other.next() for _ in range(5)]


@given(st.floats(0, 1, exclude_max=True))
def test_a_jittered_period_stays_within_a_fifth(number: float) -> None:
    assert 79.9 <= jittered(100.0, lambda: number) <= 120.1


def test_the_offset_is_that_of_the_fastest_ping() -> None:
    offset = ClockOffset()
    offset.add(sent=100.0, answered=104.0, timestamp=109.0)  # a busy main loop: says next to nothing
    assert offset.seconds == 7.0
    offset.add(sent=110.0, answered=110.5, timestamp=115.25)
    offset.add(sent=120.0, answered=121.0, timestamp=126.5)
    assert offset.seconds == 5.0
    assert offset.round_trip == 1.0


def test_a_fast_ping_of_long_ago_gives_way() -> None:
    offset = ClockOffset()
    offset.add(0.0, 0.0, 5.0)
    for number in range(8):
        offset.add(number, number + 1.0, number + 6.5)
    assert offset.seconds == 6.0


def test_a_clock_set_back_during_a_ping_gives_no_negative_round_trip() -> None:
    offset = ClockOffset()
    offset.add(sent=100.0, answered=90.0, timestamp=100.0)
    assert offset.round_trip == 0.0


def test_another_asterisk_has_another_clock() -> None:
    offset = ClockOffset()
    offset.add(0.0, 1.0, 5.0)
    offset.reset()
    assert offset.seconds is None  # as before the first answer
    assert offset.round_trip is None
