"""The compiled core: AMI decoding and live status. Times are Unix seconds (float, UTC) unless said otherwise."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, final

from vss_router._core_amqp import (
    AmqpCancelled,
    AmqpClient,
    AmqpConfirms,
    AmqpDelivery,
    AmqpDone,
    AmqpFault,
    AmqpRefusal,
    AmqpStatus,
)
from vss_router._core_routing import TopicMatcher
from vss_router._core_writer import StatusWriter, WriterStatus

__all__ = [
    "REDIS_LIBRARY",
    "AmiAction",
    "AmiDecoder",
    "AmiMessage",
    "AmqpCancelled",
    "AmqpClient",
    "AmqpConfirms",
    "AmqpDelivery",
    "AmqpDone",
    "AmqpFault",
    "AmqpRefusal",
    "AmqpStatus",
    "Batch",
    "Changes",
    "Gap",
    "Response",
    "StatusBoard",
    "StatusWriter",
    "TopicMatcher",
    "WriterStatus",
    "__version__",
    "build_profile",
    "expand_row",
]

_Table: TypeAlias = Literal["operators", "channels", "calls", "queues"]

__version__: Final[str]
build_profile: Final[Literal["release", "debug"]]
REDIS_LIBRARY: Final[str]
"""The functions inside Redis, as `FUNCTION LOAD REPLACE` takes them; the contract of each stands at its head."""

@final
class AmiMessage:
    """One message as it stood on the wire.

    `kind` is `"greeting"`, `"event"`, `"response"` or `"other"`; `name` the event's name, the response's status
    (`"Success"`, `"Error"`, `"Goodbye"`, `"Follows"`) or the greeting's text. Keys are compared without case.
    """

    @property
    def kind(self) -> Literal["greeting", "event", "response", "other"]: ...
    @property
    def name(self) -> str: ...
    @property
    def action_id(self) -> str | None: ...
    @property
    def headers(self) -> list[tuple[str, str]]:
        """All headers in order, repeated ones too, values decoded and unescaped where Asterisk escapes."""
    @property
    def output(self) -> list[str]:
        """The lines of a `Command` answer, in either dialect."""
    @property
    def raw(self) -> bytes:
        """The bytes as they came, without the blank line that ended the message."""
    def get(self, key: str, default: str | None = None) -> str | None: ...
    def get_all(self, key: str) -> list[str]: ...

@final
class AmiDecoder:
    """Turns the bytes of one AMI session into messages; any split of the stream gives the same messages.

    `encoding` is the fall-back for bytes that are not UTF-8: `"utf-8"` (replacement characters), `"cp1251"`
    or `"latin-1"`.

    Raises
    ------
    SettingsError
        The encoding is none of those.
    """

    def __new__(cls, encoding: str = "utf-8") -> AmiDecoder: ...
    def feed(self, chunk: bytes) -> list[AmiMessage]: ...
    def reset(self) -> None:
        """Forget a half-received message: the connection was lost."""
    @property
    def messages(self) -> int:
        """Messages decoded since the start."""
    @property
    def skipped(self) -> int:
        """Messages skipped since the start because they were over a limit."""
    @property
    def pending(self) -> int:
        """Bytes of the message that has not ended yet."""

@final
class AmiAction:
    """One action, ready to be sent.

    Raises
    ------
    AmiActionError
        A key or value holds CR, LF or NUL, a line is over 1 024 bytes, or there are more than 128 headers.
    """

    def __new__(
        cls,
        name: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        action_id: str | None = None,
    ) -> AmiAction: ...
    @property
    def name(self) -> str: ...
    @property
    def action_id(self) -> str | None: ...
    def encode(self) -> bytes:
        """The bytes for the wire, the blank line at the end included."""

@final
class Response:
    """The answer to an action (not an event of a list)."""

    @property
    def session(self) -> str: ...
    @property
    def action_id(self) -> str | None: ...
    @property
    def status(self) -> str:
        """`Success`, `Error`, `Goodbye` or `Follows`."""
    @property
    def success(self) -> bool: ...
    @property
    def message(self) -> str: ...
    @property
    def headers(self) -> list[tuple[str, str]]: ...
    @property
    def output(self) -> list[str]: ...
    def get(self, key: str, default: str | None = None) -> str | None: ...

@final
class Gap:
    """Why the board may no longer agree with Asterisk, or what the router has to do about a resync.

    `reason` is one of `reload`, `fully_booted`, `impossible_value`, `oversized`, `overflow` (ask for a resync),
    `shutdown`, `list_incomplete`, `list_refused` (`action_id` names the list), `fence_wanted` (all lists are in: send
    the fence), `passes_disagree` (no fence to be had: call `begin_resync` again), `resynced` (the swap is done),
    `resync_dropped` (a session was lost, or too much came meanwhile: begin anew).
    """

    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def action_id(self) -> str | None: ...

@final
class Batch:
    """What one `feed` brought."""

    @property
    def events(self) -> list[tuple[int, str, bytes]]:
        """Typed events in order: (`seq`, routing key, JSON object)."""
    @property
    def responses(self) -> list[Response]: ...
    @property
    def gaps(self) -> list[Gap]: ...
    @property
    def watched(self) -> list[AmiMessage]:
        """Events of the names given to `StatusBoard.watch`, as they came."""
    @property
    def greeting(self) -> str | None: ...
    @property
    def messages(self) -> int:
        """AMI messages decoded."""

@final
class Changes:
    """Rows that changed after a cursor, each once and as it is now."""

    @property
    def seq_from(self) -> int:
        """The cursor asked with, plus one."""
    @property
    def seq_to(self) -> int:
        """The cursor to ask with the next time."""
    @property
    def complete(self) -> bool:
        """Nothing is left after `seq_to`."""
    @property
    def lost(self) -> bool:
        """The cursor is too old, or another router's: nothing was read, ask from 0 and forget what is known."""
    @property
    def rows(self) -> list[tuple[_Table, str, bytes]]:
        """Rows that stand there: (table, id, JSON)."""
    @property
    def removed(self) -> list[tuple[_Table, str]]:
        """Rows that are gone: (table, id). None when asked from 0."""

