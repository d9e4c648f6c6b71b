"""The simulator: endless, consistent AMI traffic of an Asterisk 22 call centre."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

from vss_router.ami.simulator.arrivals import Arrivals
from vss_router.ami.simulator.centre import Centre
from vss_router.ami.simulator.control import Control
from vss_router.ami.simulator.conversation import Conversations
from vss_router.ami.simulator.distribution import Distribution
from vss_router.ami.simulator.leg import Dialer
from vss_router.ami.simulator.lists import Lists
from vss_router.ami.simulator.parking import Parking
from vss_router.ami.simulator.presence import Presence
from vss_router.ami.simulator.recording import write_recording
from vss_router.ami.simulator.transfers import Transfers
from vss_router.errors import SettingsError

__all__ = ["Simulator"]

RINGING_SECONDS = 5.0
WRAP_UP_SECONDS = 4.0
OCCUPANCY = 0.7
"""Share of the operators who are busy when the talking time is chosen to fit the calls."""

EVENTS_PER_CALL = 43.5
EVENTS_PER_CALL_AND_MEMBERSHIP = 3.6
EVENTS_PER_MEMBERSHIP_AND_SECOND = 0.012
"""Measured: what a call of the usual mix and a member's pauses bring."""

Events = list[tuple[float, bytes]]
"""(Unix seconds, the message as it goes on the wire), in order of time."""

START = 1_767_225_600.0
WARM_UP_SECONDS = 240.0


class Simulator:
    """A call centre of `operators` people in `queues` queues, each in `memberships` of them.

    Everything follows from `seed`: the same arguments give the same bytes. Time is virtual: nothing happens but by
    `advance`. Either `calls_per_second` or `events_per_second` (about, AMI events) sets the pace; the talking time is
    chosen so that most operators are busy, unless `talk_seconds` sets it. `start` is the virtual time of the first
    event, Unix seconds; before it the call centre has been at work for `warm_up` virtual seconds nobody heard.

    `control` does what AMI actions ask for: pauses, members, penalties, originates.

    Raises
    ------
    SettingsError
        A number that makes no call centre.
    """

    def __init__(
        self,
        operators: int = 40,
        queues: int = 4,
        *,
        memberships: int = 3,
        calls_per_second: float | None = None,
        events_per_second: float | None = None,
        talk_seconds: float | None = None,
        seed: int = 1,
        start: float = START,
        warm_up: float = WARM_UP_SECONDS,
    ) -> None:
        rate = _pace(operators, memberships, calls_per_second, events_per_second)
        _check(operators, queues, memberships, rate, talk_seconds, warm_up)
        self.calls_per_second = rate
        self.operators = operators
        talk = talk_seconds or _fitting_talk(operators, rate)
        self._centre = centre = Centre(
            operators=operators,
            queues=queues,
            memberships=memberships,
            talk_seconds=talk,
            start=start - warm_up,
            rng=Random(seed),  # noqa: S311
        )
        dialer = Dialer(centre)
        distribution = Distribution(centre, dialer)
        conversations = Conversations(centre, dialer, distribution)
        Transfers(centre, dialer, distribution, conversations)
        Parking(centre, dialer, conversations)
        presence = Presence(centre, distribution)
        arrivals = Arrivals(centre, dialer, distribution, conversations, rate)
        self.control = Control(centre, presence, arrivals)
        self._lists = Lists(centre)
        centre.schedule.run(start)
        centre.journal.silent = False

    @property
    def now(self) -> float:
        """The virtual time, Unix seconds."""
        return self._centre.schedule.seconds

    @property
    def booted(self) -> float:
        """When this PBX started, Unix seconds of virtual time."""
        return float(self._centre.booted)

    @property
    def events(self) -> int:
        """Events announced so far, those of the warm-up included."""
        return self._centre.journal.count

    @property
    def wrapup_seconds(self) -> Mapping[str, float]:
        """The wrap-up time of each queue, which AMI does not tell."""
        return {queue.name: queue.wrapup_seconds for queue in self._centre.queues}

    def advance(self, until: float) -> Events:
        """Let time pass up to `until` (Unix seconds); returns the events on the way: (time, message)."""
        self._centre.schedule.run(until)
        return self._centre.journal.take()

    def stream(self, seconds: float, step: float = 0.25) -> Iterator[tuple[float, bytes]]:
        """The events of the next `seconds`, made `step` seconds at a time."""
        end = self.now + seconds
        while self.now < end:
            yield from self.advance(min(self.now + step, end))

    def record(self, path: str | Path, seconds: float, lists_every: float = 20.0) -> int:
        """Write the next `seconds` as a recording that `verify` and `replay` read; returns the number of events.

        Gzip when the name ends in `.gz`. Asterisk's lists stand in it once early, then every `lists_every` seconds
        (`snap-<n>-<Action>`), and at the end (`snap-end-<Action>`).

        Raises
        ------
        CaptureError
            The file cannot be written.
        SettingsError
            `seconds` or `lists_every` is not above 0.
        """
        for name, value in (("seconds", seconds), ("lists_every", lists_every)):
            if not value > 0:
                raise SettingsError(f"{name} is {value}, it must be above 0")
        return write_recording(path, seconds, lists_every, now=lambda: self.now, advance=self.advance, lists=self.list)

    def list(self, action: str, action_id: str = "") -> bytes:
        """Asterisk's answer to a list action (`QueueStatus`, `CoreShowChannels`, …), true at this moment.

        Raises
        ------
        SettingsError
            The simulator does not know that list.
        """
        answer = self._lists.answer(action, action_id)
        if answer is None:
            raise SettingsError(f"the simulator does not know the list {action!r}; ask one of AMI's status lists")
        return answer


def _pace(operators: int, memberships: int, calls_per_second: float | None, events_per_second: float | None) -> float:
    if calls_per_second is not None and events_per_second is not None:
        raise SettingsError("give calls_per_second or events_per_second, not both")
    if events_per_second is not None:
        calls = events_per_second - operators * memberships * EVENTS_PER_MEMBERSHIP_AND_SECOND
        return max(calls, 0.0) / (EVENTS_PER_CALL + EVENTS_PER_CALL_AND_MEMBERSHIP * memberships)
    return 1.0 if calls_per_second is None else calls_per_second


def _check(
    operators: int, queues: int, memberships: int, rate: float, talk_seconds: float | None, warm_up: float
) -> None:
    for name, value, least in (
        ("operators", operators, 1),
        ("queues", queues, 1),
        ("memberships", memberships, 1),
        ("calls_per_second", rate, 0),
        ("warm_up", warm_up, 0),
    ):
        if not value >= least:
            raise SettingsError(f"{name} is {value}, it must be at least {least}")
    if talk_seconds is not None and not talk_seconds > 0:
        raise SettingsError(f"talk_seconds is {talk_seconds}, it must be above 0")


def _fitting_talk(operators: int, rate: float) -> float:
    if not rate:
        return 30.0
    return min(max(operators * OCCUPANCY / rate - RINGING_SECONDS - WRAP_UP_SECONDS, 4.0), 240.0)
