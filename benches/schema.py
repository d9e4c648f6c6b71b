"""What `make bench` writes to benches/results/: one schema for the Rust and the Python side.

One file is one run of one machine. A `Row` is one thing measured (`P1`, `P2`, ...): our side, the peers' sides, and
the comparisons that stand in the table. Every side keeps its raw rounds, so that a dashboard can draw the spread and a
later reader can take another statistic than the median.
"""

from statistics import median
from typing import Literal

import msgspec

SCHEMA_VERSION = 2

Unit = Literal["s/pass", "s/event", "s/row", "s/read", "s/match", "s/message", "s", "bytes"]
Sense = Literal["at_least", "at_most"]


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it ran."""

    cpu: str
    cores: int
    memory_bytes: int
    system: str


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """What ran; `peers` by package name."""

    vss_router: str
    python: str
    rustc: str
    peers: dict[str, str]


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of those measured.

    `rounds` are in `unit`, in the order they were taken, the warm-up left out; a unit of `s` is a percentile of each
    round, as the side's name says. `messages` and `bytes` say how much one pass over the input is, where the unit is a
    pass. `harness` tells who held the watch: `beside` is this package, one side after the other in each round.
    """

    name: str
    harness: Literal["criterion", "pytest-benchmark", "growth", "memory", "beside", "open-loop"]
    unit: Unit
    rounds: list[float]
    messages: int | None = None
    bytes: int | None = None

    @property
    def median(self) -> float:
        return median(self.rounds)


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure is held against: `first` must be met (if there is one), `goal` is aimed at.

    `unit` is `x`, `MB` or `ms`.

    A figure in `x` is a ratio inside one run and always asserted; an absolute one is printed, and asserted on request.
    """

    sense: Sense
    first: float | None = None
    goal: float | None = None
    unit: Literal["x", "MB", "ms"] = "x"

    def met(self, value: float) -> bool | None:
        return self._holds(value, self.first)

    def goal_met(self, value: float) -> bool | None:
        return self._holds(value, self.goal)

    def _holds(self, value: float, limit: float | None) -> bool | None:
        if limit is None:
            return None
        return value >= limit if self.sense == "at_least" else value <= limit


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: our `ours` side beside the `beside` side (`None` for an absolute figure)."""

    ours: str
    beside: str | None
    value: float
    bar: Bar | None
    ok: bool | None
    goal_ok: bool | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One thing measured."""

    id: str
    what: str
    input: str
    sides: list[Side]
    comparisons: list[Comparison]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One file of benches/results/. `commit` ends in `+` when the tree had other changes; `date` is ISO 8601, UTC."""

    schema: int = SCHEMA_VERSION
    date: str
    commit: str
    build_profile: Literal["release"]
    machine: Machine
    versions: Versions
    rows: list[Row]
