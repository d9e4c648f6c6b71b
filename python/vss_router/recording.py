"""The database's part of a router: configured rows at the start, the recorder beside the events, history to read.

```
 start ─▶ opened within a few seconds? ─ yes ─▶ configured rows laid on the boards ─▶ recording
                     └─ no ─▶ opened in the background, tried for ever ─▶ (boards not yet synchronized get their rows)
```
"""

import asyncio
import logging
import random as random_module
import time
from collections.abc import Callable, Mapping
from typing import Final, final

from vss_router._core import StatusBoard
from vss_router.ami.backoff import Backoff
from vss_router.database.analytics import Analytics
from vss_router.database.configured import ConfiguredRow, load_configured
from vss_router.database.counting import RowCounts
from vss_router.database.engine import Database
from vss_router.database.history import History
from vss_router.database.inbox import DatabaseInbox
from vss_router.database.message_log import DatabaseMessageLog
from vss_router.database.reader import DatabaseReader
from vss_router.database.recorder import StatusRecorder
from vss_router.errors import DatabaseError, DatabaseUnavailableError, StatusUnavailableError
from vss_router.status.reader_protocols import Table

__all__ = ["StatusRecording"]

START_SECONDS: Final = 5.0
"""How long a start waits for the database; Asterisk is not kept waiting for longer."""
_FIRST_RETRY: Final = 0.5
_LAST_RETRY: Final = 30.0

_log = logging.getLogger(__name__)


@final
class StatusRecording:
    """Records what happens on `boards` in the database at `url`, and lays what it knows on them at the start.

    Parameters
    ----------
    is_watched
        Whether a PBX is listened to now: what is not seen is not recorded as if it were.
    records
        Whether this router records a PBX: of two routers on one PBX, one does.
    days
        How long history is kept; 0 keeps it for ever.
    clock, random
        Unix time in seconds, numbers in [0, 1).

    Raises
    ------
    SettingsError
        The URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        boards: Mapping[str, StatusBoard],
        *,
        is_watched: Callable[[str], bool],
        records: Callable[[str], bool],
        days: float,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.database = Database(url, environ=environ)
        self.reader = DatabaseReader(self.database, tuple(boards) or None)
        self.counts = RowCounts(self.database)
        self.history = History(self.database)
        self.analytics = Analytics(self.database)
        self.recorder = StatusRecorder(
            self.database, boards, is_watched=is_watched, records=records, days=days, clock=clock
        )
        self.inbox = DatabaseInbox(self.database, clock=clock)
        self.message_log = DatabaseMessageLog(self.database, clock=clock)
        self._boards = boards
        self._clock = clock
        self._backoff = Backoff(_FIRST_RETRY, _LAST_RETRY, random)
        self._starting = True
        self._opening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Lay the configured rows and begin to record; a database that does not answer is waited for elsewhere.

        Raises
        ------
        DatabaseError
            The database answers and refuses: a wrong password, no such database, a schema newer than this version.
        """
        self.recorder.start()
        self._opening = asyncio.get_running_loop().create_task(self._open(), name="database")
        await asyncio.wait({self._opening}, timeout=START_SECONDS)
        self._starting = False
        if self._opening.done():
            self._opening.result()

    async def stop(self) -> None:
        """Write what waits and close."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        await self.recorder.stop()
        await self.database.close()

    async def _open(self) -> None:
        while True:
            try:
                await self.database.open()
                for source, board in self._boards.items():
                    await self._lay(source, board)
            except (DatabaseError, StatusUnavailableError) as error:
                # At the start a refusal is a wrong setting, which should be seen; later somebody may be mending it.
                if self._starting and not isinstance(error, DatabaseUnavailableError | StatusUnavailableError):
                    raise
                _log.warning("the database cannot be used yet: %s", error)
                await asyncio.sleep(self._backoff.next())
            else:
                return

    async def _lay(self, source: str, board: StatusBoard) -> None:
        """Asterisk's facts are better: a board that has agreed with it gets nothing."""
        configured = await load_configured(self.database, source)
        if board.stats()["resyncs"]:
            return
        # Numbers never go back, also when the clock did.
        board.raise_seq(configured.seq)
        self._lay_rows(board, "operators", configured.operators)
        self._lay_rows(board, "queues", configured.queues)
        if configured.operators or configured.queues:
            _log.info(
                "rows from the database stand in for Asterisk",
                extra={"source": source, "operators": len(configured.operators), "queues": len(configured.queues)},
            )

    def _lay_rows(self, board: StatusBoard, table: Table, rows: list[ConfiguredRow]) -> None:
        for row in rows:
            board.set_row(
                table,
                row.id,
                row.row,
                origin="database",
                state=row.state,
                queues=row.queues,
                extension=row.extension,
                name=row.name,
                now=self._clock(),
            )
