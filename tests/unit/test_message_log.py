"""The message log: sampled, masked, in batches, and never in anybody's way."""

import asyncio
import io
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
import structlog

from tests.consumer_desk import START, HandingTransport, desk_with, until
from vss_router.broker.logged_transport import LoggedTransport
from vss_router.broker.message import Confirm, Message, Outcome, Properties
from vss_router.broker.message_log import LoggedMessage, MessageLog, masked_body
from vss_router.events import Event
from vss_router.log import configure_logging


class StoreDouble:
    def __init__(self) -> None:
        self.batches: list[list[LoggedMessage]] = []
        self.away: str | None = None
        self.asked = 0

    async def append(self, messages: Sequence[LoggedMessage]) -> None:
        self.asked += 1
        if self.away is not None:
            raise OSError(self.away)
        self.batches.append(list(messages))

    @property
    def lines(self) -> list[LoggedMessage]:
        return [line for batch in self.batches for line in batch]


def log_to(store: StoreDouble, **more: Any) -> MessageLog:
    options: dict[str, Any] = {"fraction": 1.0, "flush_seconds": 0.001, "clock": lambda: 7.0, "random": lambda: 0.0}
    return MessageLog(store, **options | more)


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        (b'{"phone_number":"+79991234567","call_id":"1.0"}', '{"phone_number":"+*******4567","call_id":"1.0"}'),
        (b'{"of":{"password":"s3cret","all":["89991234567"]}}', '{"of":{"password":"***","all":["*******4567"]}}'),
        (b'{"url":"amqp://user:hunter2@host"}', '{"url":"amqp://user:***@host"}'),
        (b"call 89991234567 \xff", '"call *******4567 \\ufffd"'),
        (b"", '""'),
    ],
)  # fmt: skip
def test_bodies_are_masked_however_deep_and_whatever_they_are(body: bytes, masked: str) -> None:
    assert msgspec.json.decode(masked_body(body)) == msgspec.json.decode(masked)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000 + b"]" * 100_000, b'{"a":"' + b"x" * 1_000_000 + b'"}', b"\xff" * 99_999]
)
def test_a_huge_body_is_cut(body: bytes) -> None:
    assert len(masked_body(body)) < 200_000
    msgspec.json.decode(masked_body(body))


async def test_a_fraction_is_sampled_by_chance() -> None:
    chances = iter([0.1, 0.29, 0.3, 0.9])
    store = StoreDouble()
    log = log_to(store, fraction=0.3, random=lambda: next(chances))
    for number in range(4):
        log.published(f"key.{number}", START)
    log.start()
    await log.stop()
    assert [line.routing_key for line in store.lines] == ["key.0", "key.1"]


async def test_lines_say_when_who_which_way_and_what() -> None:
    store = StoreDouble()
    log = log_to(store, service="dci")
    log.start()
    log.consumed("call.start", b'{"a":1}')
    await log.stop()
    assert store.lines == [LoggedMessage(7.0, "dci", "consume", "call.start", '{"a":1}')]


async def test_many_messages_are_written_in_batches() -> None:
    store = StoreDouble()
    log = log_to(store, batch=10, flush_seconds=60.0)
    log.start()
    for _ in range(25):
        log.published("key", START)
    await until(lambda: len(store.batches) == 2)
    await log.stop()
    assert [len(batch) for batch in store.batches] == [10, 10, 5]


async def test_a_store_that_is_away_is_waited_for_and_the_oldest_go_when_too_many_wait() -> None:
    store = StoreDouble()
    store.away = "the database is down"
    log = log_to(store, batch=2, most_waiting=4)
    log.start()
    log.published("in hand", START)
    await until(lambda: log.stats.failures > 0)
    assert log.stats.trouble == "the database is down"
    for number in range(6):
        log.published(f"key.{number}", START)
    assert (log.stats.waiting, log.stats.dropped) == (5, 2)
    store.away = None
    await log.stop(10)
    assert [line.routing_key for line in store.lines] == ["in hand", "key.2", "key.3", "key.4", "key.5"]
    assert log.stats.written == 5


async def test_what_could_not_be_written_at_the_end_is_counted() -> None:
    store = StoreDouble()
    store.away = "the database is down"
    log = log_to(store)
    log.start()
    log.published("key", START)
    await log.stop(0.05)
    assert (log.stats.dropped, log.stats.waiting) == (1, 0)


@pytest.fixture
def debug_lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = io.StringIO()
    configure_logging("debug", "json", lines)
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def told(lines: io.StringIO, event: str) -> list[dict[str, Any]]:
    return [each for line in lines.getvalue().splitlines() if (each := msgspec.json.decode(line))["event"] == event]


async def test_every_publish_is_a_line_at_debug(debug_lines: io.StringIO) -> None:
    inner = HandingTransport()
    inner.outcomes.append(Confirm(Outcome.RETURNED, "no queue"))
    transport = LoggedTransport(inner)
    properties = Properties(message_id="01234567-0da7-7de2-a72d-8968c0b5b8f1")
    await transport.publish([Message("vss.events", "call.start", START, properties), Message("", "q", b"")])
    first, second = told(debug_lines, "published")
    assert (first["routing_key"], first["outcome"], second["outcome"]) == ("call.start", "returned", "confirmed")
    assert first["id"] == "01234567-0da7-7de2-a72d-8968c0b5b8f1"
    assert isinstance(first["took"], float)
    assert "79991234567" not in debug_lines.getvalue()


async def test_every_message_that_is_consumed_is_a_line_at_debug(debug_lines: io.StringIO) -> None:
    async def handler(message: Event) -> None:
        raise ValueError("cannot call +79991234567")

    desk = await desk_with(handler)
    await desk.give(properties=Properties(message_id="m1"))
    await until(lambda: bool(told(debug_lines, "consumed")))
    (line,) = told(debug_lines, "consumed")
    assert (line["queue"], line["routing_key"], line["id"]) == ("vss.call.events", "call.start", "m1")
    assert (line["handler"], line["outcome"], line["took"]) == ("handler", "retried", 0.0)
    assert "9991234567" not in debug_lines.getvalue()


async def test_with_debug_off_and_no_message_log_nothing_is_made_of_a_message() -> None:
    class Untouchable(Message, frozen=True):
        @property
        def touched(self) -> object:
            raise AssertionError

    transport = LoggedTransport(HandingTransport())
    logging.getLogger("vss_router.broker.logged_transport").setLevel(logging.INFO)
    try:
        assert await transport.publish([Untouchable("", "q", b"")]) == [Confirm(Outcome.CONFIRMED)]
    finally:
        logging.getLogger("vss_router.broker.logged_transport").setLevel(logging.NOTSET)


async def test_what_was_confirmed_and_what_was_handled_stand_in_the_message_log() -> None:
    store = StoreDouble()
    log = log_to(store)
    inner = HandingTransport()
    inner.outcomes += [Confirm(Outcome.LOST, "away"), Confirm(Outcome.CONFIRMED)]
    transport = LoggedTransport(inner, log)
    await transport.publish([Message("e", "lost", b"1"), Message("e", "confirmed", b"2")])

    async def handler(message: Event) -> None:
        del message

    desk = await desk_with(handler, consumed=log.consumed)
    await desk.give()
    await asyncio.sleep(0)
    log.start()
    await log.stop()
    assert [(line.type, line.routing_key) for line in store.lines] == [
        ("publish", "confirmed"),
        ("consume", "call.start"),
    ]
