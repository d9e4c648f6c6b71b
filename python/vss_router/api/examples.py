"""One row of each kind as the document shows it; a test decodes each with the shape it stands for."""

from typing import Any, Final

__all__ = ["CALL", "CALLER", "CHANNEL", "OPERATOR", "QUEUE", "SNAPSHOT", "page_of"]

_AS_OF: Final = "2026-11-21T19:49:21.084Z"
_SEQ: Final = 1795290561084012

OPERATOR: Final[dict[str, Any]] = {
    "source": "main",
    "id": "PJSIP/1001",
    "extension": "1001",
    "name": "Anna",
    "state": "talking",
    "since": "2026-11-21T19:49:18.001Z",
    "reason": None,
    "intent": "available",
    "activity": "talking",
    "reachable": True,
    "device_state": "INUSE",
    "memberships": [
        {
            "queue": "support",
            "interface": "PJSIP/1001",
            "membership": "static",
            "penalty": 0,
            "paused": False,
            "paused_reason": None,
            "paused_since": None,
            "status": 2,
            "status_name": "INUSE",
            "calls_taken": 12,
            "last_call": "2026-11-21T19:31:02.000Z",
            "in_call": True,
            "login_time": "2026-11-21T08:00:11.000Z",
            "wrapup_seconds": 15.0,
            "ringinuse": False,
        }
    ],
    "paused_queues": [],
    "channels": ["1795290557.41"],
    "call": "1795290548.40",
    "wrap_up_ends": None,
    "seq": _SEQ,
    "as_of": _AS_OF,
}

CHANNEL: Final[dict[str, Any]] = {
    "source": "main",
    "id": "1795290557.41",
    "name": "PJSIP/1001-00000029",
    "state": 6,
    "state_name": "Up",
    "caller": {"number": "1001", "name": "Anna"},
    "connected": {"number": "+10005550123", "name": None},
    "context": "queues",
    "exten": "support",
    "priority": 1,
    "application": "AppQueue",
    "application_data": "(Outgoing Line)",
    "linkedid": "1795290548.40",
    "bridge_id": "6a0e1c3f-2f1d-4d2b-9f57-1f2f3a0c7a11",
    "bridge_peers": ["1795290548.40"],
    "on_hold": False,
    "queue": "support",
    "operator": "PJSIP/1001",
    "account_code": "",
    "language": "en",
    "created_at": "2026-11-21T19:49:17.020Z",
    "answered_at": "2026-11-21T19:49:18.001Z",
    "seq": _SEQ,
    "as_of": _AS_OF,
}

CALL: Final[dict[str, Any]] = {
    "source": "main",
    "id": "1795290548.40",
    "direction": "inbound",
    "phone_number": "+10005550123",
    "operator_id": "PJSIP/1001",
    "slot_id": None,
    "queue": "support",
    "status": "talking",
    "started_at": "2026-11-21T19:49:08.430Z",
    "queued_at": "2026-11-21T19:49:08.512Z",
    "answered_at": "2026-11-21T19:49:18.001Z",
    "ended_at": None,
    "wait_seconds": 9.489,
    "talk_seconds": 3.083,
    "hold_seconds": 0.0,
    "disposition": None,
    "hangup_cause": None,
    "transfers": [],
    "queue_visits": [
        {
            "queue": "support",
            "joined_at": "2026-11-21T19:49:08.512Z",
            "left_at": "2026-11-21T19:49:18.001Z",
            "outcome": "answered",
            "operator_id": "PJSIP/1001",
            "wait_seconds": 9.489,
            "talk_seconds": 3.083,
        }
    ],
    "merged_into": None,
    "seq": _SEQ,
    "as_of": _AS_OF,
}

CALLER: Final[dict[str, Any]] = {
    "position": 1,
    "channel": "1795290560.42",
    "call_id": "1795290560.42",
    "number": "+10005550177",
    "name": None,
    "joined_at": "2026-11-21T19:49:20.700Z",
    "priority": 0,
    "ringing": ["PJSIP/1002"],
}

QUEUE: Final[dict[str, Any]] = {
    "source": "main",
    "name": "support",
    "strategy": "ringall",
    "weight": 0,
    "max": 0,
    "service_level_seconds": 20,
    "counts": {
        "logged_in": 2,
        "available": 0,
        "ringing": 1,
        "talking": 1,
        "on_hold": 0,
        "wrap_up": 0,
        "paused": 0,
        "unreachable": 0,
    },
    "callers": [CALLER],
    "longest_wait": 0.384,
    "offered": 31,
    "answered": 28,
    "abandoned": 2,
    "timed_out": 0,
    "service_level_percent": {"of_answered": 96.4, "of_offered": 93.3},
    "average_wait": 7.9,
    "average_talk": 141.2,
    "p90_wait": 16.4,
    "seq": _SEQ,
    "as_of": _AS_OF,
}

SNAPSHOT: Final[dict[str, Any]] = {
    "source": "main",
    "seq": _SEQ,
    "as_of": _AS_OF,
    "operators": [OPERATOR],
    "channels": [CHANNEL],
    "queues": [QUEUE],
    "calls": [CALL],
}


def page_of(row: dict[str, Any]) -> dict[str, Any]:
    """The last page of a list, with this one row."""
    return {"items": [row], "next_cursor": None}
