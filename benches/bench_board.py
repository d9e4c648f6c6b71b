"""P2 as the router lives it: bytes cross into Rust once per socket read, one batch of typed events comes back."""

import re

from benches.bench_peers import ROUNDS, Watch, capture, note
from vss_router import AmiDecoder, StatusBoard

__all__ = ["capture"]

STAMP = re.compile(rb"\r\nTimestamp: (\d+\.\d+)")


def stamped(chunks: list[bytes]) -> list[tuple[bytes, float]]:
    """Each chunk with the time of its last event: the clock a live router would have had."""
    now, result = 0.0, []
    for chunk in chunks:
        if stamps := STAMP.findall(chunk):
            now = float(stamps[-1])
        result.append((chunk, now))
    return result


def feed_board(chunks: list[tuple[bytes, float]]) -> int:
    board = StatusBoard(first_seq=1)
    return sum(len(board.feed(chunk, now).events) for chunk, now in chunks)


def decode(chunks: list[bytes]) -> int:
    decoder = AmiDecoder()
    return sum(len(decoder.feed(chunk)) for chunk in chunks)


def bench_status_board(benchmark: Watch, capture: list[bytes]) -> None:
    note(benchmark, "StatusBoard (Python)", capture)
    chunks = stamped(capture)
    assert benchmark.pedantic(lambda: feed_board(chunks), rounds=ROUNDS, warmup_rounds=1) > 1_000


def bench_decoder(benchmark: Watch, capture: list[bytes]) -> None:
    note(benchmark, "AmiDecoder (Python)", capture)
    assert benchmark.pedantic(lambda: decode(capture), rounds=ROUNDS, warmup_rounds=1) > 20_000
