"""The wallboard on a terminal, for any width: stacked in one column when narrow, in two panes from 150 columns on."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from vss_router.cli.wallboard import Frame, Line, state_counts, waiting_callers
from vss_router.cli.words import Words
from vss_router.status.rows import OperatorRow, QueueRow

__all__ = ["wallboard"]

_STYLES: Final = {
    "talking": "blue",
    "on_hold": "magenta",
    "other_call": "bright_blue",
    "ringing": "bright_yellow",
    "wrap_up": "cyan",
    "available": "green",
    "paused": "yellow",
    "unreachable": "red",
    "logged_out": "bright_black",
}
_LINE_STYLES: Final = {"live": "green", "resync": "yellow", "connecting": "yellow", "down": "bold red"}
_TWO_PANES: Final = 150
_WIDE_HEADER: Final = 100
_OPERATOR_WIDTH: Final = 40
_QUEUE_NAME: Final = 10
_QUEUE_GAP: Final = 3
_GOOD, _FAIR = 80.0, 60.0
"""Percent answered in time: green from the first on, red under the second."""


def wallboard(frame: Frame, words: Words, width: int, height: int | None = None) -> RenderableType:
    """The whole board for `width` columns; with a `height`, what does not fit is cut and counted."""
    top: list[RenderableType] = [_header(frame, words, width), *_troubles(frame), *_state_bar(frame, words, width)]
    lines_above = 1 + sum(-(-part.cell_len // width) for part in top[1:] if isinstance(part, Text))
    room = None if height is None else max(6, height - lines_above - 1)
    if width >= _TWO_PANES:
        left_width = width * 11 // 20
        right_width = width - left_width - 2
        panes = Table.grid(padding=(0, 1))
        panes.add_column(width=left_width)
        panes.add_column(width=right_width)
        queues, used = _queues(frame, words, left_width, None if room is None else room - 5)
        left = Group(queues, Text(), _callers(frame, words, left_width, None if room is None else room - used - 1))
        panes.add_row(left, _operators(frame, words, right_width, room))
        return Group(*top, panes)
    queues, used = _queues(frame, words, width, None if room is None else room // 3 + 1)
    waiting = len(waiting_callers(frame.queues))
    calls_room = None if room is None else min(waiting + 2, max(3, (room - used) // 3))
    people_room = None if room is None or calls_room is None else max(2, room - used - calls_room)
    return Group(
        *top,
        queues,
        _callers(frame, words, width, calls_room),
        _operators(frame, words, width, people_room),
    )


def _header(frame: Frame, words: Words, width: int) -> RenderableType:
    left = Text(" vss-router ", style="bold reverse")
    for line in frame.lines:
        left.append(f"  {line.source} ", style="bold")
        left.append(f"● {words.links[line.state]}", style=_LINE_STYLES[line.state])
    right = Text()
    rate = _total_rate(frame.lines)
    calls = sum(call.status != "ended" for snapshot in frame.snapshots for call in snapshot.calls)
    right.append(f"{calls} {words.calls}", style="bold")
    if width >= _WIDE_HEADER:
        channels = sum(len(snapshot.channels) for snapshot in frame.snapshots)
        right.append(f" · {channels} {words.channels}")
    if rate is not None:
        right.append(f" · {rate:,.0f} {words.events_per_second}".replace(",", " "))
    drift = sum(sum(line.drift.values()) for line in frame.lines)
    right.append(f" · {words.drift} {drift}", style="red" if drift else "green")
    right.append(f" · {frame.at.astimezone():%H:%M:%S} ", style="dim")
    row = Table.grid(expand=False)
    row.add_column(width=max(1, width - right.cell_len), no_wrap=True, overflow="ellipsis")
    row.add_column(justify="right", no_wrap=True)
    row.add_row(left, right)
    return row


def _troubles(frame: Frame) -> list[RenderableType]:
    """One line per PBX that is not as it should be: a board that stands still must say so."""
    return [
        Text(f" {line.source}: {line.trouble}", style="bold red", no_wrap=True, overflow="ellipsis")
        for line in frame.lines
        if line.trouble and line.state != "live"
    ]


def _total_rate(lines: list[Line]) -> float | None:
    rates = [line.events_per_second for line in lines if line.events_per_second is not None]
    return sum(rates) if rates else None


def _state_bar(frame: Frame, words: Words, width: int) -> list[RenderableType]:
    """The operators as one coloured bar, each state as wide as its share, and the figures beneath."""
    counts = state_counts(frame.operators)
    total = sum(counts.values())
    if not total:
        return [Text(f" {words.no_operators}", style="dim")]
    bar = Text(no_wrap=True)
    drawn, seen = 0, 0
    legend = Text()
    for state, count in counts.items():
        seen += count
        cells = round(seen * width / total) - drawn
        drawn += cells
        bar.append("▀" * cells, style=_STYLES[state])
        legend.append(" ● ", style=_STYLES[state])
        legend.append(f"{count} ", style="bold")
        legend.append(words.states[state])
    return [bar, legend]


def _queues(frame: Frame, words: Words, width: int, room: int | None) -> tuple[RenderableType, int]:
    """The table of queues, and the lines it takes. A narrow terminal loses the columns that matter least."""
    queues = frame.queues
    if not queues:
        return Text(f" {words.no_queues}", style="dim"), 1
    shown = queues if room is None else queues[: max(1, room - 3)]
    columns = [(heading, [cells(queue, frame.at) for queue in shown]) for heading, cells in _queue_columns(words)]
    kept, used = [], max(_QUEUE_NAME, *(cell_len(queue.name) for queue in shown))
    for heading, cells in columns:
        used += max(cell_len(heading), *(cell.cell_len for cell in cells)) + _QUEUE_GAP
        if used > width:
            break
        kept.append((heading, cells))
    table = Table(box=box.SIMPLE_HEAD, width=width, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 1))
    table.add_column(words.queue, ratio=1, no_wrap=True, overflow="ellipsis", style="bold")
    for heading, _ in kept:
        table.add_column(heading, justify="right", no_wrap=True)
    for number, queue in enumerate(shown):
        table.add_row(Text(queue.name), *(cells[number] for _, cells in kept))
    lines = len(shown) + 2
    if len(shown) < len(queues):
        table.add_row(Text(words.more.format(count=len(queues) - len(shown)), style="dim"))
        lines += 1
    return table, lines


def _queue_columns(words: Words) -> list[tuple[str, Callable[[QueueRow, datetime], Text]]]:
    """(heading, cell) of a queue, those that matter most first."""
    return [
        (words.waiting, _waiting),
        (words.longest, _longest),
        (words.service_level, lambda queue, _: _gauge(queue.service_level_percent.of_offered)),
        (words.free, lambda queue, _: _free(queue)),
        (words.talking, lambda queue, _: _count(queue.counts.talking + queue.counts.on_hold, "blue")),
        (words.answered, lambda queue, _: _count(queue.answered, "")),
        (words.lost, lambda queue, _: _count(queue.abandoned + queue.timed_out, "red")),
        (words.average_wait, lambda queue, _: Text(_duration(queue.average_wait))),
        (words.average_talk, lambda queue, _: Text(_duration(queue.average_talk))),
        (words.ringing, lambda queue, _: _count(queue.counts.ringing, "bright_yellow")),
        (words.paused, lambda queue, _: _count(queue.counts.paused, "yellow")),
        (words.wrap_up, lambda queue, _: _count(queue.counts.wrap_up, "cyan")),
        (words.p90_wait, lambda queue, _: Text(_duration(queue.p90_wait))),
    ]


def _longest_wait(queue: QueueRow, now: datetime) -> float | None:
    return max(((now - caller.joined_at).total_seconds() for caller in queue.callers), default=None)


def _alarm(queue: QueueRow, now: datetime) -> str:
    longest = _longest_wait(queue, now)
    if longest is None:
        return "dim"
    late = 0 < queue.service_level_seconds < longest
    return "bold red" if late else "bold yellow"


def _waiting(queue: QueueRow, now: datetime) -> Text:
    return Text(str(len(queue.callers)) if queue.callers else "·", style=_alarm(queue, now))


def _longest(queue: QueueRow, now: datetime) -> Text:
    return Text(_duration(_longest_wait(queue, now)), style=_alarm(queue, now))


def _free(queue: QueueRow) -> Text:
    counts = queue.counts
    return Text(f"{counts.available}/{counts.logged_in}", style="green" if counts.available else "red")


def _callers(frame: Frame, words: Words, width: int, room: int | None) -> RenderableType:
    callers = waiting_callers(frame.queues)
    title = Rule(Text(f"{words.callers} {len(callers)}", style="bold"), align="left", style="bright_black")
    if not callers:
        return Group(title, Text(f" {words.nobody_waits}", style="dim"))
    names = {row.id: row.extension or row.id for row in frame.operators}
    grid = Table.grid(padding=(0, 2))
    grid.width = width
    for justify, ratio in (("right", None), ("left", 2), ("left", 3), ("left", 4)):
        grid.add_column(justify=justify, ratio=ratio, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    fit = len(callers) if room is None or len(callers) < room else max(1, room - 2)
    shown = callers[:fit]
    for queue, caller in shown:
        waited = (frame.at - caller.joined_at).total_seconds()
        ringing = ", ".join(names.get(operator, operator) for operator in caller.ringing)
        grid.add_row(
            Text(_duration(waited), style="bold yellow"),
            Text(f"{queue} #{caller.position}"),
            Text(" ".join(filter(None, (caller.number, caller.name))), style="bold"),
            Text(f"{words.rings_at} {ringing}" if ringing else "", style="bright_yellow"),
        )
    if len(shown) < len(callers):
        grid.add_row("", Text(words.more.format(count=len(callers) - len(shown)), style="dim"))
    return Group(title, grid)


def _operators(frame: Frame, words: Words, width: int, room: int | None) -> RenderableType:
    """The operators in as many columns as fit, read downwards, so that those of a state stand together."""
    operators = frame.operators
    title = Rule(Text(f"{words.operators} {len(operators)}", style="bold"), align="left", style="bright_black")
    columns = max(1, min(width // _OPERATOR_WIDTH, len(operators)))
    rows = -(-len(operators) // columns)
    hidden = 0
    if room is not None and rows > room - 1:
        rows = max(1, room - 2)
        hidden = max(0, len(operators) - rows * columns)
    state_width = max((cell_len(words.states[operator.state]) for operator in operators), default=0)
    grid = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(columns):
        grid.add_column(width=width // columns - state_width - 9, no_wrap=True, overflow="ellipsis")
        grid.add_column(width=state_width, no_wrap=True)
        grid.add_column(width=6, justify="right", no_wrap=True, style="dim")
    for row in range(rows):
        cells = operators[row : rows * columns : rows]
        grid.add_row(*(cell for operator in cells for cell in _operator_cells(operator, frame.at, words)))
    more = [Text(f" {words.more.format(count=hidden)}", style="dim")] if hidden else []
    return Group(title, grid, *more)


def _operator_cells(operator: OperatorRow, now: datetime, words: Words) -> tuple[Text, Text, Text]:
    """`● 1001 Anna Petrova`, `talking`, `2:15`; a reason or a partial pause stands after the name."""
    style = _STYLES[operator.state]
    who = Text("● ", style=style)
    who.append(operator.extension or operator.id, style="bold default")
    who.append(f" {operator.name}" if operator.name and operator.name != operator.id else "", style="default")
    if operator.state == "paused" and operator.reason:
        who.append(f" · {operator.reason}", style="yellow")
    elif operator.paused_queues:
        who.append(f" · {words.paused_in} {', '.join(operator.paused_queues)}", style="yellow")
    since = _duration((now - operator.since).total_seconds())
    return who, Text(words.states[operator.state], style=style), Text(since)


def _gauge(percent: float | None) -> Text:
    if percent is None:
        return Text("-", style="dim")
    style = "green" if percent >= _GOOD else "yellow" if percent >= _FAIR else "red"
    full = round(percent / 20)
    text = Text("━" * full, style=style)
    text.append("━" * (5 - full), style="bright_black")
    text.append(f" {percent:3.0f}%", style=style)
    return text


def _count(value: int, style: str) -> Text:
    return Text(str(value), style=style) if value else Text("·", style="dim")


def _duration(seconds: float | None) -> str:
    """`0:07`, `12:05`, `3h05`: never wider than six cells below 100 hours."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}h{minutes:02d}" if hours < 100 else f"{hours // 24}d"
