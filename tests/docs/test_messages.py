"""docs/messages.md names each message with its queue, and what it shows as an example is one."""

import json
import re
from typing import Any

import pytest

from tests.docs.pages import ROOT, blocks_of
from vss_router.events import MESSAGE_TYPES, CommandFailed, decode, encode, name_of
from vss_router.events.decoding import LARGEST_BODY
from vss_router.events.nesting import DEEPEST

PAGE = ROOT / "docs" / "messages.md"
SHOWN: list[dict[str, Any]] = [json.loads(block.text) for block in blocks_of(PAGE) if block.language == "json"]


def test_the_table_is_the_registry() -> None:
    rows = re.findall(r"^\| `(vss\.\w+)` \| `(\S+)` \| `(\w+)` \| (?:`(\S+)`)? ?\|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(known.exchange, known.pattern, known.type.__name__, known.queue or "") for known in MESSAGE_TYPES]


@pytest.mark.parametrize("body", SHOWN, ids=lambda body: body.get("event") or body["command"])
def test_an_example_is_the_message_as_it_is_written(body: dict[str, Any]) -> None:
    exchange, key = ("vss.commands", body["command"]) if "command" in body else ("vss.events", body["event"])
    message = decode(exchange, key, json.dumps(body).encode(), arrived=0.0)
    assert (message.extra, name_of(message)) == ({}, key)
    # The order of the fields too.
    in_order: Any = {"object_pairs_hook": list}
    assert json.loads(encode(message), **in_order) == json.loads(json.dumps(body), **in_order)


def test_a_failed_command_is_read_as_it_is_shown() -> None:
    [section] = re.findall(r"^## Failed commands\n.*?```json\n(.*?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    failed = decode("vss.events", "command.failed", section.encode(), arrived=0.0)
    assert isinstance(failed, CommandFailed)
    assert failed.command == "gacs.execute"


def test_each_message_is_shown_here_or_with_the_events() -> None:
    of_board = {
        json.loads(block.text)["event"] for block in blocks_of(ROOT / "docs" / "events.md") if block.language == "json"
    }
    named = {body.get("event") or body["command"] for body in SHOWN} | of_board
    below_the_table = PAGE.read_text().partition("## Calls, operators, queues, gaps")[2]
    missing = [
        known.pattern
        for known in MESSAGE_TYPES
        if not any(known.covers(name) for name in named) and f"`{known.pattern}`" not in below_the_table
    ]
    assert missing == []


def test_the_bounds_are_those_of_decode() -> None:
    assert f"larger than {LARGEST_BODY >> 20} MiB, or is nested more than {DEEPEST} deep" in PAGE.read_text()
