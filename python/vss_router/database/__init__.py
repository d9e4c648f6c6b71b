"""The database behind the status: its last known rows, its history, and what is computed from it."""

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
