"""What is wrong with the connections to a broker, told once in the log however many of them it befalls."""

import logging
from typing import final

__all__ = ["TroubleLog"]

_log = logging.getLogger(__name__)


@final
class TroubleLog:
    """Sentences of transports that lead to one broker; each of them tells its own under a key."""

    def __init__(self) -> None:
        self._shown: dict[object, str] = {}

    def tell(self, key: object, trouble: str | None, *, is_ready: bool) -> None:
        """Log a sentence nobody has told, or that all is well again after the last of them."""
        if trouble is not None:
            if trouble not in self._shown.values():
                _log.warning(trouble)
            self._shown[key] = trouble
        elif self._shown.pop(key, None) is not None and is_ready and not self._shown:
            _log.info("the connection to the broker stands again")
