"""A file that keeps what must outlive the process: one thread, group commit, nothing acknowledged before it is on disk.

- `journal_file.py`: what the event loop sees: append, read.
- `commit_thread.py`: the thread that commits what has come together.
- `sqlite_file.py`: opening, salvage of a torn file, one group in one transaction, giving space back.
- `write.py`: one statement with its rows.
"""

from vss_router.broker.journal.journal_file import JournalFile, JournalStats
from vss_router.broker.journal.write import SqlValue, Write

__all__ = ["JournalFile", "JournalStats", "SqlValue", "Write"]
