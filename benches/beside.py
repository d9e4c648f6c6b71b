"""Rounds of several sides in turn, so that whatever else the machine does befalls all of them."""

import gc
import time
from collections.abc import Callable, Mapping

from benches.schema import Side, Unit

ROUNDS = 7


def in_turn(
    sides: Mapping[str, tuple[Callable[[], float | None], int]], unit: Unit, rounds: int = ROUNDS, *, warm: int = 1
) -> list[Side]:
    """Measure each side, once a round and before that in `warm` rounds that count for nothing.

    A side is what to call and how many units one call is; its rounds are seconds a unit. What has to be made ready
    first holds its own watch and gives the seconds.
    """
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + warm):
        for name, (work, units) in sides.items():
            gc.collect()
            begun = time.perf_counter()
            own = work()
            seconds = time.perf_counter() - begun if own is None else own
            if turn >= warm:
                taken[name].append(seconds / units)
    return [Side(name=name, harness="beside", unit=unit, rounds=seconds) for name, seconds in taken.items()]
