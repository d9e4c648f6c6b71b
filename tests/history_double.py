"""A database's history and analytics as the API sees them: the documented examples, whoever asks."""

from typing import Any

import msgspec

from vss_router.api.history_examples import OPERATOR_HISTORY, QUEUE_HISTORY, QUEUE_REPORT
from vss_router.database.history_rows import HandlingTimes, OperatorHistory, QueueHistory, ServiceReport, TimeInState

REPORT: dict[str, Any] = QUEUE_REPORT


class Past:
    """Answers as the database does, notes what it was asked; `trouble` is raised instead."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.named: list[dict[str, Any]] = []
        self.trouble: Exception | None = None

    def _told(self, shape: Any, example: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self.asked.append(given)
        self.named.append(named)
        if self.trouble is not None:
            raise self.trouble
        return None if "nobody" in given else msgspec.convert(example, shape)

    async def operator(self, *given: Any, **named: Any) -> OperatorHistory | None:
        return self._told(OperatorHistory, OPERATOR_HISTORY, given, named)  # type: ignore[no-any-return]

    async def queue(self, *given: Any, **named: Any) -> QueueHistory | None:
        return self._told(QueueHistory, QUEUE_HISTORY, given, named)  # type: ignore[no-any-return]

    async def operator_states(self, *given: Any, **named: Any) -> TimeInState | None:
        return self._told(TimeInState, REPORT["states"], given, named)  # type: ignore[no-any-return]

    async def queue_states(self, *given: Any, **named: Any) -> TimeInState | None:
        return self._told(TimeInState, REPORT["states"], given, named)  # type: ignore[no-any-return]

    async def handling(self, *given: Any, **named: Any) -> HandlingTimes | None:
        return self._told(HandlingTimes, REPORT["handling"], given, named)  # type: ignore[no-any-return]

    async def service_level(self, *given: Any, **named: Any) -> ServiceReport | None:
        return self._told(ServiceReport, REPORT["service_level"], given, named)  # type: ignore[no-any-return]
