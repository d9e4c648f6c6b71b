"""The board of the link under test, with a place marked in its stream of events.

```
   chunk of the session of events:  … event  event  VarSet VSS_FENCE=<value>  event  event …
                                    └───────── fed first ────────────────┘ │ └── fed then ──┘
                                                              rows are read here
```

The board itself is the real one; only where a chunk ends is moved.
"""

import asyncio
from typing import Any, Final, cast, final

from vss_router import AmiDecoder, Batch, StatusBoard
from vss_router._core import AmiMessage, Gap, Response

_END: Final = b"\r\n\r\n"


@final
class _Joined:
    """Two batches as one, for the link."""

    def __init__(self, first: Batch, second: Batch) -> None:
        self.events: list[tuple[int, str, bytes]] = first.events + second.events
        self.responses: list[Response] = first.responses + second.responses
        self.gaps: list[Gap] = first.gaps + second.gaps
        self.greeting = first.greeting or second.greeting
        self.messages = first.messages + second.messages


@final
class Passed:
    """What stood at a fence: the rows of the board, and how many events had been heard."""

    def __init__(self, snapshot: bytes, heard: int, stamp: float) -> None:
        self.snapshot = snapshot
        self.heard = heard
        self.stamp = stamp


@final
class FencedBoard:
    def __init__(self, board: StatusBoard) -> None:
        self.board = board
        self.events: list[AmiMessage] = []
        """Live events since the last `forget`."""
        self.heard = 0
        """Live events since the start."""
        self.lose: str | None = None
        """The name of an event of which the next one does not reach the board: what a check must find."""
        self._decoder = AmiDecoder()
        self._fence: tuple[bytes, asyncio.Future[Passed]] | None = None
        self._tail = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.board, name)

    @property
    def as_board(self) -> StatusBoard:
        """Itself, for the link: `StatusBoard` is final and cannot be inherited from."""
        return cast("StatusBoard", self)

    def expect(self, value: str) -> asyncio.Future[Passed]:
        """Mark the place where the fence with that value comes by."""
        passed: asyncio.Future[Passed] = asyncio.get_running_loop().create_future()
        self._fence = (value.encode() + _END, passed)
        self._tail = b""
        return passed

    def forget(self) -> list[AmiMessage]:
        """The events heard so far, to be remembered no longer."""
        heard, self.events = self.events, []
        return heard

    def feed(self, chunk: bytes, now: float, session: str = "events") -> Batch:
        if session != "events":
            return self._fed(chunk, now, session)
        if self.lose is not None:
            chunk = self._without_one(chunk, self.lose)
        place = self._place(chunk)
        if place is None:
            return self._fed(chunk, now, session)
        first = self._fed(chunk[:place], now, session)
        if self._fence is not None:
            _, passed = self._fence
            self._fence = None
            stamp = float(self.events[-1].get("Timestamp") or now)
            if not passed.done():
                passed.set_result(Passed(self.board.snapshot(), self.heard, stamp))
        return cast("Batch", _Joined(first, self._fed(chunk[place:], now, session)))

    def lost(self, session: str, reason: str, now: float) -> Batch:
        if session == "events":
            self._decoder.reset()
            self._tail = b""
        return self.board.lost(cast("Any", session), reason, now)

    def _without_one(self, chunk: bytes, name: str) -> bytes:
        begins = chunk.find(f"Event: {name}\r\n".encode())
        ends = chunk.find(_END, begins)
        if begins < 0 or ends < 0:
            return chunk
        self.lose = None
        return chunk[:begins] + chunk[ends + len(_END) :]

    def _place(self, chunk: bytes) -> int | None:
        """Where in the chunk the fence's event ends; it may have begun in the chunk before."""
        if self._fence is None:
            return None
        needle, _ = self._fence
        data = self._tail + chunk
        found = data.find(needle)
        if found >= 0:
            return found + len(needle) - len(self._tail)
        self._tail = data[-(len(needle) - 1) :]
        return None

    def _fed(self, chunk: bytes, now: float, session: str) -> Batch:
        batch = self.board.feed(chunk, now, cast("Any", session))
        if session == "events":
            live = [message for message in self._decoder.feed(chunk) if message.kind == "event"]
            self.events += live
            self.heard += len(live)
        return batch
