"""The order in which the window lets the messages of a lane go whose queue is full."""

from vss_router.ami.backoff import Backoff
from vss_router.broker.message import Message
from vss_router.broker.outbox.entry import Entry
from vss_router.broker.outbox.window import Window

LATER = 1_000.0
"""Seconds after any pause of a lane."""


def entry(position: int, lane: str = "main") -> Entry:
    return Entry(position=position, message=Message("e", "k", b""), packed=b"", lane=lane, size=1)


def window_of(*entries: Entry) -> Window:
    window = Window(lambda: Backoff(0.5, 30.0, lambda: 0.5))
    for each in entries:
        window.add(each)
    return window


def positions(entries: list[Entry]) -> list[int]:
    return [each.position for each in entries]


def test_a_lane_is_not_tried_again_while_older_messages_of_it_are_unanswered() -> None:
    entries = [entry(position) for position in range(1, 7)]
    window = window_of(*entries)
    assert positions(window.take(4)) == [1, 2, 3, 4]
    window.hold(entries[0], 0.0)
    window.probe(LATER)
    assert window.next_probe() is None, "an answer is waited for, no time"
    assert window.take(10) == []
    for each in entries[1:4]:
        window.hold(each, LATER)
    assert window.next_probe() is not None
    window.probe(LATER)
    assert positions(window.take(10)) == [1]


def test_an_unanswered_message_of_one_lane_keeps_no_other_back() -> None:
    full, slow = entry(1, "full"), entry(2, "slow")
    window = window_of(full, slow)
    assert positions(window.take(10)) == [1, 2]
    window.hold(full, 0.0)
    window.probe(LATER)
    assert positions(window.take(10)) == [1]


def test_what_a_lost_connection_brought_back_counts_as_answered() -> None:
    first, second, third = entry(1), entry(2), entry(3)
    window = window_of(first, second, third)
    window.take(2)
    window.hold(first, 0.0)
    window.put_back([second])
    window.probe(LATER)
    assert positions(window.take(10)) == [1]
    window.settle(first)
    window.probe(LATER)
    assert positions(window.take(10)) == [2, 3]
