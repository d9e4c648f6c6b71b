"""The Python peers of P1 and P2: what it takes them to parse the same capture."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import pytest
from panoramisk.ami_protocol import AMIProtocol

from benches.inputs import EVERYDAY, chunks, messages_in, unpacked

ROUNDS = 7
Result = TypeVar("Result")


class Watch(Protocol):
    """The part of pytest-benchmark's fixture that is used here."""

    extra_info: dict[str, Any]

    def pedantic(self, target: Callable[[], Result], *, rounds: int, warmup_rounds: int) -> Result: ...


@pytest.fixture(scope="session")
def capture() -> list[bytes]:
    return chunks(unpacked(EVERYDAY).read_bytes())


class Listener:
    """Stands where panoramisk's Manager does, so that only its parser is measured."""

    save_stream = None

    def __init__(self) -> None:
        self.messages = 0

    def dispatch(self, _message: object) -> None:
        self.messages += 1


class Transport:
    def close(self) -> None: ...


def note(benchmark: Watch, side: str, capture: list[bytes]) -> None:
    whole = b"".join(capture)
    benchmark.extra_info.update(side=side, messages=messages_in(whole), bytes=len(whole))


def panoramisk_parse(capture: list[bytes]) -> int:
    protocol, listener = AMIProtocol(), Listener()
    protocol.connection_made(Transport())
    protocol.factory = listener
    protocol.encoding = "utf8"
    for chunk in capture:
        protocol.data_received(chunk)
    return listener.messages


def cpython_split(capture: list[bytes]) -> int:
    """The least a Python parser does: text, messages, a dict of headers each."""
    messages, rest = 0, ""
    for chunk in capture:
        *whole, rest = (rest + chunk.decode("utf-8", "replace")).split("\r\n\r\n")
        for message in whole:
            dict(line.partition(": ")[::2] for line in message.split("\r\n"))
            messages += 1
    return messages


def bench_panoramisk(benchmark: Watch, capture: list[bytes]) -> None:
    note(benchmark, "panoramisk", capture)
    assert benchmark.pedantic(lambda: panoramisk_parse(capture), rounds=ROUNDS, warmup_rounds=1) > 20_000


def bench_cpython_split(benchmark: Watch, capture: list[bytes]) -> None:
    note(benchmark, "CPython split", capture)
    assert benchmark.pedantic(lambda: cpython_split(capture), rounds=ROUNDS, warmup_rounds=1) > 20_000
