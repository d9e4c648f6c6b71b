"""Which AMQP transport a router gets, and what AMQP cannot carry."""

import datetime
import math
import random
import sys
from types import MappingProxyType

import pytest

from vss_router import _core
from vss_router.broker.aio_pika import AioPikaTransport
from vss_router.broker.amqp_limits import unsendable
from vss_router.broker.amqp_transport import amqp_transport, duplex_amqp_transport
from vss_router.broker.endpoint import parse_broker_url
from vss_router.broker.lapin import LapinTransport
from vss_router.broker.message import Headers, Message, Properties

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
LAST = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)
WEST = datetime.timezone(datetime.timedelta(hours=-12))
ENDPOINT = parse_broker_url("amqp://127.0.0.1:1/")


def test_lapin_is_taken_where_it_is_and_aio_pika_where_it_is_asked_for() -> None:
    ours = random.Random(1).random
    assert isinstance(amqp_transport(ENDPOINT, random=ours), LapinTransport)
    assert isinstance(amqp_transport(ENDPOINT, random=ours, library="aio_pika"), AioPikaTransport)


@pytest.fixture
def no_amqp(monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that was built without the cargo feature: none of its AMQP classes are there to be imported."""
    for name in [name for name in dir(_core) if name.startswith("Amqp")]:
        monkeypatch.delattr(_core, name)
    for name in [name for name in sys.modules if name.startswith("vss_router.broker.lapin")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("no_amqp")
def test_a_build_without_amqp_falls_back_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(amqp_transport(ENDPOINT, random=random.Random(1).random), AioPikaTransport)
    assert [record.getMessage() for record in caplog.records] == [
        "this build has no AMQP in its core: RabbitMQ is spoken to through aio-pika, which is slower"
    ]


@pytest.mark.usefixtures("no_amqp")
def test_a_router_s_two_connections_fall_back_with_one_line_as_well(caplog: pytest.LogCaptureFixture) -> None:
    assert duplex_amqp_transport(ENDPOINT, random=random.Random(1).random).status.state == "new"
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (Message("e" * 256, "k", b""), "exchange"),
        (Message("", "ы" * 128, b""), "routing key"),
        (Message("", "k", b"", Properties(message_id="m" * 256)), "message_id"),
        (Message("", "k", b"", Properties(priority=256)), "priority 256"),
        (Message("", "k", b"", Properties(expiration_ms=-1)), "expiration_ms -1"),
        (Message("", "k", b"", Properties(timestamp=-1)), "timestamp -1"),
        (Message("", "k", b"", Properties(headers={"x-big": 2**63})), "header x-big"),
        (Message("", "k", b"", Properties(headers={"h" * 256: 1})), "header hhh"),
        (Message("", "k", b"", Properties(headers={"x-deep": {"n" * 256: 1}})), "header x-deep"),
        (Message("", "k", b"", Properties(headers={"half": ["\ud800"]})), "header half"),
        (Message("", "half \ud800", b""), "routing key half ?"),
        (Message("", "k", b"", Properties(headers={"load": math.inf})), "header load"),
        (Message("", "k", b"", Properties(headers={"x-deep": [{"load": math.nan}]})), "header x-deep"),
        (Message("", "k", b"", Properties(headers={"by-number": {1: 2}})), "header by-number"),  # type: ignore[dict-item]
        (Message("", "k", b"", Properties(headers={1: 2})), "header 1 "),  # type: ignore[dict-item]
        (Message("", "k", b"", Properties(headers={"set": {1}})), "header set"),  # type: ignore[dict-item]
        (Message("", "k", b"", Properties(headers={"odd": [object()]})), "header odd"),  # type: ignore[list-item]
        (Message("", "k", b"", Properties(headers={"old": EPOCH - SECOND})), "header old"),
        (Message("", "k", b"", Properties(headers={"old": datetime.datetime(1960, 1, 1)})), "header old"),  # noqa: DTZ001
        (Message("", "k", b"", Properties(headers={"far": LAST.replace(tzinfo=WEST)})), "header far"),
        (Message("", "k", b"", Properties(message_id=7)), "message_id 7"),  # type: ignore[arg-type]
        (Message("", "k", b"", Properties(priority="high")), "priority high"),  # type: ignore[arg-type]
        (Message("", None, b""), "routing key None"),  # type: ignore[arg-type]
        (Message("", "k", b"", Properties(headers={"a": "y" * 64_000, "b": "ы" * 32_000})), "have 128014 bytes"),
    ],
)
def test_what_amqp_cannot_carry_is_named(message: Message, named: str) -> None:
    sentence = unsendable(message)
    assert sentence is not None
    assert named in sentence


def test_a_header_nested_too_deeply_is_named_and_others_are_carried() -> None:
    nested: Headers = {"x": 1}
    for _ in range(33):
        nested = {"x": nested}
    assert unsendable(Message("", "k", b"", Properties(headers=nested))) is not None
    fine: Headers = {"long": "y" * 127_000, "a": [1, "b", None, {"c": b"d"}], "min": -(2**63), "max": 2**63 - 1}
    assert unsendable(Message("e" * 255, "é" * 127, b"", Properties(headers=fine, priority=255))) is None


def test_times_from_1970_to_9999_finite_numbers_and_mappings_of_any_kind_are_carried() -> None:
    fine: Headers = {
        "first": EPOCH,
        "last": LAST,
        "east": EPOCH.replace(hour=12).astimezone(datetime.timezone(datetime.timedelta(hours=12))),
        "naive": datetime.datetime(2026, 11, 22),  # noqa: DTZ001
        "float": [-1.5, 1e300],
        "frozen": MappingProxyType({"a": (1, 2)}),
        "raw": bytearray(b"x"),
    }
    assert unsendable(Message("", "k", b"", Properties(headers=fine))) is None
