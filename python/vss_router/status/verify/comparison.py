"""Comparing the board's rows with one list, and counting what was compared, field by field."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, TypeVar

from vss_router._core import AmiMessage
from vss_router.status.verify.flight import BridgeLeaves, Flight, Suspicion
from vss_router.status.verify.lists import AskedList
from vss_router.status.verify.report import MOST_DIFFERENCES, Difference, FieldResult, Report, Value
from vss_router.status.verify.rows import (
    BoardRows,
    MemberKey,
    Row,
    listed_channels,
    listed_devices,
    listed_members,
    listed_queues,
    listed_waiting,
)

__all__ = ["COMPARED", "Comparison"]

COMPARED: Final = frozenset({"QueueStatus", "CoreShowChannels", "Status", "DeviceStateList"})
"""The lists that state rows of the board."""

CORE: Final = (
    "member.set",
    "member.status",
    "member.paused",
    "member.paused_reason",
    "member.penalty",
    "member.membership",
    "member.login_time",
    "waiting.set",
    "waiting.order",
    "channel.set",
    "channel.name",
    "channel.state",
    "channel.caller_number",
    "channel.caller_name",
    "channel.connected_number",
    "channel.connected_name",
    "channel.context",
    "channel.exten",
    "channel.linkedid",
    "channel.bridge",
)
OTHER: Final = (
    "member.calls_taken",
    "member.last_call",
    "member.in_call",
    "queue.set",
    "queue.completed",
    "queue.abandoned",
    "channel.priority",
    "channel.application",
    "channel.application_data",
    "channel.account_code",
    "channel.language",
    "device.state",
)

_MOST_OTHERS: Final = 20
"""Of a field that may drift so many differences are kept as examples."""

Items = Sequence[AmiMessage]
K = TypeVar("K", bound=Hashable)


class Comparison:
    """What was compared so far, and the little that has to be remembered between two lists."""

    def __init__(self) -> None:
        self.results = {
            name: FieldResult(field=name, core=core) for names, core in ((CORE, True), (OTHER, False)) for name in names
        }
        self.differences: list[Difference] = []
        self._leaves = BridgeLeaves()
        self._unpaused_reasons: dict[MemberKey, Value] = {}
        self._base: dict[str, tuple[Row, Row]] = {}

    def seeded(self, rows: BoardRows, items: Items) -> None:
        """Note where Asterisk's counters and ours stood at the `QueueStatus` that seeded the board."""
        ours = rows.queues()
        self._base = {queue: (ours[queue], theirs) for queue, theirs in listed_queues(items).items() if queue in ours}
        self._unpaused_reasons = {
            key: row["paused_reason"]
            for key, row in listed_members(items).items()
            if row.get("paused") is False and row.get("paused_reason")
        }

    def note(self, event: AmiMessage, now: float) -> None:
        """Remember what a live event says beside the rows: reasons of members not paused, bridges just left."""
        name = event.name
        if name.startswith("QueueMember"):
            key = (event.get("Queue") or "", event.get("Interface") or event.get("Location") or "")
            reason = event.get("PausedReason")
            if reason and event.get("Paused") == "0":
                self._unpaused_reasons[key] = reason
            else:
                self._unpaused_reasons.pop(key, None)
        elif name == "BridgeLeave":
            self._leaves.note(event, now)

    def compare(self, asked: AskedList, items: Items, rows: BoardRows, now: float) -> Flight | None:
        """Compare one list with the rows from before it; the window to watch when a core field needs explaining."""
        suspicions: list[Suspicion] = []
        if asked.kind == "QueueStatus":
            self._members(asked, items, rows, suspicions)
            self._waiting(asked, items, rows, suspicions)
            self._queues(asked, items, rows)
        elif asked.kind == "DeviceStateList":
            self._devices(asked, items, rows)
        else:
            self._channels(asked, items, rows, now, suspicions)
        return Flight(suspicions, asked.items) if suspicions else None

    def finish(self, report: Report) -> None:
        """Settle every difference, now that all windows are over, and put the results into the report."""
        for difference in self.differences:
            result = self.results[difference.field]
            if not result.core:
                continue  # counted when found: nothing excuses it, and nothing fails by it
            if difference.in_flight is None:
                result.drift += 1
            else:
                result.in_flight += 1
        report.fields = list(self.results.values())
        report.drift = any(result.core and result.drift for result in report.fields)
        # Drift of core fields first: it is what the reader came for.
        ranked = sorted(self.differences, key=lambda found: (not found.core, found.in_flight is not None))
        report.differences = ranked[:MOST_DIFFERENCES]

    def _channels(
        self, asked: AskedList, items: Items, rows: BoardRows, now: float, suspicions: list[Suspicion]
    ) -> None:
        ours, theirs = rows.channels(), listed_channels(items)
        for uniqueid in self._sets(asked, "channel", ours, theirs, suspicions):
            bridges = {str(row["bridge"]) for row in (ours[uniqueid], theirs[uniqueid]) if row.get("bridge")}
            for difference in self._fields(asked, "channel", uniqueid, ours[uniqueid], theirs[uniqueid]):
                suspicion = Suspicion.of_channel(difference, uniqueid, bridges)
                left = difference.field == "channel.bridge" and self._leaves.just_left(
                    uniqueid, str(difference.asterisk), now
                )
                if left:
                    difference.in_flight = "BridgeLeave"
                else:
                    suspicions.append(suspicion)

    def _members(self, asked: AskedList, items: Items, rows: BoardRows, suspicions: list[Suspicion]) -> None:
        ours, theirs = rows.members(), listed_members(items)
        for key in self._sets(asked, "member", ours, theirs, suspicions):
            board = ours[key]
            if board["paused"] is False:
                # The board drops the reason of a pause that is over; some Asterisks go on naming it.
                board["paused_reason"] = self._unpaused_reasons.get(key, "")
            found = self._fields(asked, "member", " ".join(key), board, theirs[key])
            suspicions.extend(Suspicion.of_member(difference, key) for difference in found)

    def _waiting(self, asked: AskedList, items: Items, rows: BoardRows, suspicions: list[Suspicion]) -> None:
        ours, theirs = rows.waiting(), listed_waiting(items)
        for queue in sorted(ours.keys() | theirs.keys()):
            board, asterisk = ours.get(queue, []), theirs.get(queue, [])
            same = sorted(board) == sorted(asterisk)
            self.results["waiting.set"].compared += len(set(board) | set(asterisk))
            self.results["waiting.order"].compared += len(asterisk) if same else 0
            if board != asterisk:
                field = "waiting.order" if same else "waiting.set"
                difference = self._note(asked, field, queue, ", ".join(board), ", ".join(asterisk))
                suspicions.append(Suspicion.of_line(difference, queue, board, asterisk))

    def _queues(self, asked: AskedList, items: Items, rows: BoardRows) -> None:
        ours, theirs = rows.queues(), listed_queues(items)
        for queue in self._sets(asked, "queue", ours, theirs, []):
            board, asterisk = ours[queue], theirs[queue]
            began = self._base.get(queue)
            if began is None:
                continue
            # Ours count from the first event, Asterisk's from its last reset: only the growth can be compared.
            board = {field: _growth(count, began[0][field]) for field, count in board.items()}
            asterisk = {field: _growth(count, began[1].get(field)) for field, count in asterisk.items()}
            self._fields(asked, "queue", queue, board, asterisk)

    def _devices(self, asked: AskedList, items: Items, rows: BoardRows) -> None:
        theirs = listed_devices(items)
        for device, row in rows.devices().items():
            if device in theirs:
                self._fields(asked, "device", device, row, theirs[device])

    def _sets(
        self, asked: AskedList, table: str, ours: Mapping[K, Row], theirs: Mapping[K, Row], suspicions: list[Suspicion]
    ) -> list[K]:
        result = self.results[f"{table}.set"]
        result.compared += len(ours.keys() | theirs.keys())
        for key in sorted(ours.keys() ^ theirs.keys(), key=str):
            row = " ".join(key) if isinstance(key, tuple) else str(key)
            difference = self._note(asked, result.field, row, key in ours, key in theirs)
            if isinstance(key, tuple):
                suspicions.append(Suspicion.of_member(difference, key))
            elif table == "channel":
                suspicions.append(Suspicion.of_channel(difference, row))
        return [key for key in theirs if key in ours]

    def _fields(self, asked: AskedList, table: str, row: str, board: Row, asterisk: Row) -> list[Difference]:
        found: list[Difference] = []
        for field, theirs in asterisk.items():
            name = f"{table}.{field}"
            self.results[name].compared += 1
            ours = board[field]
            # True == 1 in Python: the types count too.
            if ours != theirs or type(ours) is not type(theirs):
                difference = self._note(asked, name, row, ours, theirs)
                if difference.core:
                    found.append(difference)
        return found

    def _note(self, asked: AskedList, field: str, row: str, board: Value, asterisk: Value) -> Difference:
        difference = Difference(
            action_id=asked.action_id,
            field=field,
            row=row,
            board=board,
            asterisk=asterisk,
            core=self.results[field].core,
        )
        if difference.core:
            self.differences.append(difference)
        else:
            self.results[field].drift += 1
            if self.results[field].drift <= _MOST_OTHERS:
                self.differences.append(difference)
        return difference


def _growth(now: Value, began: Value) -> Value:
    return now - began if isinstance(now, int) and isinstance(began, int) else now
