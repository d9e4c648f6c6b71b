"""Readers of live status: one surface, whatever the answer comes from.

`MemoryReader` reads the boards of this process. An answer's body is ready JSON, written once by the core and never
decoded here; lists and snapshots of several PBXs are joins of such bytes.

```python
reader = MemoryReader({"main": board})
answer = reader.operator("PJSIP/1001")
row = msgspec.json.decode(answer.body, type=OperatorRow)
```
"""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from vss_router.errors import StatusUnavailableError
from vss_router.status.cursor import Cursor
from vss_router.status.questions import (
    LARGEST_PAGE,
    ambiguous,
    check_limit,
    check_state,
    list_of_names,
    page,
    unknown_source,
)
from vss_router.status.reader_protocols import Answer, Board, Maybe, SourceOfTruth, StatusReader, Table

__all__ = ["LARGEST_PAGE", "Answer", "Board", "Maybe", "MemoryReader", "SourceOfTruth", "StatusReader", "Table"]

_Kind = Literal["operator", "channel", "call", "queue", "callers"]


class MemoryReader:
    """Reads the boards of this process; safe to call from the thread that feeds them.

    `boards` may change while the reader is in use: it is looked at anew by each question. `is_stale` tells whether a
    source's link is down or not yet synchronized; without one nothing is ever stale, as with a replayed board.
    `unsynchronized` lets it answer for a board that was never synchronized too, when somebody has set rows there by
    hand. Errors are those of `StatusReader`.
    """

    def __init__(
        self,
        boards: Mapping[str, Board],
        is_stale: Callable[[str], bool] | None = None,
        *,
        unsynchronized: bool = False,
    ) -> None:
        self._boards = boards
        self._is_stale = is_stale if is_stale is not None else _never_stale
        self._nothing_known = _nothing_by_hand if unsynchronized else _never_synchronized

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the PBXs, in order."""
        return tuple(sorted(self._boards))

    def is_stale(self, source: str) -> bool:
        """Whether what is shown of a PBX may no longer be true."""
        return self._is_stale(source)

    def knows(self, source: str) -> bool:
        """Whether there is a PBX of that name about which this reader answers."""
        board = self._boards.get(source)
        return board is not None and not (self._is_stale(source) and self._nothing_known(board))

    def unsynchronized(self) -> "MemoryReader":
        """A reader of the same boards that answers for those never synchronized too."""
        return MemoryReader(self._boards, self._is_stale, unsynchronized=True)

    def operator(self, operator_id: str, source: str | None = None) -> Answer | None:
        """One operator by id (`PJSIP/1001`) or extension (`1001`): an `OperatorRow`."""
        return self._one("operator", operator_id, source)

    def channel(self, channel_id: str, source: str | None = None) -> Answer | None:
        """One channel by Uniqueid or channel name: a `ChannelRow`."""
        return self._one("channel", channel_id, source)

    def call(self, call_id: str, source: str | None = None) -> Answer | None:
        """One call by Linkedid: a `CallRow`."""
        return self._one("call", call_id, source)

    def queue(self, name: str, source: str | None = None) -> Answer | None:
        """One queue by name: a `QueueRow`."""
        return self._one("queue", name, source)

    def callers(self, queue: str, source: str | None = None) -> Answer | None:
        """Who waits in a queue, first in line first: `{"items": [Caller, …], "next_cursor": null}`."""
        found = self._one("callers", queue, source)
        if found is None:
            return None
        return msgspec.structs.replace(found, body=b'{"items":' + found.body + b',"next_cursor":null}')

    def operators(
        self,
        *,
        state: str | None = None,
        queue: str | None = None,
        source: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Answer:
        """Operators in order of source and id, those in `state` and members of `queue`: `OperatorRow`s."""
        check_state(state)
        return self._list("operators", source, limit, cursor, state=state, queue=queue)

    def channels(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Answer:
        """Channels in order of source and id: `ChannelRow`s."""
        return self._list("channels", source, limit, cursor)

    def calls(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Answer:
        """Calls in order of source and id, those that ended a moment ago too: `CallRow`s."""
        return self._list("calls", source, limit, cursor)

    def queues(self, *, source: str | None = None, limit: int | None = None, cursor: str | None = None) -> Answer:
        """Queues in order of source and name: `QueueRow`s."""
        return self._list("queues", source, limit, cursor)

    def snapshot(self, source: str | None = None) -> Answer:
        """Everything at one `seq`: a `SourceSnapshot`, or `{"sources": {name: SourceSnapshot}}` of several PBXs."""
        chosen = self._chosen(source)
        bodies = [board.snapshot() for _, board in chosen]
        # Rows come and change with a `seq` of their own. One whose time is over may go without: the length shows it.
        version = ",".join(
            f"{name}:{board.seq}-{len(body)}" for (name, board), body in zip(chosen, bodies, strict=True)
        )
        if len(chosen) == 1:
            return self._answer(bodies[0], chosen, version)
        named = [msgspec.json.encode(name) + b":" + body for (name, _), body in zip(chosen, bodies, strict=True)]
        return self._answer(b'{"sources":{' + b",".join(named) + b"}}", chosen, version)

    def _one(self, kind: _Kind, key: str, source: str | None) -> Answer | None:
        if source is None and len(self._boards) > 1:
            return self._one_of_several(kind, key)
        # The usual case, a single PBX, is kept short: programs read rows by the ten thousand.
        ((name, board),) = self._chosen(source)
        body: bytes | None = getattr(board, kind)(key)
        return None if body is None else self._answer_of(name, board, body)

    def _one_of_several(self, kind: _Kind, key: str) -> Answer | None:
        chosen = self._chosen(None)
        found = [(name, board, body) for name, board in chosen if (body := getattr(board, kind)(key)) is not None]
        if len(found) > 1:
            raise ambiguous(kind, key, tuple(name for name, _, _ in found))
        if found:
            return self._answer_of(*found[0])
        unknown = [name for name, board in chosen if self._is_stale(name) and self._nothing_known(board)]
        if unknown:
            # "There is no such row" would be a guess as long as a PBX has not been read once.
            raise _unavailable(unknown)
        return None

    def _list(
        self,
        table: Table,
        source: str | None,
        limit: int | None,
        cursor: str | None,
        *,
        state: str | None = None,
        queue: str | None = None,
    ) -> Answer:
        check_limit(limit)
        chosen = self._chosen(source)
        start = Cursor.decode(cursor) if cursor is not None else None
        bodies: list[bytes] = []
        last: Cursor | None = None
        following: str | None = None
        for name, board in chosen:
            if start is not None and name < start.source:
                continue
            after = start.after if start is not None and name == start.source else None
            # One row more than wanted tells whether another page follows.
            wanted = None if limit is None else limit - len(bodies) + 1
            rows = board.rows(table, state=state, queue=queue, after=after, limit=wanted)
            if wanted is not None and len(rows) >= wanted:
                rows = rows[: wanted - 1]
                last = Cursor(name, rows[-1][0]) if rows else last
                following = last.encode() if last is not None else None
                bodies.extend(body for _, body in rows)
                break
            bodies.extend(body for _, body in rows)
            last = Cursor(name, rows[-1][0]) if rows else last
        return self._answer(page(bodies, following), chosen)

    def _chosen(self, source: str | None) -> list[tuple[str, Board]]:
        if source is not None:
            board = self._boards.get(source)
            if board is None:
                raise unknown_source(source, self._boards)
            chosen = [(source, board)]
        else:
            chosen = list(self._boards.items())
            if len(chosen) > 1:
                chosen.sort()
        for name, board in chosen:
            if not self._is_stale(name) or not self._nothing_known(board):
                return chosen
        raise _unavailable([name for name, _ in chosen])

    def _answer(self, body: bytes, read: list[tuple[str, Board]], version: str | None = None) -> Answer:
        if len(read) == 1:
            return self._answer_of(*read[0], body, version)
        return Answer(
            body=body,
            as_of=min(board.as_of for _, board in read),
            position=",".join(f"{name}:{board.seq}" for name, board in read),
            seq=None,
            stale=any(self._is_stale(name) for name, _ in read),
            source=None,
            version=version,
        )

    def _answer_of(self, name: str, board: Board, body: bytes, version: str | None = None) -> Answer:
        seq = board.seq
        return Answer(
            body=body,
            as_of=board.as_of,
            position=f"{name}:{seq}",
            seq=seq,
            stale=self._is_stale(name),
            source=name,
            version=version,
        )


def _never_stale(_source: str) -> bool:
    return False


def _never_synchronized(board: Board) -> bool:
    return board.stats()["resyncs"] == 0


def _nothing_by_hand(board: Board) -> bool:
    counted = board.stats()
    return counted["resyncs"] == 0 and not counted.get("by_hand", 0)


def _unavailable(names: list[str]) -> StatusUnavailableError:
    if not names:
        return StatusUnavailableError("No PBX is set up, so there is no status to read: name one with `--ami`.")
    return StatusUnavailableError(
        f"Nothing is known yet of {list_of_names(names)}: "
        "wait until the router has synchronized with Asterisk (see /ready)."
    )
