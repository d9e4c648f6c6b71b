"""Examples of history and analytics as the document shows them; a test decodes each with its shape."""

from typing import Any, Final

__all__ = ["OPERATOR_HISTORY", "OPERATOR_REPORT", "QUEUE_HISTORY", "QUEUE_REPORT", "QUEUE_SUMMARY"]

_SPAN: Final = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}

OPERATOR_HISTORY: Final[dict[str, Any]] = {
    "source": "main",
    "operator": "PJSIP/1001",
    **_SPAN,
    "items": [
        {
            "state": "talking",
            "reason": None,
            "call": "1795290548.40",
            "queue": "support",
            "since": "2026-11-21T19:49:18.001Z",
            "ended": "2026-11-21T19:51:40.220Z",
            "seconds": 142.219,
            "watched": True,
            "continues": False,
        }
    ],
    "next_cursor": None,
}
QUEUE_HISTORY: Final[dict[str, Any]] = {
    "source": "main",
    "queue": "support",
    **_SPAN,
    "items": [
        {
            "call": "1795290548.40",
            "queue": "support",
            "direction": "inbound",
            "phone_number": "+10005550123",
            "disposition": "answered",
            "joined_at": "2026-11-21T19:49:08.512Z",
            "left_at": "2026-11-21T19:49:18.001Z",
            "outcome": "answered",
            "operator": "PJSIP/1001",
            "wait_seconds": 9.489,
            "talk_seconds": 142.219,
        }
    ],
    "next_cursor": None,
}


def _spread(count: int, *values: float) -> dict[str, Any]:
    return {"count": count, **dict(zip(("mean", "p50", "p90", "p95", "p99", "longest"), values, strict=True))}


def _states(operator: str | None, queue: str | None) -> dict[str, Any]:
    return {
        "source": "main",
        "operator": operator,
        "queue": queue,
        **_SPAN,
        "states": [
            {"state": "talking", "seconds": 11_520.4, "entered": 81},
            {"state": "available", "seconds": 9_803.1, "entered": 84},
        ],
        "unwatched_seconds": 0.0,
    }


def _handling(operator: str | None, queue: str | None) -> dict[str, Any]:
    return {
        "source": "main",
        "queue": queue,
        "operator": operator,
        **_SPAN,
        "answered": 81,
        "wait": _spread(81, 7.9, 6.1, 16.4, 18.9, 24.0, 25.2),
        "talk": _spread(81, 142.2, 120.5, 260.1, 301.7, 388.0, 402.3),
        "hold": _spread(6, 18.3, 15.0, 31.2, 31.2, 31.2, 31.2),
        "wrap_up": _spread(81, 15.0, 15.0, 15.0, 15.0, 15.0, 15.0),
        "handling_mean": 157.2,
    }


_INTERVAL: Final[dict[str, Any]] = {
    "begins": "2026-11-21T19:00:00Z",
    "ends": "2026-11-21T20:00:00Z",
    "offered": 31,
    "answered": 28,
    "abandoned": 2,
    "timed_out": 0,
    "service_level_percent": {"of_answered": 96.4, "of_offered": 93.3},
    "wait": _spread(28, 7.9, 6.1, 16.4, 18.9, 24.0, 25.2),
}
OPERATOR_REPORT: Final[dict[str, Any]] = {
    "source": "main",
    "id": "PJSIP/1001",
    "states": _states("PJSIP/1001", None),
    "handling": _handling("PJSIP/1001", None),
}
QUEUE_SUMMARY: Final[dict[str, Any]] = {
    "source": "main",
    "name": "support",
    "states": _states(None, "support"),
    "handling": _handling(None, "support"),
}
QUEUE_REPORT: Final[dict[str, Any]] = {
    **QUEUE_SUMMARY,
    "service_level": {
        "source": "main",
        "queue": "support",
        "time_zone": "UTC",
        "step": "hour",
        "service_level_seconds": 20,
        "intervals": [_INTERVAL],
        "total": _INTERVAL | {"begins": "2026-11-21T00:00:00Z", "ends": "2026-11-22T00:00:00Z"},
    },
}
