"""The wallboard: nothing wider than the terminal, nothing lost without a count, both languages."""

import io
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from vss_router.cli.wallboard import STATES, Frame, Line, Rate, frame_time, state_counts, waiting_callers
from vss_router.cli.wallboard_view import wallboard
from vss_router.cli.words import Language, language_of, words_in
from vss_router.status.rows import (
    Caller,
    OperatorRow,
    OperatorState,
    QueueCounts,
    QueueRow,
    ServiceLevel,
    SourceSnapshot,
)

NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)


def operator(number: int, state: OperatorState, seconds: float = 60.0, *, name: str = "Анна Петрова") -> OperatorRow:
    return OperatorRow(
        source="main",
        id=f"PJSIP/{number}",
        extension=str(number),
        name=name,
        state=state,
        since=NOW - timedelta(seconds=seconds),
        reason="Обед" if state == "paused" else None,
        intent="available",
        activity="idle",
        reachable=True,
        device_state="UNKNOWN",
        paused_queues=[],
        memberships=[],
        channels=[],
        call=None,
        wrap_up_ends=None,
        seq=1,
        as_of=NOW,
    )


def caller(position: int, waited: float, ringing: list[str] | None = None) -> Caller:
    return Caller(
        position=position,
        channel=f"PJSIP/trunk-0000000{position}",
        call_id=f"1.{position}",
        number=f"7495123456{position}",
        name="",
        joined_at=NOW - timedelta(seconds=waited),
        priority=0,
        ringing=ringing or [],
    )


def queue(name: str, *callers: Caller, available: int = 2) -> QueueRow:
    return QueueRow(
        source="main",
        name=name,
        strategy="rrmemory",
        weight=0,
        max=0,
        service_level_seconds=20,
        counts=QueueCounts(
            logged_in=9, available=available, ringing=1, talking=3, on_hold=1, wrap_up=1, paused=1, unreachable=0
        ),
        callers=list(callers),
        longest_wait=0.0,
        offered=10,
        answered=7,
        abandoned=2,
        timed_out=1,
        service_level_percent=ServiceLevel(of_answered=90.0, of_offered=70.0),
        average_wait=12.0,
        average_talk=134.0,
        p90_wait=33.0,
        seq=1,
        as_of=NOW,
    )


def frame(operators: list[OperatorRow], queues: list[QueueRow], line: Line | None = None) -> Frame:
    snapshot = SourceSnapshot(
        source="main", seq=1, as_of=NOW, operators=operators, channels=[], queues=queues, calls=[]
    )
    return Frame(at=NOW, snapshots=[snapshot], lines=[line or Line(source="main", state="live")])


def drawn(shown: Frame, width: int, height: int | None = None, language: Language = "en") -> str:
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=False)
    console.print(wallboard(shown, words_in(language), width, height))
    return text.getvalue()


FULL = frame(
    [operator(1001 + number, STATES[number % len(STATES)], 100.0 * number) for number in range(40)],
    [
        queue("support", caller(1, 95.0, ["PJSIP/1003"]), caller(2, 15.0)),
        queue("sales"),
        queue("a queue with a name that is far too long for any terminal" * 2),
    ],
    Line(source="main", state="live", events_per_second=1234.0),
)


def test_a_lost_connection_says_why_on_the_board() -> None:
    shown = drawn(frame([], [], Line(source="main", state="down", trouble="main=ami://r@pbx:5038 is away")), 80)
    assert "no connection" in shown
    assert "main=ami://r@pbx:5038 is away" in shown


def test_an_empty_call_centre_says_so() -> None:
    shown = drawn(frame([], []), 80)
    assert "no operators yet" in shown
    assert "no queues yet" in shown
    assert "nobody is waiting" in shown


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("width", [60, 80, 120, 149, 150, 200, 300])
def test_no_line_is_wider_than_the_terminal_and_everyone_is_shown(width: int, language: Language) -> None:
    shown = drawn(FULL, width, language=language)
    assert max(cell_len(line) for line in shown.splitlines()) <= width
    for row in FULL.operators:
        assert row.extension in shown
    assert "support" in shown
    assert "74951234561" in shown


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("height", [15, 24, 40])
def test_what_does_not_fit_into_the_height_is_counted(width: int, height: int) -> None:
    many = frame([operator(1001 + n, "available") for n in range(400)], FULL.snapshots[0].queues * 10, FULL.lines[0])
    shown = drawn(many, width, height)
    assert len(shown.splitlines()) <= height
    assert "more" in shown


def test_callers_are_not_cut_while_there_is_room_for_them() -> None:
    shown = drawn(frame([], [queue("support", *(caller(n, 100.0 - n) for n in range(1, 6)))]), 100, 30)
    assert "more" not in shown
    assert all(f"7495123456{n}" in shown for n in range(1, 6))


def test_the_queue_whose_caller_waits_longest_comes_first_then_the_quiet_ones_by_name() -> None:
    shown = frame([], [queue("b"), queue("a"), queue("z", caller(1, 5.0)), queue("y", caller(1, 50.0))])
    assert [row.name for row in shown.queues] == ["y", "z", "a", "b"]


def test_callers_of_all_queues_stand_in_order_of_their_wait() -> None:
    queues = [queue("x", caller(1, 5.0), caller(2, 3.0)), queue("y", caller(1, 4.0))]
    assert [(name, row.position) for name, row in waiting_callers(queues)] == [("x", 1), ("y", 1), ("x", 2)]


def test_operators_stand_by_state_and_longest_first() -> None:
    shown = frame([operator(1, "paused"), operator(2, "talking", 5.0), operator(3, "talking", 50.0)], [])
    assert [row.extension for row in shown.operators] == ["3", "2", "1"]
    assert list(state_counts(shown.operators).items()) == [("talking", 2), ("paused", 1)]


def test_a_wait_is_told_in_minutes_and_long_states_in_hours_and_days() -> None:
    shown = drawn(
        frame(
            [operator(1001, "paused", 3 * 3600 + 300.0), operator(1002, "paused", 400 * 3600.0)],
            [queue("support", caller(1, 95.0))],
        ),
        120,
    )
    assert "1:35" in shown
    assert "3h05" in shown
    assert "16d" in shown
    assert "Обед" in shown


def test_russian_words_are_russian_and_none_is_missing() -> None:
    english, russian = words_in("en"), words_in("ru")
    assert english.states.keys() == russian.states.keys() == set(STATES)
    assert english.links.keys() == russian.links.keys()
    same = {name for name in msgspec.structs.asdict(english) if getattr(english, name) == getattr(russian, name)}
    assert same == {"p90_wait"}
    assert "говорит" in drawn(FULL, 120, language="ru")


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ru_RU"}, "ru"),
    ],
)
def test_the_language_follows_the_locale(environ: dict[str, str], language: Language) -> None:
    assert language_of(environ) == language


def test_a_rate_is_counted_over_its_window_and_starts_anew_when_the_counter_falls() -> None:
    rate = Rate(window=5.0)
    assert rate.add(0.0, 0) is None
    assert rate.add(1.0, 100) == 100.0
    assert rate.add(10.0, 100) == 0.0
    assert rate.add(11.0, 5) is None
    assert rate.add(12.0, 7) == 2.0


def test_durations_count_to_the_newest_fact_when_a_recording_runs_ahead_of_the_clock() -> None:
    snapshots = FULL.snapshots
    assert frame_time(NOW - timedelta(hours=1), snapshots) == NOW
    assert frame_time(NOW + timedelta(hours=1), snapshots) == NOW + timedelta(hours=1)
    assert frame_time(NOW, []) == NOW
