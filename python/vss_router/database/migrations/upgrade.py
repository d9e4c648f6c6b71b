"""Brings a database's schema to this version's, under a lock: of several processes that start at once one does it."""

import logging
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.errors import DatabaseError

__all__ = ["configuration", "upgrade"]

_FOLDER: Final = Path(__file__).parent
_LOCK: Final = 0x7673_7372_6F75_7465
"""Any number no other program takes for an advisory lock: "vssroute"."""


def configuration(connection: Connection) -> Config:
    """Alembic's configuration over an open connection, for `alembic.command`."""
    config = Config()
    # A path may hold a %, which is the configuration's own sign.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def upgrade(connection: AsyncConnection, url: str) -> None:
    """Bring the schema up to date and commit; `url` names the database in errors.

    Raises
    ------
    DatabaseError
        The schema is newer than this version.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    else:
        # Takes the write lock before anything is read; SQLite then takes DDL back as well.
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        await connection.run_sync(_upgrade, url)
    except BaseException:
        await connection.rollback()
        raise
    await connection.commit()


def _upgrade(connection: Connection, url: str) -> None:
    config = configuration(connection)
    known = ScriptDirectory.from_config(config)
    log = logging.getLogger("alembic.runtime.migration")
    if log.level == logging.NOTSET:
        log.setLevel(logging.WARNING)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == known.get_current_head():
        return
    if current is not None and current not in {script.revision for script in known.walk_revisions()}:
        raise DatabaseError(
            f"the database {url} was made by a newer vss-router (its schema is {current}): "
            "use that version, or name another database"
        )
    command.upgrade(config, "head")
