"""What may not stand in a log, and what must stay readable."""

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import vss_router
from vss_router.log import configure_logging, mask, mask_event, masked_number

PACKAGE = Path(vss_router.__file__).parent


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("main=router:pa55w0rd@pbx:5038", "main=router:***@pbx:5038"),
        ("amis://u:s%40x@10.0.0.1:5039?auth=md5", "amis://u:***@10.0.0.1:5039?auth=md5"),
        ("Secret: hunter2", "Secret: ***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("?token=abc&x=1", "?token=***&x=1"),
        ("caller 74951234567 left", "caller *******4567 left"),
        ("+7 (495) 123-45-67 rang", "+* (***) ***-45-67 rang"),
        ("call to +74951234567", "call to +*******4567"),
        ("local 654321", "local ****21"),
        ("PJSIP/74951234567-0000001a", "PJSIP/*******4567-0000001a"),
        ("Local/74951234567@out-00000012;1", "Local/*******4567@out-00000012;1"),
        ('"Ivan" <79161234567>', '"Ivan" <*******4567>'),
        ("74951234567.", "*******4567."),
    ],
)
def test_secrets_and_phone_numbers_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "extension 1001",
        "extension 10015",
        "127.0.0.1:3000",
        "uniqueid 1795290561.12",
        "pbx-1795290561.12",
        "at 1795290561.084843",
        "2026-11-21T19:49:21.084Z",
        "20:49:21.123456",
        "seq 1795290561084843",
        "PJSIP/trunk-00000012",
        "id 018f3a2b-1234-7abc-8def-123456789012",
        "Asterisk 22.10.0",
        "192.168.100.200:50388",
        "12345 messages",
    ],
)
def test_times_ports_extensions_and_ids_are_not_masked(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(("number", "masked"), [("1001", "1001"), ("12345", "12345"), ("123456", "****56")])
def test_a_number_keeps_its_last_digits(number: str, masked: str) -> None:
    assert masked_number(number) == masked


def test_values_are_masked_however_deep_and_by_their_name() -> None:
    event = {
        "event": "login refused",
        "secret": "x",
        "http_token": "y",
        "seq": 1795290561084843,
        "joined_at": "1795290561",
        "port": 50388,
        "caller": {"number": "74951234567", "password": "z"},
        "parties": ["74951234567", ("1001",)],
        "raw": b"Secret: abc",
    }
    assert mask_event(None, "info", event) == {
        "event": "login refused",
        "secret": "***",
        "http_token": "***",
        "seq": 1795290561084843,
        "joined_at": "1795290561",
        "port": 50388,
        "caller": {"number": "*******4567", "password": "***"},
        "parties": ["*******4567", ["1001"]],
        "raw": "Secret: ***",
    }


def test_a_json_line_is_one_object_with_level_time_and_masked_fields() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    structlog.get_logger("vss_router").info("caller joined", number="74951234567", source="main")
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "caller joined", "level": "info", "number": "*******4567", "source": "main"}


def test_every_field_that_the_package_hands_to_its_log_is_written() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    handed = {name for path in sorted(PACKAGE.rglob("*.py")) for name in fields_handed_to_the_log(path)}
    logging.getLogger("vss_router.any").warning("said", extra=dict.fromkeys(handed, "x"))
    assert {"trouble", "handler"} <= handed <= set(json.loads(stream.getvalue()))


def fields_handed_to_the_log(path: Path) -> set[str]:
    calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    # Only a log's methods: a message's type has an `extra` of its own.
    told = (call for call in calls if isinstance(call.func, ast.Attribute))
    extras = (word.value for call in told for word in call.keywords if word.arg == "extra")
    named = (extra.keys for extra in extras if isinstance(extra, ast.Dict))
    return {key.value for keys in named for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def refuse() -> None:
    raise ConnectionError("router:hunter2@pbx:5038 and 74951234567")


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_lines_of_other_libraries_and_tracebacks_are_masked_too(fmt: str) -> None:
    stream = io.StringIO()
    configure_logging("info", fmt, stream)  # type: ignore[arg-type]
    logging.getLogger("uvicorn.error").warning("from %s", "router:hunter2@pbx:5038")
    try:
        refuse()
    except ConnectionError:
        structlog.get_logger("vss_router").exception("lost")
    assert "router:***@pbx:5038 and *******4567" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert "74951234567" not in stream.getvalue()


def test_lines_under_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure_logging("warning", "text", stream)
    structlog.get_logger("vss_router").info("quiet")
    logging.getLogger("uvicorn").info("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("text", ["x" * 1_000_000, "a:" * 100_000, "a@" * 100_000, "8" * 100_000])
def test_a_long_text_is_masked_in_one_go(text: str) -> None:
    # Quadratic in its length this would take hours, and the test's time limit ends it.
    assert len(mask(text)) == len(text)
