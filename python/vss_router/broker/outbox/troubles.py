"""What goes wrong in the outbox and somebody should hear of: counted, told the first time and each tenfold."""

import logging
from collections.abc import Callable
from typing import Final, Literal

import msgspec

__all__ = ["Trouble", "TroubleKind", "Troubles"]

TroubleKind = Literal["dropped", "returned", "refused", "nacked", "telemetry_dropped", "journal"]

CALM_SECONDS: Final = 600.0
"""After so long without it a trouble is a new one, told from its first time on."""

_log = logging.getLogger(__name__)


class Trouble(msgspec.Struct, frozen=True):
    """One kind of trouble: how often it happened in this spell, and a sentence about the last time."""

    kind: TroubleKind
    times: int
    sentence: str


class _Spell(msgspec.Struct):
    times: int = 0
    told: int = 0
    last: float = 0.0


class Troubles:
    """Counts them; `tell` hears of the first, the tenth, the hundredth of a spell. `clock` is Unix time in seconds."""

    def __init__(self, tell: Callable[[Trouble], None] | None, clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._spells: dict[TroubleKind, _Spell] = {}

    def happened(self, kind: TroubleKind, sentence: str, times: int = 1) -> None:
        """It happened, so many times at once."""
        now = self._clock()
        spell = self._spells.get(kind)
        if spell is None or now - spell.last > CALM_SECONDS:
            spell = self._spells[kind] = _Spell()
        spell.times += times
        spell.last = now
        if spell.told and spell.times < spell.told * 10:
            return
        spell.told = 10 ** (len(str(spell.times)) - 1)
        _log.warning("%s", sentence, extra={"times": spell.times, "trouble": kind})
        if self._tell is not None:
            self._tell(Trouble(kind, spell.times, sentence))