@final
class StatusBoard:
    """The live status of one PBX: the only place where AMI facts become status.

    `source` names the PBX. `first_seq` is the first sequence number; without one, the clock of the first call in
    microseconds. `encoding` as in `AmiDecoder`. `trunks` are channel name patterns (`*` is any text) of outside
    lines, by default `*/trunk*`. `wrapup_seconds` is the wrap-up per queue, which AMI does not report (`"*"` for all
    others).
    `ended_seconds` keeps an ended call readable; `window_seconds` is the window of averages and service level.

    Raises
    ------
    SettingsError
        An option cannot be used.
    """

    def __new__(
        cls,
        source: str = "main",
        first_seq: int | None = None,
        *,
        encoding: str = "utf-8",
        trunks: Sequence[str] | None = None,
        wrapup_seconds: Mapping[str, float] | None = None,
        ended_seconds: float = 60.0,
        window_seconds: float = 86400.0,
    ) -> StatusBoard: ...
    def feed(self, chunk: bytes, now: float, session: Literal["events", "actions"] = "events") -> Batch:
        """Decode and apply the bytes of one socket read. Never raises for what stands in them."""
    def tick(self, now: float) -> Batch:
        """Let time pass: ends wrap-ups, drops ended calls and tombstones. Call it about every 200 ms."""
    def connected(self, now: float) -> Batch:
        """The events session is logged in; the board still shows what it knew, until a resync swaps it."""
    def lost(self, session: Literal["events", "actions"], reason: str, now: float) -> Batch:
        """A session is gone: its decoder starts anew, a resync under way is dropped, the gap begins (events)."""
    def overflowed(self, lost_bytes: int, now: float) -> Batch:
        """Bytes of the events session had to be dropped: a gap begins, the decoder looks for the next message."""
    def report_gap(self, from_seq: int, started: float, reason: str, now: float) -> Batch:
        """Tell at once, as `sync.gap`, that what followed `from_seq` since `started` may not have been told: another
        process spoke for this PBX before. Numbers go on above `from_seq`."""
    def watch(self, name: str) -> None:
        """Hand out live AMI events of this name as they came, in `Batch.watched`; case does not matter."""
    def begin_resync(
        self,
        action_ids: Mapping[str, str],
        fence: str | None = None,
        *,
        fence_member: str | None = None,
        reason: str = "connect",
        now: float,
    ) -> None:
        """Note this place in the event stream and expect the lists.

        `action_ids` maps a list action (`CoreShowChannels`, `BridgeList`, `QueueStatus`, `DeviceStateList`,
        `ExtensionStateList`, `Agents`) to the ActionID it will be asked with. `fence` is the value whose `VarSet`
        of `VSS_FENCE` ends the resync; `fence_member` the interface whose `QueueMemberPause` does; neither: passes are
        compared (at most five). Calling it again while one runs starts the next pass.
        """
    def list_asked_again(self, action_id: str, new_action_id: str) -> None:
        """A list of the running resync was asked anew under another ActionID."""
    def abandon_resync(self, reason: str) -> Batch:
        """Give a running resync up; the board stays as it is."""
    @property
    def resync(self) -> Literal["none", "collecting", "fencing"]: ...
    @property
    def resync_pending(self) -> list[str]:
        """ActionIDs of lists that have not ended yet."""
    def clock_offset(self, seconds: float) -> None:
        """How far Asterisk's clock is ahead of ours, as Ping shows: facts' times are corrected by it."""
    def snapshot(self) -> bytes: ...
    def operator(self, id: str) -> bytes | None:
        """One operator's row by id (`PJSIP/1001`) or extension (`1001`)."""
    def channel(self, id: str) -> bytes | None:
        """One channel's row by Uniqueid or channel name."""
    def call(self, id: str) -> bytes | None: ...
    def queue(self, name: str) -> bytes | None: ...
    def callers(self, queue: str) -> bytes | None:
        """The waiting callers of a queue as a JSON array, or None for an unknown queue."""
    def rows(
        self,
        table: Literal["operators", "channels", "calls", "queues"],
        *,
        state: str | None = None,
        queue: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[tuple[str, bytes]]:
        """Rows in order of id, those after the id `after`, at most `limit`: (id, JSON)."""
    def changes(self, since: int, limit: int | None = None) -> Changes:
        """What changed after the cursor `since` (0: everything), about `limit` rows, in order of their `seq`."""
    def set_row(
        self,
        table: _Table,
        id: str,
        row: bytes,
        *,
        origin: Literal["manual", "database"] = "manual",
        state: str = "",
        queues: Sequence[str] = ...,
        extension: str = "",
        name: str = "",
        now: float,
    ) -> Batch:
        """Lay a row over what AMI says, until the next AMI fact about it.

        `row` is the JSON object without `seq` and `as_of`. `state` and `queues` are what filters compare with, an
        operator is also found by `extension`, a channel by `name`. A row of the origin `database` is only laid where
        nothing stands, makes no event, and goes at the first resync.

        Raises
        ------
        StatusError
            The row is not a JSON object, or the table or the origin does not exist.
        """
    def remove_row(self, table: _Table, id: str, now: float) -> bool:
        """Take a row away until the next AMI fact about it; false when there is none."""
    def clear(self, now: float) -> int:
        """Take every row away, as `remove_row` does; how many."""
    def raise_seq(self, seq: int) -> None:
        """Let sequence numbers go on from `seq` when that is above ours: another router wrote for this PBX before."""
    def keep_hung_up(self, keep: bool) -> None:
        """Keep the last row of each channel that hangs up for `take_hung_up`, 10 000 at most."""
    def take_hung_up(self) -> tuple[list[bytes], int]:
        """Last rows of channels that hung up, oldest first, each with `ended_at` and `hangup_cause` (null when nobody
        saw it hang up); and how many were lost since the start because nobody took them."""
    @property
    def source(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def synchronized(self) -> bool:
        """Whether the board agreed with Asterisk at the last resync and nothing was missed since."""
    @property
    def as_of(self) -> str:
        """Time of the newest fact, ISO 8601."""
    def stats(self) -> dict[str, int]:
        """Counters since the start: messages, events_applied, events_ignored, skipped, emitted, gaps, resyncs,
        late_events, impossible_values, rows set `by_hand`, and the rows per table now (operators, channels, calls,
        queues, callers)."""
    def drift(self) -> dict[str, int]:
        """Differences per field (`member.paused`, `channel.state`, `caller.position`, …) found by the last resync.

        Empty when the board had nothing to agree with before: after a connect, or a gap."""

def expand_row(row: bytes) -> bytes:
    """The JSON of a row as it stands in Redis, compressed or not.

    Raises
    ------
    StatusError
        It is neither JSON nor a whole zstd frame.
    """
