"""Checking a board against Asterisk's own lists in a recording: `verify(path)` and the report it gives."""

from pathlib import Path

from vss_router._core import StatusBoard
from vss_router.status.verify.recording import recorded_chunks
from vss_router.status.verify.report import Difference, FieldResult, Report
from vss_router.status.verify.survey import survey
from vss_router.status.verify.verification import Verification

__all__ = ["Difference", "FieldResult", "Report", "verify"]


def verify(recording: Path, dump: Path | None = None, board: StatusBoard | None = None) -> Report:
    """Compare what a board makes of the events of a recording with Asterisk's own lists in it.

    `recording` is plain or gzip and read twice, piece by piece. The board (a new one unless given; it must be empty) is
    seeded from the first complete set of lists and from then on fed events only; before each later list its rows are
    compared with that list, field by field. With `dump`, `board.snapshot()` as it was just before each later list is
    written to `dump/<ActionID>.json`.

    Raises
    ------
    CaptureError
        The file cannot be read, is not AMI, holds fewer than two complete sets of lists, or nothing in it could be
        compared.
    StatusError
        The snapshots cannot be written.
    """
    name = str(recording)
    found = survey(recorded_chunks(recording), name)
    verification = Verification(board or StatusBoard(), found, name, dump)
    for chunk in recorded_chunks(recording):
        verification.feed(chunk)
    return verification.finish()
