"""A board that holds a made call centre, as after a resync."""

from benches.traffic import ACTION_IDS, FENCE, START, CallCentre, Size
from vss_router import Batch, StatusBoard

__all__ = ["filled_board"]


def filled_board(size: Size) -> tuple[StatusBoard, Batch]:
    """The board once Asterisk's lists and the fence have been read, and what that told."""
    centre = CallCentre(size)
    board = StatusBoard("main", 1)
    board.begin_resync(ACTION_IDS, FENCE, now=START)
    for piece in centre.lists():
        board.feed(piece, START, "actions")
    return board, board.feed(centre.fence(), START, "events")
