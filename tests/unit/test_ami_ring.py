import threading

from hypothesis import given
from hypothesis import strategies as st

from vss_router.ami.ring import ByteRing, Chunk, Closed, Lost


class Bell:
    def __init__(self) -> None:
        self.rung = 0

    def __call__(self) -> None:
        self.rung += 1


def everything(ring: ByteRing) -> list[Chunk | Lost | Closed]:
    items = []
    while (item := ring.take(1 << 20, 0.0)) is not None:
        items.append(item)
    return items


def test_a_full_ring_drops_the_newest_and_says_where_and_how_much() -> None:
    ring = ByteRing(Bell(), capacity=1000)
    for number in range(20):
        ring.put(bytes([number]) * 100, float(number))
    kept = 1000 // 164
    assert ring.overflows == 1
    assert ring.dropped == (20 - kept) * 100
    ring.close("gone")
    items = everything(ring)
    assert items == [
        *(Chunk(bytes([number]) * 100, float(number)) for number in range(kept)),
        Lost((20 - kept) * 100),
        Closed("gone"),
    ]
    assert ring.held == 0


def test_it_takes_nothing_again_until_half_of_it_is_free() -> None:
    ring = ByteRing(Bell(), capacity=1000)
    for _ in range(7):
        ring.put(b"x" * 100, 0.0)
    assert ring.overflows == 1
    ring.take(1, 0.0)  # one chunk would fit now
    ring.put(b"y" * 100, 0.0)
    for _ in range(3):
        ring.take(1, 0.0)
    ring.put(b"z" * 100, 0.0)
    assert ring.overflows == 1
    assert everything(ring)[-2:] == [Lost(200), Chunk(b"z" * 100, 0.0)]


def test_a_hole_is_told_even_when_nothing_comes_after_it() -> None:
    bell = Bell()
    ring = ByteRing(bell, capacity=100)
    ring.put(b"x" * 200, 0.0)
    assert bell.rung == 1
    assert everything(ring) == [Lost(200)]


def test_the_end_always_has_room() -> None:
    ring = ByteRing(Bell(), capacity=10)
    ring.close("gone")
    assert everything(ring) == [Closed("gone")]


def test_tiny_chunks_count_for_what_they_cost() -> None:
    ring = ByteRing(Bell(), capacity=64 * 1024)
    for _ in range(10_000):
        ring.put(b"x", 0.0)
    assert ring.overflows == 1


def test_the_reader_is_woken_once_until_it_has_seen_the_ring_empty() -> None:
    bell = Bell()
    ring = ByteRing(bell)
    ring.put(b"a", 0.0)
    ring.put(b"b", 0.0)
    assert bell.rung == 1
    ring.take(1, 0.0)
    ring.take(1, 0.0)
    ring.put(b"c", 0.0)
    assert bell.rung == 1  # it has not been told that the ring is empty: it will look again
    assert everything(ring) == [Chunk(b"c", 0.0)]
    ring.put(b"d", 0.0)
    assert bell.rung == 2


def test_chunks_are_joined_by_size_and_by_time() -> None:
    ring = ByteRing(Bell())
    for data, arrived in ((b"aa", 1.0), (b"bb", 1.01), (b"cc", 1.02), (b"dd", 5.0)):
        ring.put(data, arrived)
    assert ring.take(4, 0.05) == Chunk(b"aabb", 1.01)
    assert ring.take(100, 0.05) == Chunk(b"cc", 1.02)
    assert ring.take(100, 0.05) == Chunk(b"dd", 5.0)
    assert ring.take(100, 0.05) is None


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=200), max_size=60),
    capacity=st.integers(200, 2000),
    reads=st.lists(st.integers(0, 4), max_size=60),
)
def test_every_byte_is_delivered_in_order_or_counted_as_lost(
    chunks: list[bytes], capacity: int, reads: list[int]
) -> None:
    ring = ByteRing(Bell(), capacity)
    taken: list[Chunk | Lost | Closed] = []
    for number, chunk in enumerate(chunks):
        ring.put(chunk, 0.0)
        wanted = (ring.take(300, 0.0) for _ in range(reads[number] if number < len(reads) else 0))
        taken += [item for item in wanted if item is not None]
        assert ring.held <= capacity
    taken += everything(ring)
    sent, at = b"".join(chunks), 0
    for item in taken:
        if isinstance(item, Chunk):
            assert sent[at : at + len(item.data)] == item.data
            at += len(item.data)
        elif isinstance(item, Lost):
            at += item.size
    assert at == len(sent)
    assert ring.dropped == sum(item.size for item in taken if isinstance(item, Lost))


def test_a_writer_in_another_thread_loses_no_byte_and_no_wake_up() -> None:
    awake = threading.Event()
    ring = ByteRing(awake.set)
    total = 20_000

    def write() -> None:
        for number in range(total):
            ring.put(number.to_bytes(4, "big"), 0.0)
        ring.close("done")

    writer = threading.Thread(target=write)
    writer.start()
    got = bytearray()
    closed = False
    while not closed:
        assert awake.wait(10)
        awake.clear()
        while (item := ring.take(64, 0.0)) is not None:
            if isinstance(item, Chunk):
                got += item.data
            closed = closed or isinstance(item, Closed)
    writer.join()
    assert bytes(got) == b"".join(number.to_bytes(4, "big") for number in range(total))
