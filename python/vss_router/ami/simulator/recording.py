"""Writing simulated traffic as a recording: what an AMI session would have received, lists included."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from vss_router.ami.simulator.greeting import FULLY_BOOTED, GREETING, LOGIN_ANSWER
from vss_router.errors import CaptureError

__all__ = ["RECORDED_LISTS", "write_recording"]

RECORDED_LISTS: Final = (
    "QueueStatus",
    "QueueSummary",
    "CoreShowChannels",
    "Status",
    "DeviceStateList",
    "ExtensionStateList",
    "Agents",
    "CoreStatus",
    "CoreSettings",
)
"""The lists a recording holds each time, in this order."""

COMPRESSION = 2
"""Fast: a minute of 5 000 events/s is 150 MB before compression."""


def write_recording(
    path: str | Path,
    seconds: float,
    lists_every: float,
    *,
    now: Callable[[], float],
    advance: Callable[[float], list[tuple[float, bytes]]],
    lists: Callable[[str, str], bytes],
) -> int:
    """Write `seconds` of traffic to `path`, gzip when it ends in `.gz`; returns the number of events.

    The lists stand there once early, then every `lists_every` seconds, and at the end (`snap-end-…`). Written as it
    is made: memory does not grow with the length.

    Raises
    ------
    CaptureError
        The file cannot be written.
    """
    with _opened(Path(path)) as file:
        file.write(GREETING + LOGIN_ANSWER.format(action_id="ActionID: login-vss\r\n").encode() + FULLY_BOOTED)
        begin = now()
        end = begin + seconds
        due = min(begin + 0.25, end)
        number = events = 0
        while now() < end:
            until = min(now() + 0.25, due, end)
            batch = advance(until)
            events += len(batch)
            file.write(b"".join([message for _, message in batch]))
            if until >= due and until < end:
                number += 1
                due = begin + number * lists_every
                _write_lists(file, str(number), lists)
        _write_lists(file, "end", lists)
    return events


def _write_lists(file: IO[bytes] | gzip.GzipFile, name: str, lists: Callable[[str, str], bytes]) -> None:
    for action in RECORDED_LISTS:
        file.write(lists(action, f"snap-{name}-{action}"))


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    try:
        with path.open("wb") as raw:
            if path.suffix == ".gz":
                # Neither name nor time goes into the header: the same simulation makes the same file.
                with gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as packed:
                    yield packed
            else:
                yield raw
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaptureError(
            f"the recording {path} cannot be written ({reason}); check the folder and its rights"
        ) from None
