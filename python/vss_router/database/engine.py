"""The database's connection."""

from typing import final

__all__ = ["Database"]


@final
class Database:
    """One database; see the methods."""
