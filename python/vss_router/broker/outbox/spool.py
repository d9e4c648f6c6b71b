"""The outbox's file: messages that wait, those nobody will ever take, and how far each PBX's events are safe."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from vss_router.broker.journal import JournalFile, Write
from vss_router.broker.message import Message
from vss_router.broker.outbox.entry import Entry, lane_of, unpack
from vss_router.broker.outbox.marks import Mark

__all__ = ["DeadMessage", "Inherited", "Spool"]

_WAITING: Final = (
    "CREATE TABLE IF NOT EXISTS waiting (position INTEGER PRIMARY KEY, telemetry INTEGER NOT NULL,"
    " size INTEGER NOT NULL, exchange TEXT NOT NULL, routing_key TEXT NOT NULL, mandatory INTEGER NOT NULL,"
    " properties BLOB NOT NULL, body BLOB NOT NULL)"
)
_DEAD: Final = (
    "CREATE TABLE IF NOT EXISTS dead (position INTEGER PRIMARY KEY, died_at REAL NOT NULL, reason TEXT NOT NULL,"
    " exchange TEXT NOT NULL, routing_key TEXT NOT NULL, mandatory INTEGER NOT NULL, properties BLOB NOT NULL,"
    " body BLOB NOT NULL)"
)
_SCHEMA: Final = (
    _WAITING,
    "CREATE INDEX IF NOT EXISTS waiting_telemetry ON waiting (position) WHERE telemetry = 1",
    _DEAD,
    "CREATE TABLE IF NOT EXISTS marks (source TEXT PRIMARY KEY, seq INTEGER NOT NULL, as_of REAL NOT NULL)",
)
# A cancelled append is written all the same, and then once more.
_ADD: Final = "INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET: Final = "DELETE FROM waiting WHERE position IN (SELECT value FROM json_each(?))"
_BURY: Final = "INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_DIG_UP: Final = "DELETE FROM dead WHERE position IN (SELECT value FROM json_each(?))"
_KEEP_NEWEST: Final = (
    "DELETE FROM dead WHERE position <= (SELECT position FROM dead ORDER BY position DESC LIMIT 1 OFFSET ?)"
)
_MARK: Final = "INSERT OR REPLACE INTO marks VALUES (?, ?, ?)"

MOST_DEAD: Final = 10_000
"""The oldest beyond go: a missing exchange must not fill the disk."""
_SLACK_BYTES: Final = 16 * 1024 * 1024
"""What the file may hold besides waiting messages: the dead, marks, indexes."""


class Inherited(msgspec.Struct, frozen=True, kw_only=True):
    """What an earlier process left."""

    next_position: int
    messages: int
    size: int
    dead: int
    marks: Mapping[str, Mark]


class DeadMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the broker will never take as things are; `died_at` is Unix time in seconds."""

    position: int
    died_at: float
    reason: str
    message: Message


