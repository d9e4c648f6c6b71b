"""The words of the stream: Server-Sent Events out of ready rows, and the ids by which a client takes up again.

```
event: changes
id: main:1795290561084012
data: {"source":"main","seq_from":…,"seq_to":…,"operators":[…],"channels":[…],"queues":[…],"calls":[…],"removed":{…}}
```
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from vss_router.api.links import ChangeSpan
from vss_router.status.rows import CallRow, ChannelRow, OperatorRow, QueueRow

__all__ = ["HEARTBEAT", "LONGEST_EVENT_ID", "RETRY", "ChangesMessage", "RemovedRows", "changes_data", "message"]
__all__ += ["event_id", "positions_in"]

HEARTBEAT: Final = b": alive\n\n"
"""A comment: clients ignore it, proxies see traffic."""
RETRY: Final = b"retry: 2000\n\n"
"""After how many milliseconds a browser connects again."""
LONGEST_EVENT_ID: Final = 4096
"""Characters of an id that are read; a longer one is none of ours."""

_TABLES: Final = ("operators", "channels", "queues", "calls")


class RemovedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Ids (of queues: names) of rows that went."""

    operators: list[str]
    channels: list[str]
    queues: list[str]
    calls: list[str]


class ChangesMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a `changes` message: whole rows as they stand at `seq_to`, for clients that decode it typed.

    A row that changed several times stands once. A row in `removed` went; one that came back after it went is a row.
    """

    source: str
    seq_from: int
    seq_to: int
    operators: list[OperatorRow]
    channels: list[ChannelRow]
    queues: list[QueueRow]
    calls: list[CallRow]
    removed: RemovedRows


def changes_data(source: str, span: ChangeSpan) -> bytes:
    """The JSON of a `changes` message; rows are passed on as they are."""
    rows: dict[str, list[bytes]] = {table: [] for table in _TABLES}
    for table, _, body in span.rows:
        rows[table].append(body)
    removed: dict[str, list[str]] = {table: [] for table in _TABLES}
    for table, key in span.removed:
        removed[table].append(key)
    parts = [b'{"source":', msgspec.json.encode(source), b',"seq_from":%d,"seq_to":%d' % (span.seq_from, span.seq_to)]
    for table in _TABLES:
        parts += [b',"', table.encode(), b'":[', b",".join(rows[table]), b"]"]
    parts += [b',"removed":', msgspec.json.encode(removed), b"}"]
    return b"".join(parts)


def message(event: str, position: str, data: bytes) -> list[bytes]:
    """One message in pieces, so that the data, which many streams share, is not copied for each."""
    # JSON holds no line break outside of its escapes, so one `data:` line is enough.
    return [f"event: {event}\nid: {position}\ndata: ".encode(), data, b"\n\n"]


def event_id(positions: Mapping[str, int]) -> str:
    """`main:123`, of several PBXs `a:123,b:45`; names are percent-encoded, because a header carries the id back."""
    return ",".join(f"{quote(source, safe='')}:{seq}" for source, seq in sorted(positions.items()))


def positions_in(text: str | None) -> dict[str, int]:
    """Sequence by source of an id; parts that no stream gave out are left out, which costs the client a snapshot."""
    found: dict[str, int] = {}
    if not text or len(text) > LONGEST_EVENT_ID:
        return found
    for part in text.split(","):
        source, colon, seq = part.strip().rpartition(":")
        # From 0 a journal tells what is there but not what went: that is a snapshot's work.
        if colon and seq.isascii() and seq.isdigit() and len(seq) <= 19 and int(seq) > 0:
            found[unquote(source)] = int(seq)
    return found
