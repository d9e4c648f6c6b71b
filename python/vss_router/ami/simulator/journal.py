"""The event stream: what the model announces, in order, each with its Timestamp."""

from vss_router.ami.simulator.schedule import MICROSECOND, Schedule

__all__ = ["Journal"]

STEP = 11
"""Microseconds between two events of the same moment: Asterisk never stamps two alike for long."""


class Journal:
    """Collects the events announced since they were last taken."""

    __slots__ = ("_announced", "_last", "_schedule", "count", "silent")

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._announced: list[tuple[int, str]] = []
        self._last = 0
        self.count = 0
        self.silent = True  # while the call centre is built and warms up nobody listens

    def announce(self, name: str, privilege: str, headers: str) -> None:
        """Add one event; `headers` are whole lines."""
        now = self._schedule.now
        last = self._last = max(self._last + STEP, now)
        self.count += 1
        if not self.silent:
            text = (
                f"Event: {name}\r\nPrivilege: {privilege},all\r\n"
                f"Timestamp: {last // MICROSECOND}.{last % MICROSECOND:06d}\r\n{headers}\r\n"
            )
            self._announced.append((last, text))

    def call(self, name: str, headers: str) -> None:
        """Announce an event of class call."""
        self.announce(name, "call", headers)

    def agent(self, name: str, headers: str) -> None:
        """Announce an event of class agent."""
        self.announce(name, "agent", headers)

    def take(self) -> list[tuple[float, bytes]]:
        """The events since the last call: (Unix seconds, the message as it goes on the wire)."""
        announced = self._announced
        self._announced = []
        return [(when / MICROSECOND, text.encode()) for when, text in announced]
