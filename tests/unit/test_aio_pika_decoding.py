"""How aio-pika's transport reads frames: as the compiled core, whatever strangers have published."""

import datetime
import struct

import pamqp.frame
import pytest
from aiormq.exceptions import InvalidFrameError
from pamqp import commands
from pamqp.header import ContentHeader

from vss_router.broker.aio_pika.decoding import unmarshal
from vss_router.broker.aio_pika.properties import wire_properties
from vss_router.broker.message import Properties

YEAR_9999 = 253_402_300_799


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, 7, len(payload)) + payload + b"\xce"


def short(raw: bytes) -> bytes:
    return bytes([len(raw)]) + raw


def long(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def header(flags: int, properties: bytes) -> bytes:
    return frame(2, struct.pack(">HHQH", 60, 0, 5, flags) + properties)


def properties_of(data: bytes) -> commands.Basic.Properties:
    size, channel, read = unmarshal(data)
    assert isinstance(read, ContentHeader)
    assert (size, channel, read.body_size) == (len(data), 7, 5)
    return read.properties


def headers_of(table: bytes) -> dict[str, object]:
    headers = properties_of(header(0x2000, long(table))).headers
    assert headers is not None
    return dict(headers)


def test_all_properties_are_read_as_they_were_sent() -> None:
    sent = Properties(
        content_encoding="gzip",
        headers={"text": "т", "number": -5, "list": [1, {"a": None}], "bytes": b"\xff", "real": 1.5, "yes": True},
        priority=9,
        correlation_id="c",
        reply_to="r",
        expiration_ms=1000,
        message_id="m",
        timestamp=1_700_000_000_000,
        type="t",
        user_id="u",
        app_id="app",
    )
    wire = wire_properties(sent)
    read = properties_of(pamqp.frame.marshal(ContentHeader(body_size=5, properties=wire), 7))
    assert dict(read) == dict(wire)


@pytest.mark.parametrize("seconds", [0, YEAR_9999, YEAR_9999 + 1, 2**53 - 1, 2**64 - 1])
def test_a_timestamp_is_the_number_that_was_sent(seconds: int) -> None:
    assert properties_of(header(0x40, struct.pack(">Q", seconds))).timestamp == seconds


def test_a_time_in_a_header_that_has_no_year_stays_a_number() -> None:
    times = {b"now": 1_700_000_000, b"millis": 1_700_000_000_000, b"last": YEAR_9999, b"most": 2**64 - 1}
    table = b"".join(short(name) + b"T" + struct.pack(">Q", seconds) for name, seconds in times.items())
    assert headers_of(table) == {
        "now": datetime.datetime.fromtimestamp(1_700_000_000, datetime.UTC),
        "millis": 1_700_000_000_000,
        "last": datetime.datetime.fromtimestamp(YEAR_9999, datetime.UTC),
        "most": 2**64 - 1,
    }


def test_texts_that_are_no_utf_8_are_readable_and_stay_different() -> None:
    assert [properties_of(header(0x80, short(raw))).message_id for raw in (b"a\xff\xd0", b"\xfe", "т".encode())] == [
        r"a\xff\xd0",
        r"\xfe",
        "т",
    ]
    assert headers_of(short(b"\xff") + b"S" + long(b"\xff")) == {r"\xff": b"\xff"}


def test_a_text_that_gets_longer_than_amqp_takes_is_cut() -> None:
    text = properties_of(header(0x80, short(b"\xff" + "ж".encode() * 127))).message_id
    assert text == r"\xff" + "ж" * 125


def test_a_delivery_whose_key_is_no_utf_8_is_read() -> None:
    arguments = short(b"tag") + struct.pack(">QB", 2**40, 1) + short(b"exchange") + short(b"call.\xff")
    _, channel, read = unmarshal(frame(1, struct.pack(">HH", 60, 60) + arguments))
    assert isinstance(read, commands.Basic.Deliver)
    assert dict(read) == {
        "consumer_tag": "tag",
        "delivery_tag": 2**40,
        "redelivered": True,
        "exchange": "exchange",
        "routing_key": r"call.\xff",
    }
    assert channel == 7


def test_the_broker_s_last_words_may_be_cut_within_a_letter() -> None:
    arguments = struct.pack(">H", 404) + short(b"no exchange '\xd0") + struct.pack(">HH", 40, 10)
    _, _, read = unmarshal(frame(1, struct.pack(">HH", 20, 40) + arguments))
    assert isinstance(read, commands.Channel.Close)
    assert (read.reply_code, read.reply_text, read.class_id, read.method_id) == (404, r"no exchange '\xd0", 40, 10)


def test_tables_deeper_than_could_be_sent_again_are_left_out() -> None:
    def nested(depth: int) -> bytes:
        value = b"t\x01"
        for _ in range(depth):
            value = b"F" + long(short(b"n") + value)
        return short(b"n") + value

    def depth_of(value: object) -> tuple[int, object]:
        depth = 0
        while isinstance(value, dict):
            value, depth = value["n"], depth + 1
        return depth, value

    assert depth_of(headers_of(nested(31))) == (32, True)
    assert depth_of(headers_of(nested(32))) == (32, None)
    assert depth_of(headers_of(nested(10_000))) == (32, None)


@pytest.mark.parametrize(
    "bad",
    [
        frame(2, b"\xff"),
        header(0x8000, b"")[:-1] + b"\x00",
        header(0x2000, long(b"\x01a?\xff")),
        header(0x2000, b"\xff\xff\xff\xff"),
        header(0x40, b"\x00"),
        frame(1, b"\x00\x3c\x00\x3c\xff\xff"),
        frame(1, b"\x7f\x7f\x7f\x7f"),
        frame(9, b"?"),
    ],
)
def test_bytes_that_are_no_frame_are_said_to_be_none(bad: bytes) -> None:
    with pytest.raises(InvalidFrameError):
        unmarshal(bad)
