"""The database behind the status: its last known rows, its history, and what is computed from it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vss_router.database.analytics import Analytics
    from vss_router.database.configured import Configured, ConfiguredRow, load_configured
    from vss_router.database.engine import Database
    from vss_router.database.history import History
    from vss_router.database.reader import DatabaseReader
    from vss_router.database.recorder import StatusRecorder
    from vss_router.database.recorder_stats import RecorderStats

__all__ = [
    "Analytics",
    "Configured",
    "ConfiguredRow",
    "Database",
    "DatabaseReader",
    "History",
    "RecorderStats",
    "StatusRecorder",
    "load_configured",
]

_PLACES = {
    "Analytics": "analytics",
    "Configured": "configured",
    "ConfiguredRow": "configured",
    "Database": "engine",
    "DatabaseReader": "reader",
    "History": "history",
    "RecorderStats": "recorder_stats",
    "StatusRecorder": "recorder",
    "load_configured": "configured",
}


def __getattr__(name: str) -> Any:
    """Loading SQLAlchemy takes half a second: whoever only needs the types of answers does not wait for it."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{place}"), name)
