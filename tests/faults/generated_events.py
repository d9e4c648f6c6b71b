"""Events as the boards of several PBXs give them, without a PBX."""

from typing import Final

from vss_router.broker.ami_publishing import AmiEvent

__all__ = ["GeneratedEvents", "event_id"]

_KEYS: Final = ("call.start", "call.update", "call.update", "call.end")


class GeneratedEvents:
    """One PBX's events, numbered from `first_seq` on with a hole here and there, as a board's numbers have."""

    def __init__(self, source: str, first_seq: int) -> None:
        self.source = source
        self.next_seq = first_seq

    def take(self, count: int) -> list[AmiEvent]:
        events: list[AmiEvent] = []
        for _ in range(count):
            seq = self.next_seq
            key = _KEYS[seq % len(_KEYS)]
            body = (
                f'{{"event":"{key}","timestamp":"2026-11-21T19:49:21.589Z","call_id":"1795290561.0","status":"queued",'
                f'"operator_id":null,"slot_id":null,"queue":"support","position":1,'
                f'"id":"{event_id(self.source, seq)}","source":"{self.source}","seq":{seq}}}'
            )
            events.append((seq, key, body.encode()))
            self.next_seq += 2 if seq % 7 == 0 else 1
        return events


def event_id(source: str, seq: int) -> str:
    """A UUID of a kind, the same for the same event."""
    return f"01a20198-0fa0-752f-{sum(source.encode()) % 4096 + 0x8000:04x}-{seq % 10**12:012d}"