class Spool:
    """Reads and writes the file at `path`; errors are those of `JournalFile`."""

    def __init__(self, path: Path, *, disk_bytes: int) -> None:
        self._path = path
        self._file_bytes = disk_bytes * 2 + _SLACK_BYTES
        self._file = self._closed_file()

    def _closed_file(self) -> JournalFile:
        return JournalFile(self._path, _SCHEMA, disk_bytes=self._file_bytes)

    async def open(self) -> Inherited:
        """Open it; what is in it.

        Raises
        ------
        JournalError
            It cannot be used. It may be tried again.
        """
        self._file = self._closed_file()  # one serves once: its thread cannot be started again
        await self._file.start()
        try:
            return await self._inherited()
        except BaseException:
            await self._file.stop()
            raise

    async def _inherited(self) -> Inherited:
        [(messages, size, last)] = await self._file.read(
            "SELECT count(*), coalesce(sum(size), 0), coalesce(max(position), 0) FROM waiting"
        )
        [(dead, last_dead)] = await self._file.read("SELECT count(*), coalesce(max(position), 0) FROM dead")
        marks = await self._file.read("SELECT source, seq, as_of FROM marks")
        return Inherited(
            next_position=max(last, last_dead) + 1,
            messages=messages,
            size=size,
            dead=dead,
            marks={source: Mark(seq, as_of) for source, seq, as_of in marks},
        )

    async def append(self, entries: Sequence[Entry], marks: Mapping[str, Mark]) -> None:
        """Keep these and the marks; when it returns they are on disk.

        Raises
        ------
        JournalError
            They are not.
        """
        rows = [
            (
                entry.position,
                int(entry.message.routing_key.startswith("telemetry.")),
                entry.size,
                entry.message.exchange,
                entry.message.routing_key,
                int(entry.message.mandatory),
                entry.packed,
                entry.message.body,
            )
            for entry in entries
        ]
        await self._file.append([Write(_ADD, rows), *_marks(marks)])

    async def forget(self, positions: Sequence[int], marks: Mapping[str, Mark]) -> None:
        """Delete these and keep the marks; when it returns that stands on disk.

        Raises
        ------
        JournalError
            They are still there.
        """
        await self._file.append([*_deletion(positions), *_marks(marks)])

    async def load(self, after: int, most: int) -> list[Entry]:
        """The next messages behind a position, in order."""
        rows = await self._file.read(
            "SELECT position, size, exchange, routing_key, mandatory, properties, body FROM waiting"
            " WHERE position > ? ORDER BY position LIMIT ?",
            (after, most),
        )
        return [
            _entry(position, size, _message(exchange, key, mandatory, properties, body), properties)
            for position, size, exchange, key, mandatory, properties, body in rows
        ]

    async def drop_telemetry(self, after: int, size: int) -> tuple[int, int]:
        """Delete the oldest telemetry behind a position until so many bytes are free; how many, and their bytes."""
        found = await self._file.read(
            "SELECT position, size FROM waiting WHERE telemetry = 1 AND position > ? ORDER BY position LIMIT 10000",
            (after,),
        )
        positions: list[int] = []
        freed = 0
        for position, bytes_used in found:
            if freed >= size:
                break
            positions.append(position)
            freed += bytes_used
        if positions:
            await self._file.append(_deletion(positions))
        return len(positions), freed

    async def bury(self, dying: Sequence[tuple[Entry, str]], died_at: float) -> None:
        """Move messages, each with the reason, to those nobody will take."""
        rows = [
            (
                *(entry.position, died_at, reason, entry.message.exchange, entry.message.routing_key),
                *(int(entry.message.mandatory), entry.packed, entry.message.body),
            )
            for entry, reason in dying
        ]
        positions = [entry.position for entry, _ in dying]
        await self._file.append([Write(_BURY, rows), *_deletion(positions), Write(_KEEP_NEWEST, [(MOST_DEAD,)])])

    async def dead(self, most: int) -> list[DeadMessage]:
        """The newest of those nobody will take, newest first."""
        rows = await self._file.read(
            "SELECT position, died_at, reason, exchange, routing_key, mandatory, properties, body FROM dead"
            " ORDER BY position DESC LIMIT ?",
            (most,),
        )
        return [DeadMessage(position=row[0], died_at=row[1], reason=row[2], message=_message(*row[3:])) for row in rows]

    async def dig_up(self, positions: Iterable[int]) -> None:
        """Delete some of those nobody will take."""
        await self._file.append([Write(_DIG_UP, [(json.dumps(list(positions)),)])])

    async def close(self, seconds: float) -> None:
        """Commit what waits and close."""
        await self._file.stop(seconds)


def _entry(position: int, size: int, message: Message, packed: bytes) -> Entry:
    return Entry(
        position=position,
        message=message,
        packed=packed,
        lane=lane_of(message),
        size=size,
        journalled=True,
    )


def _message(exchange: str, routing_key: str, mandatory: int, properties: bytes, body: bytes) -> Message:
    return Message(exchange, routing_key, body, unpack(properties), bool(mandatory))


def _deletion(positions: Sequence[int]) -> list[Write]:
    return [Write(_FORGET, [(json.dumps(positions),)])] if positions else []


def _marks(marks: Mapping[str, Mark]) -> list[Write]:
    rows = [(source, mark.seq, mark.as_of) for source, mark in marks.items()]
    return [Write(_MARK, rows)] if rows else []
