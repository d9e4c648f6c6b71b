"""`operator.update` and `queue.update`: a row of the status changed; the row stands in the event as a whole."""

from vss_router.events.envelope import Event
from vss_router.status.rows import OperatorRow, OperatorState, QueueRow

__all__ = ["OperatorUpdate", "QueueUpdate"]


class OperatorUpdate(Event, frozen=True, kw_only=True):
    """The operator's row changed; `previous_state` is given only when the state did."""

    event: str = "operator.update"
    previous_state: OperatorState | None = None
    row: OperatorRow


class QueueUpdate(Event, frozen=True, kw_only=True):
    """The queue's row changed: counts, callers, positions or figures."""

    event: str = "queue.update"
    row: QueueRow
