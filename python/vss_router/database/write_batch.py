"""One batch of writes: what many events come to, the last value of each row only."""

from collections.abc import Iterator
from typing import Any

from vss_router.database.recorded_facts import HungUp, MemberFacts, OperatorFacts, QueueFacts
from vss_router.database.row_keys import key_of, milliseconds, plain
from vss_router.database.state_intervals import Interval
from vss_router.status.rows import CallRow

__all__ = ["Values", "WriteBatch", "members_of"]

Values = dict[str, Any]
Place = tuple[str, str]
"""Source and key."""
Members = tuple[Values, ...]


class WriteBatch:
    """Rows to write, by table. Written again it changes nothing more."""

    def __init__(self) -> None:
        self.sources: dict[str, Values] = {}
        self.operators: dict[Place, Values] = {}
        self.queues: dict[Place, Values] = {}
        self.members: dict[Place, Members] = {}
        """By operator, all its places in queues."""
        self.calls: dict[Place, Values] = {}
        self.visits: dict[Place, list[Values]] = {}
        """By call."""
        self.legs: dict[Place, Values] = {}
        self.gone_operators: dict[Place, int] = {}
        """Since when, milliseconds."""
        self.gone_queues: dict[Place, int] = {}
        self.queue_sets: dict[tuple[str, str], frozenset[str]] = {}
        self._intervals: dict[tuple[str, str, int, int, bool], Interval] = {}

    def __len__(self) -> int:
        """Rows to write, about."""
        rows = (
            len(self.sources)
            + len(self.operators)
            + len(self.queues)
            + len(self.calls)
            + len(self.legs)
            + len(self._intervals)
        )
        rows += len(self.gone_operators) + len(self.gone_queues)
        return rows + sum(map(len, self.members.values())) + sum(map(len, self.visits.values()))

    @property
    def intervals(self) -> Iterator[Values]:
        """Rows of `status_history`."""
        return (interval.values() for interval in self._intervals.values())

    def interval(self, interval: Interval) -> None:
        """A state interval that began or changed."""
        self._intervals[interval.identity] = interval

    def operator(self, source: str, seq: int, facts: OperatorFacts, row: bytes) -> None:
        """An operator's last known row."""
        key = key_of(facts.id)
        self.operators[source, key] = {
            "source": source,
            "key": key,
            "id": plain(facts.id),
            "extension_key": key_of(facts.extension),
            "name": plain(facts.name),
            "state": facts.state,
            "row": row,
            "seq": seq,
            "as_of": milliseconds(facts.as_of),
            "gone_at": None,
        }

    def queue(self, source: str, seq: int, facts: QueueFacts, row: bytes) -> None:
        """A queue's last known row."""
        key = key_of(facts.name)
        self.queues[source, key] = {
            "source": source,
            "key": key,
            "name": plain(facts.name),
            "service_level_seconds": facts.service_level_seconds,
            "row": row,
            "seq": seq,
            "as_of": milliseconds(facts.as_of),
            "gone_at": None,
        }

    def call(self, source: str, call: CallRow, row: bytes) -> None:
        """A call with its visits of queues."""
        key = key_of(call.id)
        self.calls[source, key] = {
            "source": source,
            "key": key,
            "id": plain(call.id),
            "direction": call.direction,
            "phone_number": _text(call.phone_number),
            "operator_key": _key(call.operator_id),
            "operator_id": _text(call.operator_id),
            "queue_key": _key(call.queue),
            "queue": _text(call.queue),
            "status": call.status,
            "started_at": milliseconds(call.started_at),
            "queued_at": None if call.queued_at is None else milliseconds(call.queued_at),
            "answered_at": None if call.answered_at is None else milliseconds(call.answered_at),
            "ended_at": None if call.ended_at is None else milliseconds(call.ended_at),
            "wait_ms": round(call.wait_seconds * 1000),
            "talk_ms": round(call.talk_seconds * 1000),
            "hold_ms": round(call.hold_seconds * 1000),
            "disposition": call.disposition,
            "hangup_cause": call.hangup_cause,
            "merged_into": _text(call.merged_into),
            "row": row,
            "seq": call.seq,
        }
        self.visits[source, key] = [
            {
                "source": source,
                "call_key": key,
                "joined_at": milliseconds(visit.joined_at),
                "queue_key": key_of(visit.queue),
                "operator_key": _key(visit.operator_id),
                "operator_id": _text(visit.operator_id),
                "left_at": None if visit.left_at is None else milliseconds(visit.left_at),
                "outcome": visit.outcome,
                "wait_ms": round(visit.wait_seconds * 1000),
                "talk_ms": round(visit.talk_seconds * 1000),
            }
            for visit in call.queue_visits
        ]

    def leg(self, source: str, leg: HungUp) -> None:
        """A channel that hung up."""
        key = key_of(leg.id)
        self.legs[source, key] = {
            "source": source,
            "key": key,
            "id": plain(leg.id),
            "call_key": key_of(leg.linkedid),
            "name": plain(leg.name),
            "caller_number": _text(leg.caller.number),
            "connected_number": _text(leg.connected.number),
            "operator_id": _text(leg.operator),
            "queue": _text(leg.queue),
            "created_at": milliseconds(leg.created_at),
            "answered_at": None if leg.answered_at is None else milliseconds(leg.answered_at),
            "ended_at": milliseconds(leg.ended_at),
            "hangup_cause": leg.hangup_cause,
        }


def members_of(source: str, facts: OperatorFacts) -> Members:
    """The rows of `queue_members` of one operator."""
    return tuple(_member(source, key_of(facts.id), member) for member in facts.memberships)


def _member(source: str, operator_key: str, member: MemberFacts) -> Values:
    return {
        "source": source,
        "queue_key": key_of(member.queue),
        "interface_key": key_of(member.interface),
        "operator_key": operator_key,
        "queue": plain(member.queue),
        "interface": plain(member.interface),
        "membership": member.membership,
        "penalty": member.penalty,
        "paused": member.paused,
        "paused_reason": _text(member.paused_reason),
        "paused_since": None if member.paused_since is None else milliseconds(member.paused_since),
    }


def _text(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _key(row_id: str | None) -> str | None:
    return None if row_id is None else key_of(row_id)
