"""Figures as the boards make them: means and percentages rounded half up, percentiles of the nearest rank."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vss_router.database.history_rows import Spread

__all__ = ["NOTHING", "PERCENTILES", "mean_seconds", "percent", "rank_of", "seconds", "spread", "spread_of"]

PERCENTILES: Final = (50, 90, 95, 99)
NOTHING: Final = Spread(count=0, mean=None, p50=None, p90=None, p95=None, p99=None, longest=None)


def seconds(milliseconds: Any) -> float:
    """Seconds of a sum that a database may hand out as a decimal."""
    return int(milliseconds) / 1000


def percent(part: int, whole: int) -> float | None:
    """Percent with one digit."""
    return (part * 2000 + whole) // (whole * 2) / 10 if whole else None


def mean_seconds(total: Any, count: int) -> float | None:
    """The mean in whole milliseconds, as seconds."""
    return (int(total) * 2 + count) // (count * 2) / 1000 if count else None


def rank_of(count: ColumnElement[int], share: int) -> ColumnElement[int]:
    """The place, from 1, of the value that `share` percent of `count` values do not exceed."""
    return (count * share + 99) // 100


def spread(count: int, total: Any, percentiles: list[Any], longest: Any) -> Spread:
    """A spread out of milliseconds."""
    if not count:
        return NOTHING
    p50, p90, p95, p99 = (seconds(value) for value in percentiles)
    mean = mean_seconds(total, count)
    return Spread(count=count, mean=mean, p50=p50, p90=p90, p95=p95, p99=p99, longest=seconds(longest))


async def spread_of(connection: AsyncConnection, values: Select[Any]) -> tuple[Spread, int]:
    """How the one column `value` (milliseconds) of a selection spreads, and its sum."""
    of = values.subquery("spread_values")
    place = func.row_number().over(order_by=of.c.value).label("place")
    ranked = select(of.c.value, place, func.count().over().label("count")).subquery("ranked")
    figures = select(
        func.count(),
        func.coalesce(func.sum(ranked.c.value), 0),
        func.max(ranked.c.value),
        *(
            func.max(case((ranked.c.place == rank_of(cast(ranked.c.count, Integer), share), ranked.c.value)))
            for share in PERCENTILES
        ),
    ).select_from(ranked)
    count, total, longest, *percentiles = (await connection.execute(figures)).one()
    return spread(count, total, percentiles, longest), int(total)
