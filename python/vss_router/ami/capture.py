"""Recordings of AMI sessions: raw bytes in a file, plain or gzip, told apart by content and not by name.

The split is a plain one and independent of the compiled core, so that each can be checked by the other: a message ends
at a blank line, blank lines beyond the first stay with the message before them, and the greeting is a message of one
line.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import msgspec

from vss_router.errors import CaptureError

__all__ = ["Capture", "CaptureMessage"]

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GREETING: Final = re.compile(rb"Asterisk Call Manager/[^\r\n]*\r?\n")
# A greeting in the middle: the next session of the same file. It may follow a message cut in half, so it need not
# stand at the start of a line, but what follows it has to look like a session's beginning.
_NEXT_SESSION: Final = re.compile(rb"Asterisk Call Manager/[0-9][^\r\n]*\r?\n(?=(?:Response|Event): )")
_BLANK: Final = re.compile(rb"\r?\n(?:\r?\n)+")
_OLD_OUTPUT_END: Final = re.compile(rb"--END COMMAND--\r?\n(?:\r?\n)+")
_OLD_OUTPUT: Final = re.compile(rb"\s*Response: *Follows\b", re.IGNORECASE)
_LOOKS_LIKE_AMI: Final = re.compile(rb"\s*(?:Asterisk Call Manager/|(?:Event|Response): )")

Kind = Literal["greeting", "event", "response", "other"]


class CaptureMessage(msgspec.Struct, frozen=True, gc=False):
    """One message of a recording: `raw` are its bytes with the blank line that ends it, `offset` where they begin."""

    offset: int
    raw: bytes

    @property
    def kind(self) -> Kind:
        """What the first header says it is."""
        head = self.raw.lstrip()[:10].lower()
        if head.startswith(b"event:"):
            return "event"
        if head.startswith(b"response:"):
            return "response"
        return "greeting" if self.raw.startswith(b"Asterisk Call Manager/") else "other"

    @property
    def name(self) -> str:
        """The event's name, the response's status, or the greeting's line."""
        first = self.raw.lstrip().split(b"\n", 1)[0].rstrip(b"\r")
        return (first if self.kind in {"greeting", "other"} else first.partition(b":")[2].strip()).decode("latin-1")

    @property
    def action_id(self) -> str | None:
        """The ActionID, if there is one."""
        return self.get("ActionID")

    @property
    def timestamp(self) -> float | None:
        """`Timestamp` in Unix seconds; None on the events of lists, responses and the greeting."""
        text = self.get("Timestamp")
        try:
            return None if text is None else float(text)
        except ValueError:
            return None

    def get(self, key: str) -> str | None:
        """The first value of a header, undecodable bytes replaced; None when there is no such header."""
        found = re.search(
            rb"^%s:[ \t]*([^\r\n]*)" % re.escape(key.encode("latin-1")), self.raw, re.MULTILINE | re.IGNORECASE
        )
        return None if found is None else found[1].decode(errors="replace")


class Capture:
    """The bytes one AMI session received, greeting and login answer included.

    `name` is what error sentences and the replay call it. `data` may hold several sessions, each with its greeting
    (two recordings in one file); `sessions()` takes them apart.

    Raises
    ------
    CaptureError
        The bytes are empty or do not begin as a manager session does.
    """

    def __init__(self, data: bytes, name: str = "capture") -> None:
        if not data.strip():
            raise CaptureError(f"{name} is empty: record a session first (`vss-router record`).")
        if _LOOKS_LIKE_AMI.match(data) is None:
            raise CaptureError(
                f"{name} is not a recording of an Asterisk manager session: "
                "it begins neither with the greeting nor with an event or a response."
            )
        self.data = data
        self.name = name

    @classmethod
    def read(cls, path: str | Path) -> "Capture":
        """The recording in a file, plain or gzip.

        Raises
        ------
        CaptureError
            There is no such file, it cannot be read or decompressed, or it holds no manager session.
        """
        path = Path(path)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise CaptureError(f"There is no recording {path}: check the path.") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise CaptureError(f"The recording {path} cannot be read ({reason}): check the file.") from None
        if data.startswith(_GZIP_MAGIC):
            try:
                data = gzip.decompress(data)
            except (EOFError, OSError, zlib.error):
                raise CaptureError(
                    f"The recording {path} is damaged or cut short (gzip): copy or record it again."
                ) from None
        return cls(data, str(path))

    def sessions(self) -> list["Capture"]:
        """One capture per greeting, in order: a file may hold a recording before and one after a restart."""
        starts = [match.start() for match in _NEXT_SESSION.finditer(self.data)]
        if not starts or (starts[0] != 0 and self.data[: starts[0]].strip()):
            starts.insert(0, 0)
        else:
            starts[0] = 0
        if len(starts) == 1:
            return [self]
        ends = [*starts[1:], len(self.data)]
        return [
            Capture(self.data[start:end], f"{self.name} (session {number})")
            for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
        ]

    @cached_property
    def greeting(self) -> bytes | None:
        """The greeting's line with its line end, as recorded; None if the recording began later."""
        found = _GREETING.match(self.data)
        return None if found is None else found[0]

    def messages(self) -> Iterator[CaptureMessage]:
        """Every whole message in order, all sessions of the file; a message cut in half at the end is left out."""
        data = self.data
        sessions = {match.start(): match.end() for match in _NEXT_SESSION.finditer(data)}
        if self.greeting is not None:
            sessions[0] = len(self.greeting)
        bounds = [*sorted(sessions.keys() | {0}), len(data)]
        for start, end in pairwise(bounds):
            at = start
            if start in sessions:
                at = sessions[start]
                yield CaptureMessage(start, data[start:at])
            while (stop := _message_end(data, at, end)) is not None:
                yield CaptureMessage(at, data[at:stop])
                at = stop


def _message_end(data: bytes, at: int, end: int) -> int | None:
    # The output of an old `Command` answer may hold blank lines: only its end mark ends it.
    pattern = _OLD_OUTPUT_END if _OLD_OUTPUT.match(data, at, min(end, at + 64)) else _BLANK
    found = pattern.search(data, at, end)
    return None if found is None else found.end()
