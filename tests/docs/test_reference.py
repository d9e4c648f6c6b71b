"""The reference pages name what there is: fields of rows, shapes of events, settings, metrics; and their links hold."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.docs.pages import ROOT, blocks_of, pages
from tests.recordings import START, event, queue_status
from vss_router import StatusBoard
from vss_router.api.metrics import StatusCollector
from vss_router.settings import Settings
from vss_router.status import rows
from vss_router.status.verify.recording import recorded_chunks

DOCS = ROOT / "docs"
_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "operator": rows.OperatorRow,
    "memberships": rows.Membership,
    "channel": rows.ChannelRow,
    "call": rows.CallRow,
    "queue_visits": rows.QueueVisit,
    "queue": rows.QueueRow,
    "callers": rows.Caller,
}


def sections(page: Path) -> dict[str, str]:
    parts = re.split(r"^#{2,3} (.+)$", page.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_column(text: str, heading: str) -> list[str]:
    """The names in backticks in the first column of the first table whose first heading is this."""
    table = re.search(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, heading
    return [name for row in table[1].splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


@pytest.mark.parametrize("section", _SECTIONS)
def test_the_page_of_rows_names_every_field_in_order(section: str) -> None:
    told = first_column(sections(DOCS / "rows.md")[section], "field")
    assert told == [field.name for field in msgspec.structs.fields(_SECTIONS[section])]


def test_the_page_of_operations_names_every_setting_and_its_default() -> None:
    text = sections(DOCS / "operations.md")["Settings"]
    assert first_column(text, "setting") == [field.name for field in msgspec.structs.fields(Settings)]


class _Board:
    """A board with nothing on it, as the collector of metrics reads it."""

    seq, as_of = 1, ""

    def stats(self) -> dict[str, int]:
        return {}

    def drift(self) -> dict[str, int]:
        return {}


def test_the_page_of_operations_names_every_metric() -> None:
    board: Any = _Board()
    table = sections(DOCS / "operations.md")["Metrics"]
    # A row names its first metric in full, the others may begin with what they share: `…_failed_total`.
    told = set(re.findall(r"`(?:…|vss_router)_(\w+?)(?:_total)?(?:\{\w+\})?`", table))
    real = {metric.name.removeprefix("vss_router_") for metric in StatusCollector({"main": board}, dict).collect()}
    assert {name for name in real if name not in told and name.removeprefix("events_") not in told} == set()


def real_events() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every event of a recording fed to a board, and of a resync with a gap before it."""
    board = StatusBoard(first_seq=1)
    batches = [board.feed(chunk, START) for chunk in recorded_chunks(ROOT / "tests" / "data" / "asterisk-22.ami.gz")]
    for number in range(2):
        batches += [board.lost("events", "cut", START), board.connected(START)]
        board.begin_resync({"QueueStatus": f"q{number}"}, f"fence-{number}", now=START)
        batches.append(board.feed(queue_status(number), START, session="actions"))
        fence = event("VarSet", privilege="dialplan,all", Channel="none", Variable="VSS_FENCE", Value=f"fence-{number}")
        batches.append(board.feed(fence, START))
    for batch in batches:
        for _, key, body in batch.events:
            yield key, json.loads(body)


def test_the_page_of_events_shows_each_event_with_its_fields_in_order() -> None:
    told = [json.loads(block.text) for block in blocks_of(DOCS / "events.md") if block.language == "json"]
    shown = {event["event"]: list(event) for event in told}
    real: dict[str, set[tuple[str, ...]]] = {}
    for key, body in real_events():
        real.setdefault(key, set()).add(tuple(body))
    assert shown.keys() == real.keys()
    assert {key: fields for key, fields in shown.items() if tuple(fields) not in real[key]} == {}


def test_the_rows_inside_of_the_shown_events_are_rows() -> None:
    shapes: dict[str, type[msgspec.Struct]] = {"operator.update": rows.OperatorRow, "queue.update": rows.QueueRow}
    told = [json.loads(block.text) for block in blocks_of(DOCS / "events.md") if block.language == "json"]
    shown = {event["event"]: event["row"] for event in told if "row" in event}
    assert shown.keys() == shapes.keys()
    for key, row in shown.items():
        assert list(msgspec.to_builtins(msgspec.convert(row, shapes[key]))) == list(row)


_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


LINKED = [*pages(), ROOT / "README.ru.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in LINKED])
def test_every_link_of_the_page_leads_somewhere(page: str) -> None:
    here = ROOT / page
    broken = []
    for link in _LINK.findall(re.sub(r"^```.*?^```$", "", here.read_text(), flags=re.MULTILINE | re.DOTALL)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (here.parent / path).resolve() if path else here
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []
